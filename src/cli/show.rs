//! `crossfade show`, `crossfade explain` and `crossfade schema`.

use std::fmt::Write as _;

use super::args::{SchemaKind, Shown};
use super::files::Place;
use super::{Failure, print, proxy, rules};
use crate::answer::Library;
use crate::api::Level;
use crate::builtin::{Defect, Family};
use crate::check;
use crate::diagnostic::did_you_mean;
use crate::proxy::{GetBy, Wanted};
use crate::runner::Exit;
use crate::schema;

/// Effects of a cut (`by`).
const EFFECTS: &[(&str, &str)] = &[
    ("close", "FIN inside the chunked body"),
    ("eof", "a proper end of the body, without the events that should follow"),
    ("reset", "RST"),
    ("stall", "silence; `{stall: {for: 2s}}` goes on afterwards"),
    ("error_event", "the API's own error in the stream; then the body ends"),
    ("bad_json", "the next event is sent with damaged JSON; then the stream goes on"),
    ("cut_event", "half of the next event is sent; then the body ends properly"),
    ("cut_utf8", "FIN inside the next character of several bytes"),
    ("bad_chunk", "a chunk whose size is no number; then FIN"),
    ("content_length", "the length of the whole is announced, in place of chunks; then FIN"),
    ("no_terminator", "the rest comes without the end mark"),
    ("after_terminator", "the last event with content comes once more, behind the end mark"),
    ("duplicate", "the event before comes twice"),
    ("drop", "the next event is left out"),
    ("oversize", "the next event is a megabyte long, by blanks inside its JSON"),
    ("slow", "the rest comes in pieces of 16 bytes, 5 ms apart"),
    ("rst_stream", "HTTP/2: RST_STREAM, `internal_error` unless `{rst_stream: CODE}` names another"),
    ("goaway", "HTTP/2: GOAWAY, `no_error` unless `{goaway: CODE}` names another; then the connection ends"),
];

/// Positions of a cut (`at`): after that much.
const POSITIONS: &[(&str, &str)] = &[
    ("request", "the request: before the response head (`close`, `reset`, `stall`)"),
    ("head", "the response head"),
    ("preamble", "the events that precede content"),
    ("texts: n", "the n-th non-empty delta of text"),
    ("pieces: n", "the n-th non-empty delta of any kind"),
    ("events: n", "the n-th event"),
    ("bytes: n", "the n-th byte of the body"),
    ("last_content", "the last delta of content"),
    ("finish", "the event with the finish reason"),
    ("terminator", "the end mark"),
];

/// Legal but odd framings (`edits`).
const EDITS: &[(&str, &str)] = &[
    ("split: n", "HTTP chunks of n bytes, whatever stands there"),
    ("merge: n", "n events to an HTTP chunk"),
    ("crlf", "CRLF for LF, in server-sent events"),
    ("comments", "comments between events, in server-sent events"),
    ("bom", "a byte order mark in front of server-sent events"),
    ("unknown_event", "before each event with content, one of a kind that nobody knows"),
    ("gzip", "content-encoding gzip, if the request accepts it, flushed with each HTTP chunk"),
];

/// Lists what there is of a kind.
pub(super) fn show(what: Shown, markdown: bool) -> Result<Exit, Failure> {
    if markdown && what != Shown::Checks {
        return Err(Failure::usage("only `checks` are shown as a page in Markdown"));
    }
    let text = match what {
        Shown::Checks if markdown => check::markdown(),
        Shown::Answers => answers(),
        Shown::Faults => {
            let mut text = String::new();
            for (title, rows) in [("by", EFFECTS), ("at", POSITIONS), ("edits", EDITS)] {
                let _ = writeln!(text, "{title}:");
                for (name, what) in rows {
                    let _ = writeln!(text, "  {name:16} {what}");
                }
            }
            text.push_str("\n`status: {code: 503, retry_after: 1s}` on a leg is an error instead of an answer.\n");
            text
        }
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
    };
    print(&text);
    Ok(Exit::AsExpected)
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
            GetBy::Pip { .. } | GetBy::Npm { .. } => {
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

/// Explains a check, a rejection rule, a defect or an exit code.
pub(super) fn explain(id: &str) -> Result<Exit, Failure> {
    let book = Place::find()?.rules()?;
    let text = of_check(id).or_else(|| rules::explain(&book, id)).or_else(|| of_defect(id)).or_else(|| of_exit(id));
    if let Some(text) = text {
        print(&text);
        return Ok(Exit::AsExpected);
    }
    let rules = book.packs().into_iter().flat_map(|pack| pack.rules.iter().map(|rule| rule.id.as_str()));
    let known =
        check::CATALOGUE.iter().map(|info| info.id).chain(rules).chain(Defect::ALL.iter().map(|defect| defect.name()));
    let help = did_you_mean(id, known).map_or_else(
        || "`crossfade show checks`, `show rules` and `show defects` list what there is to explain".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    Err(Failure::usage(format!("nothing is called `{id}`; {help}")))
}

fn of_check(id: &str) -> Option<String> {
    let info = check::info(id)?;
    let mut text = format!("{} ({})\n\n{}\n\n", info.id, level(info.level), info.requirement);
    let _ = write!(text, "why     {}\npasses  {}\nfails   {}\n", info.rationale, info.passes, info.fails);
    for source in info.sources {
        let _ = writeln!(text, "source  {source}");
    }
    let defects: Vec<_> =
        Defect::ALL.iter().filter(|defect| defect.fails().contains(&id)).map(|defect| defect.name()).collect();
    if !defects.is_empty() {
        let _ = writeln!(text, "shown   crossfade run --proxy builtin --defect {}", defects.join(" | "));
    }
    Some(text)
}

fn of_defect(id: &str) -> Option<String> {
    let defect: Defect = id.parse().ok()?;
    let mut text = format!("{id} (a defect of the reference proxy)\n\n{}\n\n", defect.summary());
    let _ = writeln!(text, "fails   {}", defect.fails().join(", "));
    let _ = writeln!(text, "shown   crossfade run --proxy builtin --policy {} --defect {id}", defect.policy());
    Some(text)
}

fn of_exit(id: &str) -> Option<String> {
    let code: u8 = id.parse().ok()?;
    let exit = Exit::BY_PRECEDENCE.into_iter().find(|exit| exit.code() == code)?;
    Some(format!("exit code {code}: {}\n", exit.meaning()))
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
    use serde_json::json;

    use super::*;
    use crate::scenario::{At, By, Edit};

    #[test]
    fn every_fault_that_is_shown_is_one() {
        for (name, _) in EFFECTS {
            let has_more = ["stall", "rst_stream", "goaway"].contains(name);
            let value = if has_more { json!({ *name: {} }) } else { json!(name) };
            serde_json::from_value::<By>(value).unwrap();
        }
        let value = |name: &str| match name.split_once(": n") {
            Some((name, _)) => json!({ name: 1 }),
            None => json!(name),
        };
        for (name, _) in POSITIONS {
            serde_json::from_value::<At>(value(name)).unwrap();
        }
        for (name, _) in EDITS {
            serde_json::from_value::<Edit>(value(name)).unwrap();
        }
    }

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
