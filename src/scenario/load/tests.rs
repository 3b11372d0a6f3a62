use serde_json::json;

use super::*;
use crate::api::ApiId;
use crate::scenario::{AnswerPlan, At, Barrier, By, Millis, Obeys, Pace, Toggle};

fn cases(text: &str) -> Vec<Case> {
    load_text("a.yaml", text, &Library::bundled()).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[track_caller]
fn names(text: &str) -> Vec<String> {
    cases(text).into_iter().map(|case| case.name).collect()
}

fn error(text: &str) -> String {
    let errors = load_text("a.yaml", text, &Library::bundled()).expect_err("an error");
    errors.iter().map(|error| error.render(false)).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_ten_minute_scenario_has_every_default() {
    let text =
        "scenario: my-bug\nclient: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}\n";
    let cases = cases(text);
    let [case] = cases.as_slice() else { panic!("one case") };
    assert_eq!((case.id().as_str(), case.line, case.not_yet.as_ref()), ("my-bug", 3, None));
    assert_eq!((case.settings.retries, case.settings.cooldown), (Some(0), Some(Toggle::Off)));
    assert_eq!(case.time_limit, Millis(30_000));
    let shape: Vec<_> = case.shape.legs.iter().map(|l| (l.name.as_str(), l.model.to_string(), l.api)).collect();
    assert_eq!(
        shape,
        [
            ("primary", "openai/gpt-4o-mini".to_owned(), ApiId::OpenaiChat),
            ("fallback", "openai/gpt-4o-mini".to_owned(), ApiId::OpenaiChat),
        ]
    );
    let [step] = case.steps.as_slice() else { panic!("one step") };
    assert_eq!(step.client.api, ApiId::OpenaiChat);
    assert!(step.client.conversation.stream);
    assert_eq!(step.client.conversation.turns.len(), 1);
    assert_eq!(step.client.conversation.turns[0].text(), "Tell me about crossfades.");
    assert_eq!(step.client.conversation.params["max_tokens"], json!(256));
    let play = &step.legs[0].attempts[0];
    assert_eq!(play.cut.as_ref().map(|cut| (cut.at, cut.by.clone())), Some((At::Texts(5), By::Close)));
    assert_eq!((play.pace, play.barrier, play.obeys), (Pace::Instant, Barrier::Seen, Obeys::Exactly));
    assert!(matches!(&play.answer, AnswerPlan::Script { name, .. } if name == "text"));
    assert_eq!(step.legs[1].attempts.len(), 1);
}

#[test]
fn the_default_model_follows_the_client() {
    let cases = cases("client: anthropic-messages\nlegs: {primary: {}, other: {model: openai/gpt-4o}}\n");
    let legs: Vec<_> = cases[0].shape.legs.iter().map(|leg| (leg.model.to_string(), leg.api)).collect();
    assert_eq!(
        legs,
        [
            ("anthropic/claude-sonnet-4-5".to_owned(), ApiId::AnthropicMessages),
            ("openai/gpt-4o".to_owned(), ApiId::OpenaiChat),
        ]
    );
    assert_eq!(cases[0].scenario, "a");
}

#[test]
fn vary_is_a_product_less_except() {
    let text = "\
client: openai-chat
legs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}
vary:
  client.api: [openai-chat, anthropic-messages]
  legs.primary.cut.by: [error_event, {stall: {for: 10s}}]
  legs.fallback.model: [openai/gpt-4o, {value: anthropic/claude-opus-4-6, name: opus}]
except:
  - {client.api: anthropic-messages, legs.fallback.model: opus}
  - {legs.primary.cut.by: stall, legs.fallback.model: openai/gpt-4o}
";
    assert_eq!(
        names(text),
        [
            "openai-chat,error_event,gpt-4o",
            "openai-chat,error_event,opus",
            "openai-chat,stall,opus",
            "anthropic-messages,error_event,gpt-4o",
        ]
    );
    let cases = cases(text);
    assert_eq!(cases[1].shape.legs[1].api, ApiId::AnthropicMessages);
    assert_eq!(cases[3].steps[0].client.api, ApiId::AnthropicMessages);
    assert_eq!(cases[3].shape.legs[0].model.to_string(), "anthropic/claude-sonnet-4-5");
}

#[test]
fn an_unknown_path_of_vary_is_shown_there() {
    let got = error("legs: {primary: {}}\nvary:\n  legs.primary.cutt.by: [close]\n");
    assert!(got.contains("a.yaml:3:3") && got.contains("did you mean `cut`"), "{got}");
    let got = error("legs: {primary: {}}\nvary:\n  legs.primry.model: [openai/x]\n");
    assert!(got.contains("a.yaml:3:3") && got.contains("did you mean `primary`"), "{got}");
}
