//! From an answer with its words to the bytes of a response.

use std::time::Duration;

use super::{FinishReason, Say, StreamWriter, Usage, Written};
use crate::answer::{Mark, Rendition, RenditionChunk, Spoken, SpokenPart};
use crate::wire::Headers;

/// What an answer says, one thing after the other. `call_id` puts the vendor's prefix before the id of a call.
pub(super) fn says(spoken: &Spoken, call_id: impl Fn(&str) -> String) -> Vec<Say> {
    let mut says = Vec::new();
    for part in &spoken.parts {
        match part {
            SpokenPart::Text(deltas) => says.extend(deltas.iter().cloned().map(Say::Text)),
            SpokenPart::Thinking(deltas, signature) => {
                says.extend(deltas.iter().cloned().map(Say::Thinking));
                says.extend(signature.clone().map(Say::Signature));
            }
            SpokenPart::ToolCall { id, name, arguments } => {
                says.push(Say::ToolCall { id: call_id(id), name: name.clone() });
                says.extend(arguments.iter().cloned().map(Say::Arguments));
            }
            SpokenPart::Refusal(deltas) => says.extend(deltas.iter().cloned().map(Say::Refusal)),
        }
    }
    says
}

/// Writes a whole answer: one chunk per event, as vendors do.
pub(super) fn stream(writer: &mut dyn StreamWriter, says: &[Say], spoken: &Spoken, input: u64) -> Vec<Written> {
    let mut written = writer.begin();
    for say in says {
        written.extend(writer.say(say));
    }
    let usage = Usage { input, output: spoken.output_tokens };
    written.extend(writer.finish(spoken.finish.unwrap_or(FinishReason::Stop), usage));
    written
}

/// A stream as a rendition.
pub(super) fn stream_rendition(written: Vec<Written>, headers: Headers) -> Rendition {
    let mut chunks = Vec::with_capacity(written.len());
    let mut marks = Vec::with_capacity(written.len());
    let mut at = 0;
    for event in written {
        let end = at + event.bytes.len();
        marks.push(Mark { start: at, end, stage: event.stage, piece: event.piece });
        chunks.push(RenditionChunk { after: Duration::ZERO, data: event.bytes.into() });
        at = end;
    }
    Rendition { status: 200, headers, stream: true, chunks, marks }
}

/// A unary body as a rendition.
pub(super) fn unary_rendition(body: Vec<u8>, headers: Headers) -> Rendition {
    let chunks = vec![RenditionChunk { after: Duration::ZERO, data: body.into() }];
    Rendition { status: 200, headers, stream: false, chunks, marks: Vec::new() }
}
