//! The bundled cassettes are synthesized: rendered from the words below, with borders and times as networks make them,
//! and from the bundled answers, event by event. Those below `recorded/` are of real servers.
//!
//! `CROSSFADE_UPDATE=1` writes them anew.

use std::collections::BTreeMap;

use crossfade::answer::{Lexicon, Library, Spoken, SpokenPart, Synthesis, speak};
use crossfade::api::{ApiId, FinishReason, Level};
use crossfade::cassette::{self, Cassette, How, RecordedChunk, RecordedEnd};
use crossfade::scenario::{self, Millis, default_model};

use crate::support::root;

const TEXT: &str = "A crossfade lowers one track while it raises another, so that the listener hears a single line. \
    Zwischen beiden Stücken liegt keine Stille — only a moment where both are true 🎚️.\n\nIt ends when the first is gone.";
const THINKING: &str = "The user asks what a crossfade is. Two tracks overlap; I should say why no gap is heard.";

struct Recipe {
    file: &'static str,
    api: ApiId,
    model: &'static str,
    summary: &'static str,
    parts: fn() -> Vec<SpokenPart>,
    tools: bool,
    /// Keep only this many HTTP chunks, then FIN inside the body.
    broken_after: Option<usize>,
}

const RECIPES: &[Recipe] = &[
    Recipe {
        file: "anthropic/text.yaml",
        api: ApiId::AnthropicMessages,
        model: "claude-sonnet-4-5",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "anthropic/tools.yaml",
        api: ApiId::AnthropicMessages,
        model: "claude-sonnet-4-5",
        summary: "Text, then two tool calls with streamed arguments",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "anthropic/thinking.yaml",
        api: ApiId::AnthropicMessages,
        model: "claude-sonnet-4-5",
        summary: "Signed reasoning, then text",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "anthropic/broken.yaml",
        api: ApiId::AnthropicMessages,
        model: "claude-sonnet-4-5",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "bedrock/text.yaml",
        api: ApiId::BedrockConverse,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "bedrock/tools.yaml",
        api: ApiId::BedrockConverse,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Text, then two tool calls with streamed input",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "bedrock/thinking.yaml",
        api: ApiId::BedrockConverse,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Signed reasoning, then text",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "bedrock/broken.yaml",
        api: ApiId::BedrockConverse,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "bedrock/invoke-text.yaml",
        api: ApiId::BedrockInvoke,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "bedrock/invoke-tools.yaml",
        api: ApiId::BedrockInvoke,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Text, then two tool calls with streamed arguments",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "bedrock/invoke-thinking.yaml",
        api: ApiId::BedrockInvoke,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Signed reasoning, then text",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "bedrock/invoke-broken.yaml",
        api: ApiId::BedrockInvoke,
        model: "anthropic.claude-sonnet-4-5-20250929-v1:0",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "cohere/text.yaml",
        api: ApiId::CohereChat,
        model: "command-a-03-2025",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "cohere/tools.yaml",
        api: ApiId::CohereChat,
        model: "command-a-03-2025",
        summary: "Text, then two tool calls with streamed arguments",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "cohere/thinking.yaml",
        api: ApiId::CohereChat,
        model: "command-a-03-2025",
        summary: "Reasoning, then text",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "cohere/broken.yaml",
        api: ApiId::CohereChat,
        model: "command-a-03-2025",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "ollama/text.yaml",
        api: ApiId::OllamaChat,
        model: "llama3.1:8b",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "ollama/tools.yaml",
        api: ApiId::OllamaChat,
        model: "llama3.1:8b",
        summary: "Text, then two tool calls, each in one piece",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "ollama/thinking.yaml",
        api: ApiId::OllamaChat,
        model: "llama3.1:8b",
        summary: "Reasoning, then text",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "ollama/broken.yaml",
        api: ApiId::OllamaChat,
        model: "llama3.1:8b",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "gemini/text.yaml",
        api: ApiId::Gemini,
        model: "gemini-2.5-flash",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "gemini/tools.yaml",
        api: ApiId::Gemini,
        model: "gemini-2.5-flash",
        summary: "Text, then two tool calls, each in one piece",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "gemini/thinking.yaml",
        api: ApiId::Gemini,
        model: "gemini-2.5-flash",
        summary: "Reasoning, then text that carries the signature",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "gemini/broken.yaml",
        api: ApiId::Gemini,
        model: "gemini-2.5-flash",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "openai/text.yaml",
        api: ApiId::OpenaiChat,
        model: "gpt-4o-mini",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "openai/tools.yaml",
        api: ApiId::OpenaiChat,
        model: "gpt-4o-mini",
        summary: "Two tool calls with streamed arguments",
        parts: calls,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "openai/broken.yaml",
        api: ApiId::OpenaiChat,
        model: "gpt-4o-mini",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
    Recipe {
        file: "openai/responses-text.yaml",
        api: ApiId::OpenaiResponses,
        model: "gpt-4o-mini",
        summary: "Text with umlauts and an emoji, in chunks that cut through both",
        parts: text,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "openai/responses-tools.yaml",
        api: ApiId::OpenaiResponses,
        model: "gpt-4o-mini",
        summary: "Text, then two calls with streamed arguments",
        parts: tools,
        tools: true,
        broken_after: None,
    },
    Recipe {
        file: "openai/responses-thinking.yaml",
        api: ApiId::OpenaiResponses,
        model: "gpt-4o-mini",
        summary: "Reasoning told by its summary and sealed, then text",
        parts: thinking,
        tools: false,
        broken_after: None,
    },
    Recipe {
        file: "openai/responses-broken.yaml",
        api: ApiId::OpenaiResponses,
        model: "gpt-4o-mini",
        summary: "Text whose connection closes inside the body",
        parts: text,
        tools: false,
        broken_after: Some(12),
    },
];

/// Tokens as tokenisers make them: each word with its blank in front.
fn tokens(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for c in text.chars() {
        match found.last_mut() {
            Some(last) if c != ' ' => last.push(c),
            _ => found.push(c.to_string()),
        }
    }
    found
}

fn text() -> Vec<SpokenPart> {
    vec![SpokenPart::Text(tokens(TEXT))]
}

fn thinking() -> Vec<SpokenPart> {
    let signature = "EqQBCkYIBxgCKkCx0fAdeSyNtheSiz3dS1gnatUr3OfACr0ssFadEcAss3tt3Q".to_owned();
    vec![SpokenPart::Thinking(tokens(THINKING), Some(signature)), SpokenPart::Text(tokens(TEXT))]
}

fn calls() -> Vec<SpokenPart> {
    let call = |id: &str, city: &str| SpokenPart::ToolCall {
        id: id.to_owned(),
        name: "get_weather".to_owned(),
        arguments: ["{\"ci", "ty\": \"", city, "\", \"unit\"", ": \"celsius\"}"].map(str::to_owned).to_vec(),
    };
    vec![call("01a7Crossfade1", "Lisbon"), call("01a7Crossfade2", "København")]
}

fn tools() -> Vec<SpokenPart> {
    let mut parts = vec![SpokenPart::Text(tokens("I will look up both cities."))];
    parts.extend(calls());
    parts
}

/// Cuts the body where networks cut: mostly at events, sometimes two to a chunk, sometimes inside a character.
fn chunks(events: &[RecordedChunk]) -> Vec<RecordedChunk> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut keep: Vec<u8> = Vec::new();
    for (n, chunk) in events.iter().enumerate() {
        keep.extend_from_slice(&chunk.bytes());
        let beyond_ascii = keep.iter().position(|byte| *byte >= 0x80);
        match (beyond_ascii, n % 7) {
            // Inside a character of several bytes.
            (Some(at), _) => {
                let rest = keep.split_off(at + 1);
                found.push(std::mem::replace(&mut keep, rest));
                found.push(std::mem::take(&mut keep));
            }
            // The next event comes in the same chunk.
            (None, 4) => {}
            (None, _) => found.push(std::mem::take(&mut keep)),
        }
    }
    if !keep.is_empty() {
        found.push(keep);
    }
    let after = |n: usize| Millis(if n == 0 { 412 } else { 11 + (n as u64 * 37) % 53 });
    found.iter().enumerate().map(|(n, bytes)| RecordedChunk::new(Some(after(n)), bytes)).collect()
}

/// A recipe's cassette: the synthesized one, cut and timed as networks do.
fn cassette(recipe: &Recipe) -> Cassette {
    let finish = if recipe.tools { FinishReason::ToolCalls } else { FinishReason::Stop };
    let spoken = Spoken { parts: (recipe.parts)(), finish: Some(finish), output_tokens: 61 };
    let mut cassette = synthesize(recipe.api, recipe.model, &spoken, recipe.summary, "tests/it/cassettes.rs");
    let response = &mut cassette.exchanges[0].response;
    response.chunks = chunks(&response.chunks);
    if let Some(count) = recipe.broken_after {
        response.chunks.truncate(count);
        response.end = RecordedEnd::Close;
    }
    cassette.provenance.sha256 = cassette.digest();
    cassette
}

fn synthesize(api: ApiId, model: &str, spoken: &Spoken, summary: &str, source: &str) -> Cassette {
    let api = api.spoken().expect("it is spoken");
    let summary = Some(summary.to_owned());
    Synthesis { api, model, spoken, stream: true, pace: None, summary, source, date: "2026-11-23", seed: 7 }.cassette()
}

/// The cassette of a bundled answer, event by event.
fn of_answer(api: ApiId, name: &str) -> Cassette {
    let script = Library::bundled().answer(name).expect("it is bundled");
    let spoken = speak(&script, Lexicon::new(7).voice(0), &[], 7);
    let model = default_model(api);
    let summary = script.summary.clone().unwrap_or_default();
    synthesize(api, &model.model, &spoken, &summary, &format!("src/answers/{name}.yaml"))
}

/// Answers that are too long to be kept in every API.
const LONG: [&str; 2] = ["letters", "long-text"];

/// Every cassette: those of the recipes, and one for each answer in each API that no recipe is named for.
fn all() -> BTreeMap<String, Cassette> {
    let mut all: BTreeMap<String, Cassette> =
        RECIPES.iter().map(|recipe| (recipe.file.to_owned(), cassette(recipe))).collect();
    for api in ApiId::ALL {
        // A vendor's second API has its name in front.
        let vendor = default_model(api).vendor;
        let first = ApiId::ALL.into_iter().find(|other| default_model(*other).vendor == vendor) == Some(api);
        let api_name = api.name().strip_prefix(&format!("{vendor}-")).unwrap_or(api.name());
        let prefix = if first { String::new() } else { format!("{api_name}-") };
        for name in Library::names().filter(|name| !LONG.contains(name)) {
            all.entry(format!("{vendor}/{prefix}{name}.yaml")).or_insert_with(|| of_answer(api, name));
        }
    }
    all
}

#[test]
fn the_bundled_cassettes_are_fresh() {
    for (file, cassette) in all() {
        let path = root().join("cassettes").join(file);
        let text = cassette::save(&cassette);
        if std::env::var_os("CROSSFADE_UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
            std::fs::write(&path, &text).expect("it is written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is stale: run with CROSSFADE_UPDATE=1", path.display());
        let loaded = cassette::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded, cassette);
    }
}

/// What is bundled keeps the grammar of its own API, as far as it goes, and what is whole has its one end.
#[test]
fn the_bundled_cassettes_keep_their_grammar() {
    for (file, cassette) in all() {
        let api = cassette.api.spoken().expect("it is spoken");
        for exchange in &cassette.exchanges {
            let mut reader = api.stream_reader();
            for chunk in &exchange.response.chunks {
                reader.feed(&chunk.bytes());
            }
            let reading = reader.finish();
            assert!(reading.findings.is_empty(), "{file}: {:?}", reading.findings);
            let whole = exchange.response.end == RecordedEnd::Complete;
            assert_eq!(reading.completion.finishes.len(), usize::from(whole), "{file}");
        }
    }
}

/// What was recorded from real servers is as the recorder writes it, says from which, and stands in a scenario.
#[test]
fn the_recorded_cassettes_are_as_they_were_recorded() {
    let recorded: Vec<_> = cassette::BUNDLED.iter().filter(|(name, _)| name.starts_with("recorded/")).collect();
    assert!(recorded.len() > 10, "{recorded:?}");
    for (name, text) in recorded {
        let cassette = cassette::load_text(name, text).unwrap_or_else(|error| panic!("{error}"));
        let saved = cassette::save(&cassette);
        if std::env::var_os("CROSSFADE_UPDATE").is_some() {
            std::fs::write(root().join("cassettes").join(name), &saved).expect("it is written");
            continue;
        }
        assert!(saved == *text, "{name} is not as the recorder writes it: run with CROSSFADE_UPDATE=1");
        let provenance = &cassette.provenance;
        assert_eq!(provenance.how, How::Recorded, "{name}");
        let (server, version) = provenance.source.split_once(|c: char| c.is_ascii_digit()).unwrap_or_default();
        assert!(!server.contains("://") && version.contains('.'), "{name}: {}", provenance.source);
        let answer = format!("cassette: {name}");
        assert!(scenario::BUNDLED.iter().any(|(_, text)| text.contains(&answer)), "no scenario plays {name}");
    }
}

/// What of the grammar real servers break so that an official SDK raises or loses something: tried with the SDKs.
const SLIPS: [(&str, &[&str]); 3] = [
    // Without `output_index` and the like OpenAI's accumulators raise, in Python and in JavaScript.
    ("llamacpp-responses-", &["R13", "R15", "R18", "R20"]),
    ("vllm-chat-killed", &["C16"]),
    ("llamacpp-python-chat-interrupted", &["C16"]),
];

#[test]
fn what_real_servers_break_is_known() {
    for (name, text) in cassette::BUNDLED.iter().filter(|(name, _)| name.starts_with("recorded/")) {
        let cassette = cassette::load_text(name, text).unwrap_or_else(|error| panic!("{error}"));
        let api = cassette.api.spoken().expect("it is spoken");
        for exchange in cassette.exchanges.iter().filter(|exchange| exchange.response.status == 200) {
            let mut reader = api.stream_reader();
            exchange.response.chunks.iter().for_each(|chunk| drop(reader.feed(&chunk.bytes())));
            let reading = reader.finish();
            let whole = !["-killed", "-interrupted", "-empty"].iter().any(|end| name.contains(end));
            assert_eq!(reading.completion.finishes.len(), usize::from(whole), "{name}");
            let known = SLIPS.iter().find(|(of, _)| name.contains(of)).map_or(&[][..], |(_, rules)| rules);
            let must = reading.findings.iter().filter(|finding| finding.level == Level::Must);
            let unknown: Vec<_> = must.filter(|finding| !known.contains(&finding.rule.as_str())).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:#?}");
        }
    }
}
