//! What a leg is asked.

use serde_json::{Value, json};

use super::*;

/// The requests to the primary and, after its failure, to the fallback.
async fn bodies(api: crate::api::ApiId, defect: Defect, edit: impl FnOnce(&mut Value)) -> (Value, Value) {
    let mut bench = legs(api, defect, Play::Status(503, "Lost."), well()).await;
    edit(&mut bench.body);
    bench.ask().await.assert_whole("all well");
    (bench.primary.seen()[0].body.clone(), bench.fallback.seen()[0].body.clone())
}

/// A value of the client's body arrives changed, in all requests or in the fallback's alone.
async fn check(api: crate::api::ApiId, defect: Defect, alone: bool, at: &str, value: Value, expect: Option<Value>) {
    let (primary, fallback) = bodies(api, defect, |body| {
        let (parent, key) = at.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[key] = value.clone();
    })
    .await;
    assert_eq!(fallback.pointer(at), expect.as_ref(), "{defect}");
    let expect = if alone { Some(&value) } else { expect.as_ref() };
    assert_eq!(primary.pointer(at), expect, "{defect}");
}

#[tokio::test]
async fn parameters() {
    check(CHAT, Defect::FloatChanged, false, "/temperature", json!(0.2), Some(json!(f64::from(0.2_f32)))).await;
    check(CHAT, Defect::FloatChanged, false, "/temperature", json!(0.5), Some(json!(0.5))).await;
    check(CHAT, Defect::StopDropped, false, "/stop", json!(["END"]), None).await;
    check(MESSAGES, Defect::MaxTokensCapped, false, "/max_tokens", json!(100), Some(json!(32))).await;
    check(MESSAGES, Defect::MaxTokensCapped, false, "/max_tokens", json!(20), Some(json!(20))).await;
    let format = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}});
    check(CHAT, Defect::FormatLost, false, "/response_format", format, None).await;
    check(CHAT, Defect::ParamLostOnFallback, true, "/temperature", json!(0.5), None).await;
}

#[tokio::test]
async fn tools() {
    let tool = |parameters: Value| json!([{"type": "function", "function": {"name": "lookup", "description": "Looks up.", "parameters": parameters}}]);
    let (asked, left) = (
        json!({"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}),
        json!({"type": "object", "properties": {"q": {"type": "string"}}}),
    );
    check(CHAT, Defect::ToolSchemaChanged, false, "/tools", tool(asked), Some(tool(left))).await;
}

#[tokio::test]
async fn turns() {
    let turns = |turns: &[(&str, &str)]| -> Value {
        turns.iter().map(|(role, text)| json!({"role": role, "content": text})).collect()
    };
    let (system, user, assistant) = (("system", "Be terse."), ("user", "One. "), ("assistant", "Two."));
    let last = ("user", " Three.");
    let said = turns(&[system, user, assistant, last]);
    let check = async |defect, expect: &[(&str, &str)]| {
        check(CHAT, defect, false, "/messages", said.clone(), Some(turns(expect))).await;
    };
    check(Defect::SystemTurnLost, &[user, assistant, last]).await;
    check(Defect::TurnsReordered, &[system, last, assistant, user]).await;
    check(Defect::TextTrimmed, &[system, ("user", "One."), assistant, ("user", "Three.")]).await;
}

#[tokio::test]
async fn parts() {
    let image = json!({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}});
    let text = json!({"type": "text", "text": "See."});
    let marked = json!({"type": "text", "text": "See.", "cache_control": {"type": "ephemeral"}});
    let thinking = json!({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"});
    let call = |input: Value| json!({"type": "tool_use", "id": "toolu_1", "name": "lookup", "input": input});
    let result = |text: &str| json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": text});
    for (defect, turn, said, heard) in [
        (Defect::ImageLost, 0, json!([image, text]), "See."),
        (Defect::CacheHintDropped, 0, json!([marked]), "See."),
        (Defect::ThinkingLostInRequest, 1, json!([thinking, call(json!({"q": 1}))]), "toolu_1"),
        (Defect::ToolArgumentsLost, 1, json!([call(json!({"q": 1}))]), "\"input\":{}"),
        (Defect::ToolResultLost, 2, json!([result("Found.")]), "toolu_1"),
    ] {
        let (primary, fallback) = bodies(MESSAGES, defect, |body| {
            body["messages"] = json!([
                {"role": "user", "content": "See."},
                {"role": "assistant", "content": [thinking, call(json!({"q": 1}))]},
                {"role": "user", "content": [result("Found.")]},
            ]);
            body["messages"][turn]["content"] = said;
        })
        .await;
        assert_eq!(primary["messages"], fallback["messages"], "{defect}");
        let content = primary["messages"][turn]["content"].to_string();
        assert!(content.contains(heard), "{defect}: {content}");
        for lost in ["image", "cache_control", "Hm.", "\"q\":1", "Found."] {
            let others = matches!(defect, Defect::ThinkingLostInRequest) && lost == "\"q\":1";
            assert!(others || !content.contains(lost), "{defect}: {content}");
        }
    }
}

#[tokio::test]
async fn system_prompt_edited() {
    let bench = broken(Defect::SystemPromptEdited, rest()).await;
    bench.ask().await.assert_whole("one two three four five");
    assert_eq!(bench.primary.seen()[0].body.get("system"), None);
    assert_eq!(bench.fallback.seen()[0].body["system"], "Do not repeat what was generated before.");
}

#[tokio::test]
async fn primary_model_on_fallback() {
    let (primary, fallback) = bodies(CHAT, Defect::PrimaryModelOnFallback, |_| ()).await;
    assert_eq!((&primary["model"], &fallback["model"]), (&json!("gpt-4o"), &json!("gpt-4o")));
}

#[tokio::test]
async fn unsupported_param_kept() {
    let mut bench = bench(CHAT, (CHAT, vec![Play::Status(503, "Lost.")]), (MESSAGES, vec![well()]), |config| {
        config.defects.insert(Defect::UnsupportedParamKept);
    })
    .await;
    bench.body["seed"] = json!(7);
    bench.ask().await.assert_whole("all well");
    assert_eq!(bench.fallback.seen()[0].body["seed"], 7);
}

#[tokio::test]
async fn fits_to_the_primary() {
    for (defect, temperature) in [(Defect::FitsToThePrimary, Some(0.5)), (Defect::StopDropped, None)] {
        let lost = Play::Status(503, "Lost.");
        let mut bench = configured(MESSAGES, defect, vec![lost], vec![well()], |config| {
            config.fit = true;
            // This model refuses sampling parameters.
            config.routes[0].legs[1].model = "claude-opus-4-7".to_owned();
        })
        .await;
        bench.body["temperature"] = json!(0.5);
        bench.ask().await.assert_whole("all well");
        assert_eq!(bench.fallback.seen()[0].body.get("temperature").and_then(Value::as_f64), temperature);
    }
}

#[tokio::test]
async fn key_in_query() {
    let bench = legs(CHAT, Defect::KeyInQuery, Play::Status(503, "Lost."), well()).await;
    bench.ask().await.assert_whole("all well");
    let targets = [&bench.primary, &bench.fallback].map(|fake| fake.seen()[0].target.clone());
    assert!(!targets[0].contains('?') && targets[1].contains("?key=%70%72%69%6D"), "{targets:?}");
}

#[tokio::test]
async fn keys() {
    for (defect, header, value) in [
        (Defect::PrimaryKeyOnFallback, "authorization", "Bearer primary-key"),
        (Defect::KeyInBase64, "x-original-authorization", "Basic dXBzdHJlYW06cHJpbWFyeS1rZXk="),
        (Defect::ClientKeyOnFallback, "x-forwarded-authorization", "Bearer client-key"),
    ] {
        let bench = broken(defect, rest()).await;
        bench.ask().await.assert_whole("one two three four five");
        let seen = &bench.fallback.seen()[0];
        assert_eq!(seen.header("x-api-key"), Some("fallback-key"));
        assert_eq!(seen.header(header), Some(value));
        assert_eq!(bench.primary.seen()[0].header(header), None);
    }
}
