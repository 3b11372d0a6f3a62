//! `translate.params`: what is asked of the model beside the conversation.

use super::*;

const GEMINI: &str = "gemini/gemini-2.5-flash";

fn with(params: &[(&str, Value)]) -> Conversation {
    let mut conversation = bare();
    conversation.params.extend(params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    conversation
}

fn without(names: &'static [&str]) -> impl Fn(&mut Conversation) {
    move |conversation| conversation.params.retain(|name, _| !names.contains(&name.as_str()))
}

#[test]
fn what_an_api_has_is_not_to_be_lost_on_the_way_to_it() {
    let rows: [(ApiId, &str, &'static [&str], Value); 9] = [
        (ApiId::OpenaiChat, CHAT, &["seed"], json!(7)),
        (ApiId::OpenaiChat, CHAT, &["presence_penalty"], json!(0.5)),
        (ApiId::OpenaiChat, CHAT, &["frequency_penalty"], json!(0.5)),
        (ApiId::OpenaiChat, "openai/gpt-5", &["reasoning_effort"], json!("low")),
        (ApiId::AnthropicMessages, CLAUDE, &["top_k"], json!(7)),
        (ApiId::AnthropicMessages, CLAUDE, &["thinking"], json!({"type": "enabled", "budget_tokens": 1024})),
        (ApiId::OpenaiChat, GEMINI, &["seed"], json!(7)),
        (ApiId::OpenaiChat, GEMINI, &["presence_penalty"], json!(0.5)),
        (ApiId::AnthropicMessages, GEMINI, &["top_k"], json!(7)),
    ];
    for (from, model, name, value) in rows {
        let client = with(&[("max_tokens", json!(4096)), (name[0], value)]);
        made(from, model, &client, |_| ()).finds(&[]);
        let lost = format!("params: loses params.{}", name[0]);
        made(from, model, &client, without(name)).finds(&[lost.as_str()]);
    }
}

#[test]
fn what_is_meant_anyway_may_be_said_or_not() {
    let names: &'static [&str] = &["presence_penalty", "frequency_penalty", "stop", "top_p"];
    let meant = [json!(0), json!(0), json!([]), json!(1)];
    let client = with(&names.iter().copied().zip(meant).collect::<Vec<_>>());
    made(ApiId::OpenaiChat, CHAT, &client, without(names)).plain("params");
    made(ApiId::OpenaiChat, CHAT, &bare(), |c| c.params.clone_from(&client.params)).finds(&[]);
    let mut nothing = made(ApiId::OpenaiChat, CHAT, &bare(), |_| ());
    nothing.client["logit_bias"] = Value::Null;
    nothing.finds(&[]);
    nothing.control["service_tier"] = Value::Null;
    nothing.finds(&[]);
}

#[test]
fn a_parameter_of_null_is_none() {
    for name in ["temperature", "top_p", "stop", "seed", "presence_penalty", "parallel_tool_calls"] {
        let mut made = made(ApiId::OpenaiChat, CHAT, &bare(), |_| ());
        made.client[name] = Value::Null;
        made.finds(&[]);
        made.control[name] = json!(7);
        made.finds(&[&format!("params: changes params.{name}")]);
    }
}

#[test]
fn only_what_was_given_is_judged() {
    made(ApiId::OpenaiChat, CHAT, &bare(), |_| ()).idle("params");
    made(ApiId::OpenaiChat, CHAT, &with(&[("seed", json!(7))]), |_| ()).plain("params");
    let named = Conversation { user: Some("user-7".to_owned()), ..bare() };
    made(ApiId::OpenaiChat, CHAT, &named, |_| ()).plain("params");
}

#[test]
fn a_user_is_named_where_the_api_has_a_place_for_it() {
    let named = Conversation { user: Some("user-7".to_owned()), ..bare() };
    made(ApiId::OpenaiChat, GEMINI, &named, |c| c.user = None)
        .excused("params", "gemini has no place for the user's id");
    let invented = |c: &mut Conversation| c.user = Some("user-7".to_owned());
    made(ApiId::OpenaiChat, CHAT, &bare(), invented).finds(&["params: adds user"]);
}

#[test]
fn how_much_to_reason_excuses_nothing_else() {
    let client = with(&[("reasoning_effort", json!("low")), ("seed", json!(7)), ("top_p", json!(0.5))]);
    let gemini = |edit: &dyn Fn(&mut Conversation)| made(ApiId::OpenaiChat, GEMINI, &client, edit);
    gemini(&without(&["reasoning_effort"])).excused("params", "no exact counterpart");
    gemini(&without(&["reasoning_effort", "seed", "top_p"])).finds(&["params: loses params.seed, loses params.top_p"]);
    // Where it can be said as it was, there is nothing to excuse.
    made(ApiId::OpenaiChat, "openai/gpt-5", &with(&[("reasoning_effort", json!("low"))]), |_| ()).plain("params");
    made(ApiId::OpenaiChat, GEMINI, &with(&[("seed", json!(7))]), |_| ()).plain("params");
}

#[test]
fn one_call_at_a_time_is_said_with_the_tools() {
    let client = with(&[("parallel_tool_calls", json!(false)), ("seed", json!(7))]);
    made(ApiId::OpenaiChat, CHAT, &client, without(&["parallel_tool_calls"]))
        .excused("params", "without tools nothing is called at a time");
    made(ApiId::OpenaiChat, CHAT, &client, without(&["seed"])).finds(&["params: loses params.seed"]);
    let offered = Conversation { tools: vec![tool("weather")], ..client };
    made(ApiId::OpenaiChat, CHAT, &offered, without(&["parallel_tool_calls"]))
        .finds(&["params: loses params.parallel_tool_calls"]);
}

#[test]
fn a_clamp_is_declared_for_the_limit_alone() {
    let declares = |policy: &mut Policy| policy.request_edits = Some(vec!["max_tokens_clamp".to_owned()]);
    let client = with(&[("max_tokens", json!(64)), ("seed", json!(7))]);
    let other = |c: &mut Conversation| drop(c.params.insert("seed".to_owned(), json!(8)));
    made(ApiId::OpenaiChat, CHAT, &client, other).under(declares, &["params: changes params.seed"]);
    made(ApiId::OpenaiChat, CHAT, &client, without(&["max_tokens"]))
        .under(declares, &["params: loses params.max_tokens"]);
}

#[test]
fn a_limit_beyond_the_targets_is_lowered() {
    let client = with(&[("max_tokens", json!(900_000))]);
    let lowered = |c: &mut Conversation| drop(c.params.insert("max_tokens".to_owned(), json!(16_384)));
    made(ApiId::OpenaiChat, CHAT, &client, lowered).excused("params", "the target refuses this `max_tokens`");
}

#[test]
fn the_newer_name_of_the_limit_is_the_limit() {
    let newer = |client: i64, control: i64| {
        let mut made = made(ApiId::OpenaiChat, "openai/gpt-5", &bare(), |_| ());
        made.client["max_completion_tokens"] = json!(client);
        made.control["max_completion_tokens"] = json!(control);
        made
    };
    newer(64, 64).plain("params");
    newer(64, 65).finds(&["params: changes params.max_tokens"]);
}

#[test]
fn what_has_no_neutral_name_arrives_within_one_api() {
    let made = |client: Value, control: Value| {
        let mut made = made(ApiId::OpenaiChat, CHAT, &bare(), |_| ());
        made.client["logit_bias"] = client;
        made.control["logit_bias"] = control;
        made
    };
    made(json!({"50256": -100}), json!({"50256": -100})).finds(&[]);
    made(json!({"50256": -100}), json!({"50256": -99})).finds(&["params: changes body/logit_bias"]);
}
