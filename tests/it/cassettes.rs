//! The bundled cassettes are synthesized: rendered from the words below, with borders and times as networks make them.
//!
//! `CROSSFADE_UPDATE=1` writes them anew.

use crossfade::answer::{Rendition, Spoken, SpokenPart};
use crossfade::api::{ApiId, EncodeContext, FinishReason};
use crossfade::cassette::{
    self, Cassette, Exchange, How, Provenance, RecordedChunk, RecordedEnd, RecordedRequest, RecordedResponse,
};
use crossfade::scenario::Millis;
use crossfade::wire::Headers;
use serde_json::{Value, json};

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

fn request(recipe: &Recipe) -> Value {
    match recipe.api {
        ApiId::Gemini => return gemini_request(recipe),
        ApiId::BedrockConverse => return bedrock_request(recipe),
        ApiId::OllamaChat => return ollama_request(recipe),
        _ => {}
    }
    let turns = json!([{"role": "user", "content": "What is a crossfade?"}]);
    let mut body = match recipe.api {
        ApiId::OpenaiResponses => {
            json!({"model": recipe.model, "max_output_tokens": 256, "stream": true, "input": turns})
        }
        _ => json!({"model": recipe.model, "max_tokens": 256, "stream": true, "messages": turns}),
    };
    if recipe.api == ApiId::BedrockInvoke {
        body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 256, "messages": turns});
    }
    if recipe.tools {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}});
        body["tools"] = match recipe.api {
            ApiId::AnthropicMessages | ApiId::BedrockInvoke => {
                json!([{"name": "get_weather", "input_schema": schema}])
            }
            ApiId::OpenaiResponses => json!([{"type": "function", "name": "get_weather", "parameters": schema}]),
            _ => json!([{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]),
        };
    }
    body
}

/// The model stands in the path here.
fn gemini_request(recipe: &Recipe) -> Value {
    let mut body = json!({
        "contents": [{"role": "user", "parts": [{"text": "What is a crossfade?"}]}],
        "generationConfig": {"maxOutputTokens": 256},
    });
    if recipe.tools {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}});
        body["tools"] = json!([{"functionDeclarations": [{"name": "get_weather", "parameters": schema}]}]);
    }
    body
}

/// The limit stands among the options here.
fn ollama_request(recipe: &Recipe) -> Value {
    let mut body = json!({
        "model": recipe.model,
        "messages": [{"role": "user", "content": "What is a crossfade?"}],
        "options": {"num_predict": 256},
        "stream": true,
    });
    if recipe.tools {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}});
        body["tools"] = json!([{"type": "function", "function": {"name": "get_weather", "parameters": schema}}]);
    }
    body
}

/// Model and stream stand in the path.
fn bedrock_request(recipe: &Recipe) -> Value {
    let mut body = json!({
        "messages": [{"role": "user", "content": [{"text": "What is a crossfade?"}]}],
        "inferenceConfig": {"maxTokens": 256},
    });
    if recipe.tools {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}});
        let spec = json!({"toolSpec": {"name": "get_weather", "inputSchema": {"json": schema}}});
        body["toolConfig"] = json!({ "tools": [spec] });
    }
    body
}

/// Cuts the body where networks cut: mostly at events, sometimes two to a chunk, sometimes inside a character.
fn chunks(rendition: &Rendition) -> Vec<RecordedChunk> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    let mut keep: Vec<u8> = Vec::new();
    for (n, chunk) in rendition.chunks.iter().enumerate() {
        keep.extend_from_slice(&chunk.data);
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

fn cassette(recipe: &Recipe) -> Cassette {
    let api = recipe.api.spoken().expect("it is spoken");
    let parts = (recipe.parts)();
    let finish = if recipe.tools { FinishReason::ToolCalls } else { FinishReason::Stop };
    let spoken = Spoken { parts, finish: Some(finish), output_tokens: 61 };
    let context = EncodeContext {
        model: recipe.model.to_owned(),
        include_usage: false,
        seed: 7,
        created: 1_795_365_606,
        input_tokens: 14,
    };
    let rendition = api.render_stream(&spoken, &context);
    let mut chunks = chunks(&rendition);
    let end = match recipe.broken_after {
        Some(count) => {
            chunks.truncate(count);
            RecordedEnd::Close
        }
        None => RecordedEnd::Complete,
    };
    let mut cassette = Cassette {
        cassette: 1,
        summary: Some(recipe.summary.to_owned()),
        api: recipe.api,
        provenance: Provenance {
            how: How::Synthesized,
            source: "tests/it/cassettes.rs".to_owned(),
            date: "2026-11-23".to_owned(),
            tool: "crossfade 0.1.0".to_owned(),
            redacted: Vec::new(),
            sha256: String::new(),
        },
        exchanges: vec![Exchange {
            request: RecordedRequest {
                method: "POST".to_owned(),
                target: api.target(recipe.model, true),
                headers: Headers::from_iter([("content-type", "application/json")]),
                body: request(recipe).to_string(),
            },
            response: RecordedResponse { status: rendition.status, headers: rendition.headers, chunks, end },
        }],
    };
    cassette.provenance.sha256 = cassette.digest();
    cassette
}

#[test]
fn the_bundled_cassettes_are_fresh() {
    for recipe in RECIPES {
        let path = root().join("cassettes").join(recipe.file);

        let text = cassette::save(&cassette(recipe));
        if std::env::var_os("CROSSFADE_UPDATE").is_some() {
            std::fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
            std::fs::write(&path, &text).expect("it is written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is stale: run with CROSSFADE_UPDATE=1", path.display());
        let loaded = cassette::load(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(loaded, cassette(recipe));
    }
}
