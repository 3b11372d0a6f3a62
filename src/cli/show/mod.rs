//! `crossfade show`, `crossfade explain` and `crossfade schema`.

mod explain;
mod faults;
mod keys;

use std::fmt::Write as _;

pub(super) use explain::explain;
pub(super) use faults::effects;

use super::args::{SchemaKind, Shown};
use super::files::Place;
use super::{Failure, print, proxy, rules};
use crate::answer::Library;
use crate::api::{ApiId, Level, Vendor};
use crate::builtin::{Defect, Family};
use crate::check;
use crate::proxy::{GetBy, Wanted};
use crate::runner::Exit;
use crate::schema;

/// Lists what there is of a kind.
pub(super) fn show(what: Shown, markdown: bool) -> Result<Exit, Failure> {
    if markdown && what != Shown::Checks {
        return Err(Failure::usage("only `checks` are shown as a page in Markdown"));
    }
    let text = match what {
        Shown::Checks if markdown => check::markdown(),
        Shown::Answers => answers(),
        Shown::Faults => faults::listed(),
        Shown::Checks => {
            let mut text = String::new();
            for info in check::CATALOGUE {
                let _ = writeln!(text, "{:28} {:6} {}", info.id, level(info.level), info.requirement);
            }
            text
        }
        Shown::Rules => rules::list(&Place::find()?.rules()?),
        Shown::Defects => {
            let mut text = String::new();
            for family in Family::ALL {
                let _ = writeln!(text, "{}:", family.title());
                for defect in Defect::ALL.iter().filter(|defect| defect.family() == family) {
                    let _ = writeln!(text, "  {:28} {}", defect.name(), defect.summary());
                }
            }
            text
        }
        Shown::Proxies => proxies()?,
        Shown::Apis => types(&schema::scenario(), &[("APIs (`client: API`, `api:` of a leg)", "ApiId")], "scenario"),
        Shown::Vendors => vendors(),
        Shown::Outcomes => {
            types(&schema::scenario(), &[("outcomes (`expect: {outcome: ...}`)", "Outcome")], "scenario")
        }
        Shown::Habits => types(&schema::scenario(), HABITS, "scenario"),
        Shown::Settings => keys_of("settings (`settings:` of a scenario)", &schema::scenario(), "Settings", "scenario"),
        Shown::Policies => {
            keys_of("policies (`policy:` of a profile, `--policy KEY=VALUE`)", &schema::profile(), "Policy", "profile")
        }
        Shown::Scenario => all_keys("scenario", &schema::scenario()),
        Shown::Profile => all_keys("profile", &schema::profile()),
    };
    print(&text);
    Ok(Exit::AsExpected)
}

/// What a leg does besides answering and breaking.
const HABITS: &[(&str, &str)] = &[
    ("obeys (how a leg takes being asked to go on)", "Obeys"),
    ("pace (when events are sent)", "Pace"),
    ("barrier (what a cut waits for)", "Barrier"),
];

/// Values of types of a schema.
fn types(schema: &serde_json::Value, of: &[(&str, &str)], kind: &str) -> String {
    let mut text = String::new();
    for (title, name) in of {
        let _ = write!(text, "{title}:\n{}", keys::listed(&keys::values_of(schema, name)));
    }
    text + &documented(kind)
}

/// Keys of a type of a schema, with their values.
fn keys_of(title: &str, schema: &serde_json::Value, name: &str, kind: &str) -> String {
    format!("{title}:\n{}{}", keys::listed(&keys::keys_of(schema, name)), documented(kind))
}

/// Every key of a kind of file.
fn all_keys(kind: &str, schema: &serde_json::Value) -> String {
    format!(
        "keys of a {kind} (NAME and N stand for any name and place):\n{}{}",
        keys::listed(&keys::keys(schema)),
        documented(kind)
    )
}

fn documented(kind: &str) -> String {
    format!("\n`crossfade schema {kind}` says all of it, for editors too.\n")
}

/// Vendors whose models a leg can play.
fn vendors() -> String {
    let mut text = String::from("vendors (`model: VENDOR/MODEL` of a leg), with the APIs that they are asked in:\n");
    for (name, apis) in ApiId::vendors() {
        let apis = apis.into_iter().map(ApiId::name).collect::<Vec<_>>().join(", ");
        let own = if Vendor::named(name).is_some() {
            format!(", in its own way: src/vendors/{name}.yaml")
        } else {
            String::new()
        };
        let _ = writeln!(text, "  {name:18} {apis}{own}");
    }
    text + &documented("vendor")
}

fn answers() -> String {
    let library = Library::bundled();
    let mut text = String::from("answers (`answer: NAME`):\n");
    for name in Library::names() {
        let summary = library.answer(name).ok().and_then(|script| script.summary.clone()).unwrap_or_default();
        let _ = writeln!(text, "  {name:20} {summary}");
    }
    text.push_str("cassettes (`answer: {cassette: NAME}`):\n");
    for name in Library::cassette_names() {
        let summary =
            library.cassette(None, name).ok().and_then(|cassette| cassette.summary.clone()).unwrap_or_default();
        let _ = writeln!(text, "  {name:44} {summary}");
    }
    text
}

fn proxies() -> Result<String, Failure> {
    let place = Place::find()?;
    let (catalogue, host) = (proxy::catalogue(&place)?, proxy::host()?);
    let mut text = String::new();
    for bundle in catalogue.all() {
        let profile = &bundle.profile;
        let _ = writeln!(text, "{:10} {}", profile.profile, profile.summary);
        let names: Vec<String> = match profile.get {
            GetBy::Pip { .. } | GetBy::Npm { .. } | GetBy::Cargo { .. } => {
                profile.versions.keys().map(|version| format!("{}@{version}", profile.profile)).collect()
            }
            GetBy::Builtin | GetBy::System { .. } => vec![profile.profile.clone()],
        };
        for name in names {
            let wanted: Wanted = name.parse().map_err(Failure::from)?;
            let state = match catalogue.resolve(&wanted, &host) {
                Ok(program) => match &program.version {
                    Some(version) if matches!(profile.get, GetBy::System { .. }) => {
                        format!("{} {version}", program.how)
                    }
                    _ => program.how.clone(),
                },
                Err(error) => error.to_string(),
            };
            let _ = writeln!(text, "  {name}: {state}");
        }
    }
    Ok(text)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
    }
}

/// Prints a schema.
pub(super) fn schema(kind: SchemaKind) -> Result<Exit, Failure> {
    let name = clap::ValueEnum::to_possible_value(&kind).map(|value| value.get_name().to_owned()).unwrap_or_default();
    let schema = schema::of_kind(&name).ok_or_else(|| Failure::usage(format!("`{name}` has no schema")))?;
    print(&(serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"));
    Ok(Exit::AsExpected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_schema() {
        let kinds = <SchemaKind as clap::ValueEnum>::value_variants();
        for kind in kinds {
            let name = clap::ValueEnum::to_possible_value(kind).unwrap();
            assert!(schema::of_kind(name.get_name()).is_some(), "{name:?}");
        }
        assert_eq!(kinds.len(), schema::KINDS.len());
    }
}
