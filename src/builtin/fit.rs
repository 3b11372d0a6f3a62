//! Fits a request to what a leg's model takes: parameters that it refuses are left out, limits are lowered.

use super::config::model_matches;
use crate::api::Conversation;

/// Models and what they take less of.
const LIMITS: &str = include_str!("model-limits.txt");

/// Fits `conversation` to `model`.
pub(super) fn fit(conversation: &mut Conversation, model: &str) {
    let lines = LIMITS.lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let mut words = line.split_whitespace();
        if !words.next().is_some_and(|pattern| model_matches(pattern, model)) {
            continue;
        }
        for limit in words {
            if let Some(refused) = limit.strip_prefix('-') {
                conversation.params.remove(refused);
            } else if let Some((name, most)) = limit.split_once('=')
                && let (Some(value), Ok(most)) = (conversation.params.get_mut(name), most.parse::<u64>())
                && value.as_u64().is_some_and(|value| value > most)
            {
                *value = most.into();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_a_model_refuses_is_left_out_and_limits_are_lowered() {
        let check = |model: &str, expect: Value| {
            let params = [("max_tokens", json!(100_000)), ("temperature", json!(0.5)), ("stop", json!(["x"]))];
            let params = params.map(|(name, value)| (name.to_owned(), value)).into();
            let mut conversation = Conversation { params, ..Conversation::default() };
            fit(&mut conversation, model);
            assert_eq!(json!(conversation.params), expect, "{model}");
        };
        check("claude-opus-4-7", json!({"max_tokens": 100_000, "stop": ["x"]}));
        check("claude-opus-4-1-20250805", json!({"max_tokens": 32_000, "temperature": 0.5, "stop": ["x"]}));
        check("gpt-4o", json!({"max_tokens": 100_000, "temperature": 0.5, "stop": ["x"]}));
    }
}
