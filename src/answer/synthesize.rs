//! From an answer to a cassette: what a vendor would have sent, as if it had been recorded.

use serde_json::{Map, Value, json};

use super::{Spoken, SpokenPart};
use crate::api::{Api, Conversation, EncodeContext, Part, Role, ToolDefinition, Turn};
use crate::cassette::{Cassette, Exchange, FORMAT, How, Provenance, RecordedChunk, RecordedRequest, RecordedResponse};
use crate::scenario::Millis;
use crate::wire::Headers;

/// What the client is said to have asked.
const QUESTION: &str = "What is a crossfade?";
/// Tokens of the request, for usage.
const INPUT_TOKENS: u64 = 14;
/// What stands in `created` fields: a cassette tells no time of day.
const CREATED: u64 = 1_795_365_606;

/// What a cassette is made of. The same gives the same bytes.
#[derive(Clone, Debug)]
pub struct Synthesis<'a> {
    /// API that is spoken.
    pub api: &'static dyn Api,
    /// The model as its vendor spells it.
    pub model: &'a str,
    /// The answer.
    pub spoken: &'a Spoken,
    /// Whether it is streamed, an HTTP chunk for each event.
    pub stream: bool,
    /// Time before each chunk; none is told if left out.
    pub pace: Option<Millis>,
    /// One sentence.
    pub summary: Option<String>,
    /// From what it is made.
    pub source: &'a str,
    /// `YYYY-MM-DD`.
    pub date: &'a str,
    /// Seed of ids and padding.
    pub seed: u64,
}

impl Synthesis<'_> {
    /// The cassette.
    pub fn cassette(&self) -> Cassette {
        let exchanges = vec![Exchange { request: self.request(), response: self.response() }];
        let provenance = Provenance {
            how: How::Synthesized,
            source: self.source.to_owned(),
            date: self.date.to_owned(),
            tool: concat!("crossfade ", env!("CARGO_PKG_VERSION")).to_owned(),
            redacted: Vec::new(),
            lost: Vec::new(),
            sha256: String::new(),
        };
        let summary = self.summary.clone();
        let mut cassette = Cassette { cassette: FORMAT, summary, api: self.api.id(), provenance, exchanges };
        cassette.provenance.sha256 = cassette.digest();
        cassette
    }

    fn request(&self) -> RecordedRequest {
        let conversation = Conversation {
            turns: vec![Turn { role: Role::User, parts: vec![Part::text(QUESTION)], place: String::new() }],
            tools: tools(self.spoken),
            params: [("max_tokens".to_owned(), json!(256))].into(),
            stream: self.stream,
            ..Conversation::default()
        };
        RecordedRequest {
            method: "POST".to_owned(),
            target: self.api.target(self.model, self.stream),
            headers: Headers::from_iter([("content-type", "application/json")]),
            body: self.api.write_request(&conversation, self.model).to_string(),
            base64: None,
        }
    }

    fn response(&self) -> RecordedResponse {
        let context = EncodeContext {
            model: self.model.to_owned(),
            include_usage: false,
            seed: self.seed,
            created: CREATED,
            input_tokens: INPUT_TOKENS,
        };
        let rendition = if self.stream {
            self.api.render_stream(self.spoken, &context)
        } else {
            self.api.render_unary(self.spoken, &context)
        };
        let chunks = rendition.chunks.iter().map(|chunk| RecordedChunk::new(self.pace, &chunk.data)).collect();
        RecordedResponse { status: rendition.status, headers: rendition.headers, chunks, ..RecordedResponse::default() }
    }
}

/// The tools that an answer calls: the client must have offered them.
fn tools(spoken: &Spoken) -> Vec<ToolDefinition> {
    let mut tools: Vec<ToolDefinition> = Vec::new();
    for part in &spoken.parts {
        if let SpokenPart::ToolCall { name, arguments, .. } = part
            && tools.iter().all(|tool| tool.name != *name)
        {
            let arguments = serde_json::from_str(&arguments.concat()).unwrap_or_default();
            tools.push(ToolDefinition {
                name: name.clone(),
                parameters: schema(&arguments),
                ..ToolDefinition::default()
            });
        }
    }
    tools
}

/// A schema that these arguments keep.
fn schema(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let properties: Map<_, _> = fields.iter().map(|(name, value)| (name.clone(), schema(value))).collect();
            json!({"type": "object", "properties": properties})
        }
        Value::Array(items) => json!({"type": "array", "items": items.first().map_or_else(|| json!({}), schema)}),
        Value::String(_) => json!({"type": "string"}),
        Value::Number(_) => json!({"type": "number"}),
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Null => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Lexicon, Library, from_cassette, speak};
    use crate::api::ApiId;
    use crate::cassette::{load_text, save};

    fn synthesize(answer: &str, api: ApiId, stream: bool, pace: Option<Millis>) -> Cassette {
        let script = Library::bundled().answer(answer).unwrap();
        Synthesis {
            api: api.spoken().unwrap(),
            model: "m",
            spoken: &speak(&script, Lexicon::new(7).voice(0), &[], 7),
            stream,
            pace,
            summary: script.summary.clone(),
            source: "a test",
            date: "2026-11-26",
            seed: 7,
        }
        .cassette()
    }

    #[test]
    fn every_answer_in_every_api_reads_back_as_what_was_said() {
        for (api, answer) in ApiId::ALL.into_iter().flat_map(|api| Library::names().map(move |name| (api, name))) {
            for stream in [true, false] {
                let cassette = synthesize(answer, api, stream, Some(Millis(20)));
                assert_eq!(load_text("x.yaml", &save(&cassette)).unwrap(), cassette, "{api} {answer}");
                let exchange = &cassette.exchanges[0];
                let body: Vec<u8> = exchange.response.chunks.iter().flat_map(RecordedChunk::bytes).collect();
                let spoken_api = api.spoken().unwrap();
                let completion = if stream {
                    let mut reader = spoken_api.stream_reader();
                    reader.feed(&body);
                    let reading = reader.finish();
                    assert_eq!(reading.findings, [], "{api} {answer}");
                    assert_eq!(from_cassette(exchange, spoken_api).text(), reading.completion.text, "{api} {answer}");
                    reading.completion
                } else {
                    spoken_api.read_unary(&body).unwrap_or_else(|error| panic!("{api} {answer}: {error}"))
                };
                assert_eq!(completion.finishes.len(), 1, "{api} {answer}");
                let script = Library::bundled().answer(answer).unwrap();
                let spoken = speak(&script, Lexicon::new(7).voice(0), &[], 7);
                // Some APIs say a refusal as text.
                if !spoken.parts.iter().any(|part| matches!(part, SpokenPart::Refusal(_))) {
                    assert_eq!(completion.text, spoken.text(), "{api} {answer}");
                }
            }
        }
    }

    #[test]
    fn the_request_offers_the_tools_that_are_called() {
        for api in ApiId::ALL {
            let cassette = synthesize("tool-call", api, true, None);
            let request = &cassette.exchanges[0].request;
            let conversation = api.spoken().unwrap().read_request(&serde_json::from_str(&request.body).unwrap());
            let names: Vec<_> = conversation.tools.iter().map(|tool| tool.name.as_str()).collect();
            assert_eq!(names, ["lookup"], "{api}");
        }
    }
}
