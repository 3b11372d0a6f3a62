//! Writing OpenAI Responses answers as OpenAI does.

use serde_json::{Value, json};

use super::object::{Status, function_call, id, message, reasoning, response, text_part, usage};
use crate::answer::{Piece, Rendition, Spoken, Stage};
use crate::api::seeded::Seeded;
use crate::api::{
    ApiError, EncodeContext, FinishReason, PieceKind, Say, StreamWriter, Usage, Written, openai_errors, render,
};
use crate::sse;

/// The item that is open.
#[derive(Debug)]
enum Open {
    /// A message with its whole parts and, at its end, one that is open: its type and text.
    Message { id: String, parts: Vec<Value>, kind: &'static str, text: String },
    /// Reasoning; without a summary if that has not begun.
    Reasoning { id: String, summary: Option<String>, encrypted: Option<String> },
    /// A call.
    Call { id: String, call_id: String, name: String, arguments: String },
}

/// Writes events.
#[derive(Debug)]
pub(super) struct ResponsesWriter {
    context: EncodeContext,
    obfuscation: Seeded,
    /// How many letters each delta gets: the same for every seed.
    lengths: Seeded,
    begun: bool,
    /// Number of the next event.
    sequence: u64,
    /// Items that are whole.
    output: Vec<Value>,
    open: Option<Open>,
    /// Content is out: what comes between is content too.
    content: bool,
    /// The model refused, in words.
    refused: bool,
}

pub(super) fn call_id(id: &str) -> String {
    format!("call_{id}")
}

fn event(data: &Value) -> Vec<u8> {
    format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default()).into_bytes()
}

impl ResponsesWriter {
    pub(super) fn new(context: &EncodeContext) -> Self {
        Self {
            context: context.clone(),
            obfuscation: Seeded::new(context.seed, "obfuscation"),
            lengths: Seeded::new(0, "lengths"),
            begun: false,
            sequence: 0,
            output: Vec::new(),
            open: None,
            content: false,
            refused: false,
        }
    }

    /// An event of this type with these fields.
    fn event(&mut self, kind: &str, fields: Value) -> Written {
        let stage = if self.content { Stage::Content } else { Stage::Preamble };
        let mut data = json!({"type": kind});
        if let (Value::Object(data), Value::Object(fields)) = (&mut data, fields) {
            data.extend(fields);
            data.insert("sequence_number".to_owned(), self.sequence.into());
        }
        self.sequence += 1;
        Written { bytes: event(&data), stage, piece: None }
    }

    fn lifecycle(&mut self, kind: &str, response: &Value) -> Written {
        self.event(kind, json!({"response": response}))
    }

    /// A delta, with the random letters that hide its length.
    fn delta(&mut self, kind: &str, mut fields: Value, text: &str, piece: PieceKind) -> Written {
        self.content = true;
        fields["delta"] = text.into();
        let length = 1 + self.lengths.below(16) as usize;
        fields["obfuscation"] = self.obfuscation.base62(length).into();
        let piece = Some(Piece { kind: piece, text: text.to_owned() });
        Written { piece, ..self.event(kind, fields) }
    }

    fn item_added(&mut self, item: &Value) -> Written {
        let fields = json!({"item": item, "output_index": self.output.len()});
        self.event("response.output_item.added", fields)
    }

    fn item_done(&mut self, item: Value) -> Written {
        let fields = json!({"item": item, "output_index": self.output.len()});
        self.output.push(item);
        self.event("response.output_item.done", fields)
    }

    /// Closes what is open; `status` is how its item stands.
    fn close(&mut self, status: Status) -> Vec<Written> {
        let index = self.output.len();
        match self.open.take() {
            None => Vec::new(),
            Some(Open::Message { id, mut parts, kind, text }) => {
                let mut written = self.close_part(&id, parts.len(), kind, &text);
                parts.push(text_part(kind, &text));
                written.push(self.item_done(message(&id, status.name(), &parts)));
                written
            }
            Some(Open::Reasoning { id, summary, encrypted }) => {
                let (mut written, mut parts) = (Vec::new(), Vec::new());
                if let Some(text) = summary {
                    let place = json!({"item_id": id, "output_index": index, "summary_index": 0});
                    let mut fields = place.clone();
                    fields["text"] = text.as_str().into();
                    written.push(self.event("response.reasoning_summary_text.done", fields));
                    let part = text_part("summary_text", &text);
                    let mut fields = place;
                    fields["part"] = part.clone();
                    written.push(self.event("response.reasoning_summary_part.done", fields));
                    parts.push(part);
                }
                self.content |= encrypted.is_some();
                written.push(self.item_done(reasoning(&id, &parts, encrypted.as_deref())));
                written
            }
            Some(Open::Call { id, call_id, name, arguments }) => {
                let fields = json!({"arguments": arguments, "item_id": id, "output_index": index});
                let done = self.event("response.function_call_arguments.done", fields);
                vec![done, self.item_done(function_call(&id, status.name(), &call_id, &name, &arguments))]
            }
        }
    }

    fn close_part(&mut self, item: &str, content_index: usize, kind: &str, text: &str) -> Vec<Written> {
        let place = json!({"content_index": content_index, "item_id": item, "output_index": self.output.len()});
        let mut fields = place.clone();
        let done = if kind == "refusal" {
            fields["refusal"] = text.into();
            "response.refusal.done"
        } else {
            fields["logprobs"] = json!([]);
            fields["text"] = text.into();
            "response.output_text.done"
        };
        let mut written = vec![self.event(done, fields)];
        let mut fields = place;
        fields["part"] = text_part(kind, text);
        written.push(self.event("response.content_part.done", fields));
        written
    }

    /// Makes sure that a part of this kind is open in a message.
    fn message_part(&mut self, wanted: &'static str) -> Vec<Written> {
        let (mut written, id, parts) = match self.open.take() {
            Some(open @ Open::Message { kind, .. }) if kind == wanted => {
                self.open = Some(open);
                return Vec::new();
            }
            // Text behind a refusal, and the other way round, is another part of the same message.
            Some(Open::Message { id, mut parts, kind, text }) => {
                let written = self.close_part(&id, parts.len(), kind, &text);
                parts.push(text_part(kind, &text));
                (written, id, parts)
            }
            other => {
                self.open = other;
                let mut written = self.close(Status::Completed);
                let id = id("msg", self.context.seed, self.output.len());
                written.push(self.item_added(&message(&id, "in_progress", &[])));
                (written, id, Vec::new())
            }
        };
        let fields = json!({
            "content_index": parts.len(), "item_id": id, "output_index": self.output.len(),
            "part": text_part(wanted, ""),
        });
        written.push(self.event("response.content_part.added", fields));
        self.open = Some(Open::Message { id, parts, kind: wanted, text: String::new() });
        written
    }

    fn say_in_message(&mut self, wanted: &'static str, more: &str) -> Vec<Written> {
        let mut written = self.message_part(wanted);
        let index = self.output.len();
        let Some(Open::Message { id, parts, text, .. }) = &mut self.open else { return written };
        text.push_str(more);
        let mut fields = json!({"content_index": parts.len(), "item_id": id, "output_index": index});
        let (kind, piece) = if wanted == "refusal" {
            ("response.refusal.delta", PieceKind::Refusal)
        } else {
            fields["logprobs"] = json!([]);
            ("response.output_text.delta", PieceKind::Text)
        };
        written.push(self.delta(kind, fields, more, piece));
        written
    }

    /// Makes sure that reasoning is open.
    fn reasoning(&mut self) -> Vec<Written> {
        if matches!(self.open, Some(Open::Reasoning { .. })) {
            return Vec::new();
        }
        let mut written = self.close(Status::Completed);
        let id = id("rs", self.context.seed, self.output.len());
        written.push(self.item_added(&reasoning(&id, &[], None)));
        self.open = Some(Open::Reasoning { id, summary: None, encrypted: None });
        written
    }

    fn think(&mut self, more: &str) -> Vec<Written> {
        let mut written = self.reasoning();
        let index = self.output.len();
        let Some(Open::Reasoning { id, summary, .. }) = &mut self.open else { return written };
        let begins = summary.is_none();
        summary.get_or_insert_default().push_str(more);
        let fields = json!({"item_id": id, "output_index": index, "summary_index": 0});
        if begins {
            let mut fields = fields.clone();
            fields["part"] = text_part("summary_text", "");
            written.push(self.event("response.reasoning_summary_part.added", fields));
        }
        written.push(self.delta("response.reasoning_summary_text.delta", fields, more, PieceKind::Thinking));
        written
    }

    /// What the model can read again stands in the item alone, once that is whole.
    fn sign(&mut self, signature: &str) -> Vec<Written> {
        let mut written = self.reasoning();
        if let Some(Open::Reasoning { encrypted, .. }) = &mut self.open {
            *encrypted = Some(signature.to_owned());
        }
        written.extend(self.close(Status::Completed));
        written
    }

    fn call(&mut self, call_id: &str, name: &str) -> Vec<Written> {
        let mut written = self.close(Status::Completed);
        self.content = true;
        let id = id("fc", self.context.seed, self.output.len());
        written.push(self.item_added(&function_call(&id, "in_progress", call_id, name, "")));
        let (call_id, name) = (call_id.to_owned(), name.to_owned());
        self.open = Some(Open::Call { id, call_id, name, arguments: String::new() });
        written
    }

    fn say_arguments(&mut self, more: &str) -> Vec<Written> {
        let index = self.output.len();
        let Some(Open::Call { id, arguments, .. }) = &mut self.open else { return Vec::new() };
        arguments.push_str(more);
        let fields = json!({"item_id": id, "output_index": index});
        vec![self.delta("response.function_call_arguments.delta", fields, more, PieceKind::Arguments)]
    }
}

impl StreamWriter for ResponsesWriter {
    fn begin(&mut self) -> Vec<Written> {
        self.begun = true;
        let response = response(&self.context, Status::InProgress, &[]);
        vec![self.lifecycle("response.created", &response), self.lifecycle("response.in_progress", &response)]
    }

    fn say(&mut self, say: &Say) -> Vec<Written> {
        let mut written = if self.begun { Vec::new() } else { self.begin() };
        written.extend(match say {
            Say::Text(text) | Say::Thinking(text) | Say::Refusal(text) | Say::Arguments(text) if text.is_empty() => {
                Vec::new()
            }
            Say::Text(text) => self.say_in_message("output_text", text),
            Say::Refusal(text) => {
                self.refused = true;
                self.say_in_message("refusal", text)
            }
            Say::Thinking(text) => self.think(text),
            Say::Signature(signature) => self.sign(signature),
            Say::ToolCall { id, name } => self.call(id, name),
            Say::Arguments(text) => self.say_arguments(text),
        });
        written
    }

    fn finish(&mut self, reason: FinishReason, used: Usage) -> Vec<Written> {
        let mut written = if self.begun { Vec::new() } else { self.begin() };
        let status = Status::ended(reason, self.refused);
        written.extend(self.close(status));
        let mut response = response(&self.context, status, &self.output);
        response["usage"] = usage(used);
        let ended = self.lifecycle(&format!("response.{}", status.name()), &response);
        written.push(Written { stage: Stage::Terminator, ..ended });
        written
    }

    fn error(&mut self, error: &ApiError) -> Vec<Written> {
        let response = self.begun.then(|| response(&self.context, Status::InProgress, &[]));
        let written = |bytes| Written { bytes, stage: Stage::Terminator, piece: None };
        failed(error, self.sequence, response).into_iter().map(written).collect()
    }
}

/// The events of a failure: the error, and the response that has failed by it, if one had begun.
fn failed(error: &ApiError, sequence: u64, response: Option<Value>) -> Vec<Vec<u8>> {
    let code = error.code.as_deref();
    let said = json!({
        "type": "error",
        "sequence_number": sequence,
        "error": {"type": error.kind, "code": code, "message": error.message, "param": error.param},
    });
    let mut events = vec![event(&said)];
    if let Some(mut response) = response {
        response["status"] = "failed".into();
        response["error"] = json!({"code": code.unwrap_or(&error.kind), "message": error.message});
        let data = json!({"type": "response.failed", "response": response, "sequence_number": sequence + 1});
        events.push(event(&data));
    }
    events
}

/// An error inside a stream that has said this so far.
pub(super) fn error_event(error: &ApiError, behind: &[u8]) -> Vec<u8> {
    let (mut sequence, mut response) = (0, None);
    for event in sse::Decoder::new().feed(behind) {
        let Ok(mut data) = serde_json::from_str::<Value>(&event.data) else { continue };
        sequence = data["sequence_number"].as_u64().map_or(sequence, |number| number.saturating_add(1));
        if data["response"].is_object() {
            response = Some(data["response"].take());
        }
    }
    failed(error, sequence, response).concat()
}

/// An answer as a stream.
pub(super) fn render_stream(spoken: &Spoken, context: &EncodeContext) -> Rendition {
    let mut writer = ResponsesWriter::new(context);
    let says = render::says(spoken, call_id);
    let written = render::stream(&mut writer, &says, spoken, context.input_tokens);
    let headers = openai_errors::headers("text/event-stream; charset=utf-8", context.seed);
    render::stream_rendition(written, headers)
}
