//! `crossfade rules`, and how rejection rules are shown and explained.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use super::args::{RulesCommand, TryArgs};
use super::files::Place;
use super::{Failure, print};
use crate::api::ApiId;
use crate::rules::{Evidence, Incoming, Matched, RuleBook, Stage};
use crate::runner::Exit;
use crate::wire::{Headers, bad_header};

/// The longest request that is read.
const LONGEST: u64 = 64 << 20;

/// `crossfade rules`.
pub(super) fn command(command: &RulesCommand) -> Result<Exit, Failure> {
    match command {
        RulesCommand::Try(args) => try_request(args),
    }
}

/// Says which rules would refuse a request.
fn try_request(args: &TryArgs) -> Result<Exit, Failure> {
    let book = Place::find()?.rules()?;
    let Some(id) = args.api.or_else(|| ApiId::of_vendor(&args.model.vendor, ApiId::OpenaiChat)) else {
        let message = format!("no API is known for the vendor `{}`", args.model.vendor);
        return Err(Failure::usage(format!("{message}; say it with `--api`, for example `--api openai-chat`")));
    };
    let body = read(&args.request)?;
    let api = id.spoken();
    let headers = headers(api.map(|api| api.request_headers("")).unwrap_or_default(), &args.header)?;
    let target = api.map_or_else(|| "/".to_owned(), |api| api.target(&args.model.model, false));
    let matched = book.explain(&Incoming {
        api: id,
        model: &args.model,
        models: &[],
        target: &target,
        headers: &headers,
        body: &body,
        expected_key: None,
    });
    let refuses = matched.iter().any(|found| found.rule.evidence != Evidence::Guess);
    let mut text = String::new();
    if matched.is_empty() {
        let _ = writeln!(text, "no rule refuses it: {} in {id}", args.model);
        if !book.packs().iter().any(|pack| pack.api == id && pack.vendor == args.model.vendor) {
            let _ = writeln!(text, "there are no rules for {} in {id}", args.model.vendor);
        } else if let Some(meant) = book.near_miss(&args.model) {
            let _ = writeln!(text, "the rules do not know this model; did you mean `{}/{meant}`?", args.model.vendor);
        }
    }
    for (number, found) in matched.iter().enumerate() {
        let verb = match (found.rule.evidence, number) {
            (Evidence::Guess, _) => "may be refused by",
            (_, 0) => "refused by",
            _ => "would also be refused by",
        };
        let _ = writeln!(text, "{verb} {}", found.rule.id);
        text.push_str(&tell(found, id));
    }
    print(&text);
    Ok(if refuses { Exit::Failed } else { Exit::AsExpected })
}

fn tell(found: &Matched<'_>, api: ApiId) -> String {
    let error = &found.refusal.error;
    let body = match (&found.body, api.spoken()) {
        (Some(body), _) => body.text.clone(),
        (None, Some(api)) => String::from_utf8_lossy(&api.error_body(error, 0)).into_owned(),
        (None, None) => error.message.clone(),
    };
    let body = body.trim_end().replace('\n', "\n            ");
    let mut text = String::new();
    let _ = writeln!(text, "  status    {}\n  body      {body}", error.status);
    if !found.places.is_empty() {
        let _ = writeln!(text, "  at        {}", found.places.join(", "));
    }
    let inferred = if found.refusal.certain { "" } else { " (not certain for this model: it never fails a proxy)" };
    let date = found.pack.date_of(found.rule).map(|date| format!(", {date}")).unwrap_or_default();
    let _ = writeln!(text, "  evidence  {}{date}{inferred}", found.rule.evidence.name());
    for source in &found.rule.sources {
        let _ = writeln!(text, "  source    {source}");
    }
    text
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    let mut body = Vec::new();
    let read = if name == "-" {
        std::io::stdin().take(LONGEST).read_to_end(&mut body)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut body))
    };
    read.map_err(|error| Failure::file(&name, error))?;
    if body.len() as u64 == LONGEST {
        return Err(Failure::file(&name, "a request is shorter than 64 MiB"));
    }
    Ok(body)
}

/// The usual headers, with those that are given in their place.
fn headers(usual: Headers, given: &[String]) -> Result<Headers, Failure> {
    let mut headers = usual;
    for header in given {
        let Some((name, value)) = header.split_once(':') else {
            return Err(Failure::usage(format!("a header is written `NAME: VALUE`, not `{header}`")));
        };
        let (name, value) = (name.trim(), value.trim());
        if let Some(message) = bad_header(name, value) {
            return Err(Failure::usage(message));
        }
        headers.0.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        headers.push(name, value);
    }
    Ok(headers)
}

/// Every rule in a line.
pub(super) fn list(book: &RuleBook) -> String {
    let mut text = String::new();
    for rule in book.packs().into_iter().flat_map(|pack| &pack.rules) {
        let off = if book.asks(rule) { "" } else { " (off)" };
        let (error, evidence) = (&rule.error, rule.evidence.name());
        let _ = writeln!(text, "{:44} {} {evidence:10} {}{off}", rule.id, error.status, error.message.trim_end());
    }
    text
}

/// Explains a rule, or why there is none.
pub(super) fn explain(book: &RuleBook, id: &str) -> Option<String> {
    let Some((pack, rule)) = book.find(id) else {
        let left = book.left_out(id)?;
        return Some(format!("{id} (no rule)\n\nwhy      {}\n", left.why));
    };
    let error = &rule.error;
    let mut text = format!("{} ({})\n\n", rule.id, rule.evidence.name());
    if !book.asks(rule) {
        let _ = writeln!(text, "off      `rules: {{on: [{id}]}}` in crossfade.yaml switches it on");
    }
    let _ = writeln!(text, "answers  {} {}: {}", error.status, error.kind, error.message.trim_end());
    if let Some(form) = error.form.as_ref().or(pack.form.as_ref()) {
        let _ = writeln!(text, "body     {}", form.body.trim_end());
    }
    let _ = writeln!(text, "when     {}", when(rule));
    let _ = writeln!(text, "asked    {} in {}: {}", pack.vendor, pack.api, stage(rule.stage));
    let _ = writeln!(text, "models   {}", rule.models.join(", "));
    let mut list = |name: &str, items: &[String], what: &str| {
        if !items.is_empty() {
            let _ = writeln!(text, "{name:8} {}{what}", items.join(", "));
        }
    };
    list("inferred", &rule.inferred, " (warns only)");
    list("except", &rule.except, "");
    list("seen at", &rule.seen_at, "");
    list("also at", &pack.also, " (warns only)");
    for text_seen in &rule.also_says {
        let _ = writeln!(text, "or says  {text_seen}");
    }
    if !rule.exact {
        text.push_str("text     not every character of it was seen\n");
    }
    if let Some(date) = pack.date_of(rule) {
        let _ = writeln!(text, "date     {date}");
    }
    if let Some(note) = &rule.note {
        let _ = writeln!(text, "note     {note}");
    }
    for source in &rule.sources {
        let _ = writeln!(text, "source   {source}");
    }
    Some(text)
}

/// The condition as it stands in the file.
fn when(rule: &crate::rules::Rule) -> String {
    match serde_json::to_value(&rule.when) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(value) => value.to_string(),
        Err(_) => String::new(),
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Auth => "first, with the key",
        Stage::Json => "before anything in the body",
        Stage::Model => "with the model's name",
        Stage::Structure => "with the structure of the conversation",
        Stage::Parameters => "last, with the parameters",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_explained_whole() {
        let book = RuleBook::bundled();
        let text = explain(book, "anthropic-prefill-unsupported").expect("a rule");
        for part in
            ["(recorded)", "when     {\"is\":[\"messages[-1].role\",\"assistant\"]}", "answers  400", "date     2026"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = explain(book, "anthropic-prompt-too-long").expect("left out");
        assert!(text.contains("no rule") && text.contains("tokens"), "{text}");
        assert_eq!(explain(book, "nothing"), None);
    }

    #[test]
    fn given_headers_replace_the_usual_ones() {
        let usual: Headers = [("x-a", "1"), ("x-b", "2")].into_iter().collect();
        let headers = headers(usual, &["X-A: 3".to_owned(), "x-c:4".to_owned()]).expect("headers");
        let told: Vec<_> = headers.iter().collect();
        assert_eq!(told, [("x-b", "2"), ("X-A", "3"), ("x-c", "4")]);
        assert!(super::headers(Headers::default(), &["x".to_owned()]).is_err());
    }
}
