//! Answers in one piece.

use serde_json::Value;

use super::edits::edit_parts;
use super::failure::Failure;
use super::front::now;
use super::outlet::Outlet;
use super::passthrough::{self, passes};
use super::relay::Job;
use super::{AnswerEdit, Leg};
use crate::answer::{Spoken, SpokenPart};
use crate::api::{Api, Completion, EncodeContext, Part, Usage};
use crate::proxy::UsageChoice;

/// A leg's answer in the client's API.
pub(super) fn translate(job: &Job, leg: &Leg, api: &dyn Api, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut completion = api.read_unary(body).map_err(|_| Failure::damaged())?;
    let promise = &job.gateway.promise;
    if passes(promise, job.api, leg) {
        return Ok(passthrough::body(promise.passthrough, body));
    }
    let model = if promise.edits_answers(AnswerEdit::ModelName) { &leg.model } else { &job.route.name };
    if job.api.id() != api.id() || promise.edits_content() {
        edit_parts(promise, &mut completion.parts);
        return Ok(written(job, model, &completion));
    }
    // In its own API the answer stays as it is, but for the model's name.
    let mut body: Value = serde_json::from_slice(body).map_err(|_| Failure::damaged())?;
    if let Some(key) = api.model_key() {
        body[key] = model.as_str().into();
    }
    if promise.usage == UsageChoice::None {
        job.api.forget_usage(&mut body);
    }
    Ok(body.to_string().into_bytes())
}

/// Answers with this body.
pub(super) fn reply(outlet: Outlet, body: Vec<u8>) {
    outlet.reply(200, [("content-type", "application/json")].into_iter().collect(), body);
}

/// An answer in the client's API.
pub(super) fn written(job: &Job, model: &str, completion: &Completion) -> Vec<u8> {
    let usage = completion.usage.as_ref().and_then(Usage::read).unwrap_or_default();
    let spoken = Spoken {
        parts: completion.parts.iter().filter_map(spoken).collect(),
        finish: completion.finishes.last().map(|finish| finish.reason),
        output_tokens: usage.output,
    };
    let context = EncodeContext {
        model: model.to_owned(),
        include_usage: true,
        seed: job.gateway.seed(),
        created: now(),
        input_tokens: usage.input,
    };
    let mut body = job.api.render_unary(&spoken, &context).body();
    if job.gateway.promise.usage == UsageChoice::None
        && let Ok(mut json) = serde_json::from_slice(&body)
    {
        job.api.forget_usage(&mut json);
        body = json.to_string().into_bytes();
    }
    body
}

fn spoken(part: &Part) -> Option<SpokenPart> {
    Some(match part {
        Part::Text { text, .. } => SpokenPart::Text(vec![text.clone()]),
        Part::Thinking { text, signature } => SpokenPart::Thinking(vec![text.clone()], signature.clone()),
        Part::Refusal { text } => SpokenPart::Refusal(vec![text.clone()]),
        Part::ToolCall { id, name, arguments } => {
            let arguments = arguments.as_str().map_or_else(|| arguments.to_string(), str::to_owned);
            // Writers put their vendor's prefix before an id of 24 characters.
            let bare =
                id.strip_prefix("call_").or(id.strip_prefix("toolu_")).or(id.strip_prefix("tooluse_")).unwrap_or(id);
            let id = format!("{bare:0>24}");
            SpokenPart::ToolCall { id, name: name.clone(), arguments: vec![arguments] }
        }
        Part::Image { .. } | Part::ToolResult { .. } | Part::Other(_) => return None,
    })
}
