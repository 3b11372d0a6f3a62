//! `crossfade new`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::args::{NewArgs, SketchArgs};
use super::{Failure, print};
use crate::answer::Library;
use crate::api::ApiId;
use crate::diagnostic::{Diagnostic, suggestion};
use crate::runner::Exit;
use crate::{scenario, schema};

/// The schema that lies beside a new scenario.
pub(super) const SCHEMA: &str = "scenario.schema.json";

/// A commented scenario: a stream that breaks, as the arguments say.
pub(super) fn template(name: &str, sketch: &SketchArgs) -> String {
    let api = sketch.client.unwrap_or(ApiId::OpenaiChat);
    let after = sketch.breaks_after.unwrap_or(5);
    let by = sketch.by.as_deref().unwrap_or("close");
    let vary = match sketch.by {
        Some(_) => String::new(),
        None => "\
# Each path below takes each of its values; cases are the product.
vary:
  legs.primary.cut.by: [close, reset, eof, error_event]
"
        .to_owned(),
    };
    format!(
        "\
# yaml-language-server: $schema={SCHEMA}
scenario: {name}
summary: A stream that dies in mid-answer must not look finished
# What the client sends: its API, its conversation, parameters.
client: {api}
# Fake upstreams, in the order in which the proxy shall try them. `crossfade show faults` lists the cuts.
legs:
  primary:
    cut: {{at: {{texts: {after}}}, by: {by}}}
  fallback: {{}}
{vary}"
    )
}

/// The schema of scenarios, as a file.
pub(super) fn schema() -> String {
    serde_json::to_string_pretty(&schema::scenario()).unwrap_or_default() + "\n"
}

/// Writes a scenario to begin with, and the schema beside it.
pub(super) fn new(args: &NewArgs) -> Result<Exit, Failure> {
    let name = args.name.strip_suffix(".yaml").unwrap_or(&args.name);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Failure::usage("a scenario's name is made of letters, digits, `-`, `_` and `.`"));
    }
    let text = match &args.like {
        Some(like) => copy(like, name)?,
        None => template(name, &args.sketch),
    };
    // What is written loads, whatever the arguments say.
    scenario::load_text(&format!("{name}.yaml"), &text, &Library::bundled()).map_err(|errors| refused(&errors))?;
    let path = format!("{name}.yaml");
    write_new(Path::new(&path), &text)?;
    std::fs::write(SCHEMA, schema()).map_err(|error| Failure::file(SCHEMA, error))?;
    print(&format!("wrote {path} and {SCHEMA}\nrun it: crossfade run {path} --proxy builtin\n"));
    Ok(Exit::AsExpected)
}

/// Of a file that is not written no place can be shown.
fn refused(errors: &[Diagnostic]) -> Failure {
    let say = |error: &Diagnostic| match &error.help {
        Some(help) => format!("{}; {help}", error.message),
        None => error.message.clone(),
    };
    let what = errors.iter().map(say).collect::<Vec<_>>().join(". ");
    Failure::usage(format!("nothing is written: what these options say does not load: {what}"))
}

/// A bundled scenario under another name.
fn copy(like: &str, name: &str) -> Result<String, Failure> {
    let stem = |path: &str| path.rsplit('/').next().unwrap_or(path).trim_end_matches(".yaml").to_owned();
    let found = scenario::BUNDLED.iter().find(|(path, _)| stem(path) == like || path.trim_end_matches(".yaml") == like);
    let Some((_, text)) = found else {
        let names: Vec<String> = scenario::BUNDLED.iter().map(|(path, _)| stem(path)).collect();
        let help = suggestion(like, names.iter().map(String::as_str)).unwrap_or_else(|| names.join(", "));
        return Err(Failure::usage(format!("no bundled scenario is called `{like}`; {help}")));
    };
    let lines = text.lines().map(|line| {
        if line.starts_with("scenario:") {
            format!("scenario: {name}")
        } else if line.starts_with("# yaml-language-server:") {
            format!("# yaml-language-server: $schema={SCHEMA}")
        } else {
            line.to_owned()
        }
    });
    Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
}

/// Writes a file that is not there yet.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::usage(format!("{} is there already", path.display())),
        _ => Failure::file(&path.display().to_string(), error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn what_is_written_loads() {
        let args =
            |client, breaks_after, by: Option<&str>| SketchArgs { client, breaks_after, by: by.map(str::to_owned) };
        for (args, count) in [
            (args(None, None, None), 4),
            (args(Some(ApiId::Gemini), Some(1), None), 4),
            (args(Some(ApiId::AnthropicMessages), Some(24), Some("reset")), 1),
        ] {
            let cases = scenario::load_text("x.yaml", &template("x", &args), &Library::bundled()).unwrap();
            assert_eq!(cases.len(), count, "{args:?}");
        }
        for (path, _) in scenario::BUNDLED {
            let like = path.rsplit('/').next().unwrap().trim_end_matches(".yaml");
            let text = copy(like, "mine").unwrap();
            let cases = scenario::load_text("mine.yaml", &text, &Library::bundled()).unwrap();
            assert!(cases.iter().all(|case| case.scenario == "mine"));
        }
    }
}
