//! Values that a shell completes. What else may be written is for the parser of each to say.

use clap::Error;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use crate::answer::Library;
use crate::api::ApiId;
use crate::builtin::Defect;
use crate::check::CATALOGUE;
use crate::import::Format;
use crate::proxy::Catalogue;
use crate::scenario;

/// A parser with names that it knows beforehand.
#[derive(Clone, Debug)]
pub(super) struct Completed<P> {
    parser: P,
    names: fn() -> Vec<&'static str>,
}

impl<P: TypedValueParser> TypedValueParser for Completed<P> {
    type Value = P::Value;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Self::Value, Error> {
        self.parser.parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.names)().into_iter().map(PossibleValue::new)))
    }
}

/// Any text, of which some are names.
fn text(names: fn() -> Vec<&'static str>) -> Completed<StringValueParser> {
    Completed { parser: StringValueParser::new(), names }
}

/// An API.
pub(super) fn api() -> impl TypedValueParser<Value = ApiId> {
    let parser = StringValueParser::new().try_map(|text| text.parse::<ApiId>());
    Completed { parser, names: || ApiId::ALL.into_iter().map(ApiId::name).collect() }
}

/// A format of recordings.
pub(super) fn format() -> impl TypedValueParser<Value = Format> {
    let parser = StringValueParser::new().try_map(|text| text.parse::<Format>());
    Completed { parser, names: || Format::ALL.into_iter().map(Format::name).collect() }
}

/// A proxy by name; a version or a URL is as good.
pub(super) fn proxy() -> Completed<StringValueParser> {
    text(|| Catalogue::names().collect())
}

/// A defect of the reference proxy.
pub(super) fn defect() -> Completed<StringValueParser> {
    text(|| Defect::ALL.iter().map(|defect| defect.name()).collect())
}

/// An answer; a file is as good.
pub(super) fn answer() -> Completed<StringValueParser> {
    text(|| Library::names().collect())
}

/// A bundled scenario.
pub(super) fn bundled() -> Completed<StringValueParser> {
    text(|| {
        let stem = |path: &'static str| path.rsplit('/').next().unwrap_or(path).trim_end_matches(".yaml");
        scenario::BUNDLED.iter().map(|(path, _)| stem(path)).collect()
    })
}

/// What there is to explain; rules are too many.
pub(super) fn explained() -> Completed<StringValueParser> {
    text(|| CATALOGUE.iter().map(|info| info.id).chain(Defect::ALL.iter().map(|defect| defect.name())).collect())
}

/// An effect of a cut.
pub(super) fn effect() -> Completed<StringValueParser> {
    text(|| crate::cli::show::effects().collect())
}
