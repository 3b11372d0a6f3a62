//! Answers in one piece.

use serde_json::Value;

use super::edits::edit_parts;
use super::failure::Failure;
use super::front::now;
use super::outlet::Outlet;
use super::relay::Job;
use crate::answer::{Spoken, SpokenPart};
use crate::api::{Api, ApiId, Completion, EncodeContext, Part, Usage};

/// A leg's answer in the client's API.
pub(super) fn translate(job: &Job, api: &dyn Api, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut completion = api.read_unary(body).map_err(|_| Failure::damaged())?;
    let promise = &job.gateway.promise;
    if job.api.id() != api.id() || promise.edits_content() {
        edit_parts(promise, &mut completion.parts);
        return Ok(written(job, &completion));
    }
    // In its own API the answer stays as it is, but for the model's name.
    let mut body: Value = serde_json::from_slice(body).map_err(|_| Failure::damaged())?;
    let key = if api.id() == ApiId::Gemini { "modelVersion" } else { "model" };
    body[key] = job.route.name.as_str().into();
    Ok(body.to_string().into_bytes())
}

/// Answers with this body.
pub(super) fn reply(outlet: Outlet, body: Vec<u8>) {
    outlet.reply(200, [("content-type", "application/json")].into_iter().collect(), body);
}

/// An answer in the client's API.
pub(super) fn written(job: &Job, completion: &Completion) -> Vec<u8> {
    let usage = completion.usage.as_ref().and_then(Usage::read).unwrap_or_default();
    let spoken = Spoken {
        parts: completion.parts.iter().filter_map(spoken).collect(),
        finish: completion.finishes.last().map(|finish| finish.reason),
        output_tokens: usage.output,
    };
    let context = EncodeContext {
        model: job.route.name.clone(),
        include_usage: true,
        seed: job.gateway.seed(),
        created: now(),
        input_tokens: usage.input,
    };
    job.api.render_unary(&spoken, &context).body()
}

fn spoken(part: &Part) -> Option<SpokenPart> {
    Some(match part {
        Part::Text { text, .. } => SpokenPart::Text(vec![text.clone()]),
        Part::Thinking { text, signature } => SpokenPart::Thinking(vec![text.clone()], signature.clone()),
        Part::Refusal { text } => SpokenPart::Refusal(vec![text.clone()]),
        Part::ToolCall { id, name, arguments } => {
            let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
            // Writers put their vendor's prefix before an id of 24 characters.
            let bare = id.strip_prefix("call_").or(id.strip_prefix("toolu_")).unwrap_or(id);
            let id = format!("{bare:0>24}");
            SpokenPart::ToolCall { id, name: name.clone(), arguments: vec![arguments] }
        }
        Part::Image { .. } | Part::ToolResult { .. } | Part::Other(_) => return None,
    })
}
