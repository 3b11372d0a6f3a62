//! What a leg is asked.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Sabotage;
use crate::api::{ApiId, Conversation, Part, Role, Turn};
use crate::builtin::relay::Job;
use crate::builtin::{Defect, Leg, Route};
use crate::wire::Headers;

/// Most tokens that a leg is asked for by [`Defect::MaxTokensCapped`].
const CAP: u64 = 32;
/// Parameters that other APIs than OpenAI's do not know.
const OPENAI_ONLY: [&str; 4] = ["seed", "presence_penalty", "frequency_penalty", "logit_bias"];
/// Where a body says that structured output is wanted.
const FORMATS: [&str; 4] = ["response_format", "output_config", "output_format", "text"];

impl Sabotage {
    /// What is done to a request in neutral form, for the leg with this number.
    pub(in crate::builtin) fn edit_request(&self, number: usize, conversation: &mut Conversation) {
        if number > 0 {
            self.edit_fallback(conversation);
        }
        self.edit_turns(conversation);
        for turn in &mut conversation.turns {
            self.edit_parts(turn.role, &mut turn.parts);
        }
        if self.has(Defect::ToolSchemaChanged) {
            for tool in &mut conversation.tools {
                if let Some(schema) = tool.parameters.as_object_mut() {
                    schema.remove("required");
                }
            }
        }
        if self.has(Defect::StopDropped) {
            conversation.params.remove("stop");
        }
        if self.has(Defect::MaxTokensCapped)
            && let Some(limit) = conversation.params.get_mut("max_tokens")
            && limit.as_u64().is_some_and(|limit| limit > CAP)
        {
            *limit = CAP.into();
        }
    }

    fn edit_fallback(&self, conversation: &mut Conversation) {
        const ADDED: &str = "Do not repeat what was generated before.";
        if self.has(Defect::SystemPromptEdited) {
            match conversation.turns.first_mut() {
                Some(turn) if turn.role == Role::System => turn.parts.push(Part::text(ADDED)),
                _ => conversation
                    .turns
                    .insert(0, Turn { role: Role::System, parts: vec![Part::text(ADDED)], place: String::new() }),
            }
        }
        if self.has(Defect::ParamLostOnFallback) {
            conversation.params.remove("temperature");
        }
    }

    fn edit_turns(&self, conversation: &mut Conversation) {
        let turns = &mut conversation.turns;
        if self.has(Defect::SystemTurnLost) {
            turns.retain(|turn| turn.role != Role::System);
        }
        if self.has(Defect::TurnsReordered) {
            let begin = turns.iter().position(|turn| turn.role != Role::System).unwrap_or(turns.len());
            // A call must stay before its result, or the request is refused.
            let plain = |turn: &Turn| turn.parts.iter().all(|part| matches!(part, Part::Text { .. }));
            if let [first, second, third, ..] = &mut turns[begin..]
                && [&*first, second, third].into_iter().all(plain)
            {
                std::mem::swap(first, third);
            }
        }
    }

    fn edit_parts(&self, role: Role, parts: &mut Vec<Part>) {
        if self.has(Defect::ImageLost) {
            parts.retain(|part| !matches!(part, Part::Image { .. }));
        }
        if self.has(Defect::ThinkingLostInRequest) {
            parts.retain(|part| !matches!(part, Part::Thinking { .. }));
        }
        for part in parts {
            match part {
                Part::Text { cache, .. } if self.has(Defect::CacheHintDropped) => *cache = false,
                Part::Text { text, .. } if self.has(Defect::TextTrimmed) && role == Role::User => {
                    *text = text.trim().to_owned();
                }
                Part::ToolCall { arguments, .. } if self.has(Defect::ToolArgumentsLost) => *arguments = json!({}),
                Part::ToolResult { parts, .. } => {
                    if self.has(Defect::ToolResultLost) {
                        *parts = vec![Part::text("")];
                    }
                    self.edit_parts(Role::Tool, parts);
                }
                _ => {}
            }
        }
    }

    /// Whether requests are fitted to a model though the proxy is not set to do so.
    pub(in crate::builtin) fn fits(&self) -> bool {
        self.has(Defect::FitsToThePrimary)
    }

    /// The model that a request is fitted to.
    pub(in crate::builtin) fn fitted_to<'a>(&self, route: &'a Route, model: &'a str) -> &'a str {
        let primary = route.legs.first().filter(|_| self.has(Defect::FitsToThePrimary));
        primary.map_or(model, |leg| &leg.model)
    }

    /// Whether every leg is asked for the primary's model.
    pub(in crate::builtin) fn keeps_model(&self) -> bool {
        self.has(Defect::PrimaryModelOnFallback)
    }

    /// What is done to a body.
    pub(in crate::builtin) fn edit_body(&self, job: &Job, number: usize, to: ApiId, body: &mut Value) {
        if self.has(Defect::FloatChanged) {
            through_f32(body);
        }
        if self.has(Defect::FormatLost)
            && let Some(body) = body.as_object_mut()
        {
            body.retain(|key, _| !FORMATS.contains(&key.as_str()));
        }
        if number == 0 {
            return;
        }
        if self.has(Defect::UnsupportedParamKept) && to != ApiId::OpenaiChat {
            for name in OPENAI_ONLY {
                if let Some(value) = job.asked.params.get(name) {
                    body[name] = value.clone();
                }
            }
        }
    }

    /// The path and query that a leg is asked at: the primary's key in the query, URL-encoded.
    pub(in crate::builtin) fn target(&self, route: &Route, number: usize, target: String) -> String {
        match route.legs.first() {
            Some(primary) if self.has(Defect::KeyInQuery) && number > 0 => {
                let between = if target.contains('?') { '&' } else { '?' };
                let start = format!("{target}{between}key=");
                primary.key.bytes().fold(start, |text, byte| format!("{text}%{byte:02X}"))
            }
            _ => target,
        }
    }

    /// What is added to the headers of a fallback: the primary's key, in the scheme that is not in use or in disguise,
    /// or the client's.
    pub(in crate::builtin) fn leftovers(&self, primary: &Leg, client_key: Option<&str>, headers: &mut Headers) {
        if self.has(Defect::PrimaryKeyOnFallback) {
            if headers.get("x-api-key").is_none() {
                headers.push("x-api-key", primary.key.clone());
            } else {
                headers.push("authorization", format!("Bearer {}", primary.key));
            }
        }
        if self.has(Defect::KeyInBase64) {
            let basic = STANDARD.encode(format!("upstream:{}", primary.key));
            headers.push("x-original-authorization", format!("Basic {basic}"));
        }
        if let Some(key) = client_key.filter(|_| self.has(Defect::ClientKeyOnFallback)) {
            headers.push("x-forwarded-authorization", format!("Bearer {key}"));
        }
    }
}

/// Every float becomes what is left of it in 32 bits.
fn through_f32(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(through_f32),
        Value::Object(fields) => fields.values_mut().for_each(through_f32),
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64() {
                #[expect(clippy::cast_possible_truncation, reason = "this is the defect")]
                let short = float as f32;
                *value = json!(f64::from(short));
            }
        }
        _ => {}
    }
}
