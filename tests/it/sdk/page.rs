//! `tests/sdk/FAULTS.md`: what official SDKs make of each answer, fault and status.

use std::fmt::Write as _;

use serde_json::Value;

use super::faults::{FAULTS, Fault};
use super::probes::{Key, Seen};
use super::{ANSWERS, SDKS, STATUSES, readers, text};
use crate::support::root;

const HEAD: &str = "\
# What official SDKs make of it

Written by `CROSSFADE_UPDATE=1 cargo test --test it sdk::` and checked by the same test without it. Each cell is what the
SDK did when `crossfade serve` gave it that answer, fault or status.

- `loop` is the bare loop over the stream, `final` the SDK's own accumulator (`.stream(...)` and its last object; with
  google-genai the history of a chat). boto3 has none.
- **whole**: all of the text and calls, with the finish. **quiet**: the SDK ended as if all were well, and the answer is
  not whole. **other text**: it ended so, and the text is not what the model said. **hangs**: no end within twice the
  timeout that the client was given. `Name`: the class of the error that was raised, with its status if it has one.
- No SDK asked again once a stream had begun.
";

/// The whole page.
pub(super) fn page(seen: &Seen) -> String {
    let mut page = format!("{HEAD}\nSDKs: {}.\n", versions().join(", "));
    for api in ["openai-chat", "openai-responses", "anthropic-messages", "gemini", "bedrock-converse"] {
        let languages: Vec<_> = SDKS.iter().filter(|(_, of)| *of == api).map(|(language, _)| *language).collect();
        let ways = readers(api);
        let names = |way: &&str| if *way == "stream" { "loop" } else { "final" };
        let heads: Vec<_> =
            languages.iter().flat_map(|l| ways.iter().map(move |way| format!("{l} {}", names(way)))).collect();
        let _ = write!(page, "\n## {api}\n\n| fault | what | {} |\n", heads.join(" | "));
        let _ = writeln!(page, "|---|---|{}", "---|".repeat(heads.len()));
        for fault in FAULTS.iter().filter(|fault| fault.is_of(api)) {
            let cells = cells(&languages, ways, |language, way| fault_cell(seen, language, api, way, fault));
            let _ = writeln!(page, "| `{}` | {} | {} |", fault.name, fault.what, cells.join(" | "));
        }
        let _ = write!(page, "\n| answer | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
        for answer in ANSWERS {
            let cells = cells(&languages, ways, |language, way| {
                let got = seen.get(&Key::new(language, api, way, answer));
                ended(got, &Whole::of(seen.get(&Key::new(language, api, "unary", answer))), way)
            });
            let _ = writeln!(page, "| `{answer}` | {} |", cells.join(" | "));
        }
    }
    page.push_str(&statuses(seen));
    page
}

fn cells(languages: &[&str], ways: &[&str], cell: impl Fn(&str, &str) -> String) -> Vec<String> {
    languages.iter().flat_map(|language| ways.iter().map(|way| cell(language, way)).collect::<Vec<_>>()).collect()
}

fn fault_cell(seen: &Seen, language: &str, api: &str, way: &str, fault: &Fault) -> String {
    let place = fault.place();
    let got = seen.get(&Key::new(language, api, way, &place));
    if let Some((answer, _)) = place.split_once('/') {
        return ended(got, &Whole::of(seen.get(&Key::new(language, api, "unary", answer))), way);
    }
    // Each leg has a voice of its own: the longest text that an SDK got is the whole.
    let texts = seen.all().filter(|(key, _)| key.api == api && key.place == place).map(|(_, got)| text(got, "text"));
    let longest = || texts.max_by_key(|text| text.len()).unwrap_or_default().to_owned();
    ended(got, &Whole { text: fault.words().unwrap_or_else(longest), calls: 0 }, way)
}

/// What there is to get.
struct Whole {
    text: String,
    calls: usize,
}

impl Whole {
    fn of(got: &Value) -> Self {
        Self { text: text(got, "text").to_owned(), calls: calls(got) }
    }
}

fn calls(got: &Value) -> usize {
    got["tools"].as_array().map_or(0, Vec::len)
}

/// How a stream ended for its client.
fn ended(got: &Value, whole: &Whole, way: &str) -> String {
    let said = text(got, "text");
    // A history has no finish.
    let finished = !text(got, "finish").is_empty() || (got["api"] == "gemini" && way == "final");
    match text(got, "end") {
        "hangs" => "hangs".to_owned(),
        "error" => raised(&got["error"]),
        _ if said == whole.text && calls(got) == whole.calls && finished => "whole".to_owned(),
        _ if whole.text.starts_with(said) => "**quiet**".to_owned(),
        _ => "**other text**".to_owned(),
    }
}

fn raised(error: &Value) -> String {
    let class = text(error, "class");
    let own = class
        .split_once('.')
        .filter(|(module, _)| ["openai", "anthropic", "google", "botocore", "builtins"].contains(module));
    let class = own.map_or(class, |(_, class)| class);
    let status = error["status"].as_u64().map(|status| format!(" {status}")).unwrap_or_default();
    format!("`{class}`{status}")
}

/// Error statuses, with the SDKs' retries as they are shipped (two; google-genai's are asked for).
fn statuses(seen: &Seen) -> String {
    let sdks: Vec<_> = SDKS.iter().filter(|(_, api)| *api != "openai-responses").collect();
    let heads: Vec<_> = sdks.iter().map(|(language, api)| format!("{api}, {language}")).collect();
    let mut page = format!(
        "\n## Error statuses\n\nThe class that is raised, and how many requests were made: two retries are allowed.\n\n\
         | status | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for status in STATUSES {
        let cell = |(language, api): &&(&str, &str)| {
            let got = seen.get(&Key::new(language, api, "retry", &format!("text/status:{status}")));
            let class = text(&got["error"], "class");
            format!("`{}` {}", class.rsplit('.').next().unwrap_or_default(), got["requests"])
        };
        let _ = writeln!(page, "| {status} | {} |", sdks.iter().map(cell).collect::<Vec<_>>().join(" | "));
    }
    page
}

/// The SDKs and their versions, from the lock files.
fn versions() -> Vec<String> {
    let read = |name: &str| std::fs::read_to_string(root().join("tests/sdk").join(name)).expect("it is there");
    let locked = read("requirements.txt");
    let python = ["openai", "anthropic", "google-genai", "boto3"].map(|name| {
        let version = locked.lines().find_map(|line| line.strip_prefix(&format!("{name}==")));
        format!("{name} {} (Python)", version.and_then(|line| line.split(' ').next()).unwrap_or_default())
    });
    let package: Value = serde_json::from_str(&read("package.json")).expect("it is JSON");
    let js = ["openai", "@anthropic-ai/sdk"]
        .map(|name| format!("{name} {} (JavaScript)", package["dependencies"][name].as_str().unwrap_or_default()));
    python.into_iter().chain(js).collect()
}
