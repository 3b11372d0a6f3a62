//! `translate.format`: the form in which the answer is to come.

use super::*;

const GEMINI: &str = "gemini/gemini-2.5-flash";

fn schema() -> Value {
    json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
}

fn chat(model: &'static str, format: Value) -> Made {
    let mut made = made(ApiId::OpenaiChat, model, &bare(), |_| ());
    made.client["response_format"] = format;
    made
}

fn of_schema() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema()}})
}

#[test]
fn some_json_is_asked_for_where_that_can_be_said() {
    let json = || json!({"type": "json_object"});
    chat(CHAT, json()).finds(&["format: loses format"]);
    chat(CHAT, json()).body(|body| body["response_format"] = json!({"type": "json_object"})).plain("format");
    chat(GEMINI, json()).finds(&["format: loses format"]);
    chat(GEMINI, json())
        .body(|body| body["generationConfig"]["responseMimeType"] = json!("application/json"))
        .plain("format");
    chat(CLAUDE, json()).excused("format", "anthropic-messages has no format without a schema");
    // Plain text is what is meant anyway.
    chat(CHAT, json!({"type": "text"})).idle("format");
    chat(GEMINI, json!({"type": "text"}))
        .body(|body| body["generationConfig"]["responseMimeType"] = json!("text/plain"))
        .idle("format");
    chat(CHAT, json!({"type": "text"})).finds(&[]);
}

#[test]
fn a_vendors_own_format_counts_within_its_api() {
    let grammar = json!({"type": "grammar", "grammar": "start: word"});
    chat(CHAT, grammar.clone()).finds(&["format: loses format"]);
    chat(CLAUDE, grammar).excused("format", "the format is one vendor's own");
}

#[test]
fn a_changed_schema_is_shown() {
    let other = json!({"type": "object", "properties": {"b": {"type": "string"}}});
    let changed = chat(CHAT, of_schema()).body(|body| {
        body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": other}});
    });
    changed.finds(&["format: changes format"]);
    let verdict = changed.lab().verdict("translate.format");
    let shown = &verdict.evidence[0];
    assert_eq!(shown.path.as_deref(), Some("format"));
    assert_eq!(shown.expected, Some(json!({"schema": schema()}).to_string()));
    assert_eq!(shown.got, Some(json!({"schema": other}).to_string()));
}

#[test]
fn a_schema_is_the_same_in_another_dialect() {
    let mut schema = schema();
    schema["type"] = json!("OBJECT");
    schema["properties"]["a"]["type"] = json!("STRING");
    let gemini = chat(GEMINI, of_schema()).body(|body| {
        body["generationConfig"] = json!({"responseMimeType": "application/json", "responseSchema": schema});
    });
    gemini.plain("format");
}

#[test]
fn a_format_told_as_a_tool_brings_its_own_along() {
    let told = |edit: &dyn Fn(&mut Value)| {
        chat(CLAUDE, of_schema()).body(|body| {
            body["tools"] = json!([{"name": "json_tool_call", "input_schema": schema()}]);
            body["tool_choice"] = json!({"type": "tool", "name": "json_tool_call", "disable_parallel_tool_use": true});
            edit(body);
        })
    };
    told(&|_| ()).excused("format", "told as a tool");
    told(&|body| body["tool_choice"] = json!({"type": "any"})).excused("format", "told as a tool");
    told(&|body| body["top_k"] = json!(7)).finds(&["params: adds params.top_k"]);
    // A tool that need not be called asks for nothing; neither does another.
    let lost = "format: loses format";
    told(&|body| body["tool_choice"] = json!({"type": "auto"})).finds(&["tools: adds tools[0] (json_tool_call)", lost]);
    told(&|body| body["tools"][0]["input_schema"] = json!({"type": "object"})).finds(&[
        "tools: adds tools[0] (json_tool_call), adds tool_choice",
        "params: adds params.parallel_tool_calls",
        lost,
    ]);
    // The client's own tool of that name is its own.
    let mut own = told(&|_| ());
    let function = json!({"name": "json_tool_call", "parameters": schema()});
    own.client["tools"] = json!([{"type": "function", "function": function}]);
    own.finds(&["tools: adds tool_choice", "params: adds params.parallel_tool_calls", lost]);
}

#[test]
fn a_format_may_be_asked_for_in_words() {
    let ask = |format: Value, role: Role, text: &'static str| {
        let mut made = made(ApiId::OpenaiChat, CLAUDE, &bare(), |c| match role {
            Role::User => c.turns[0].parts = vec![Part::text(text)],
            role => c.turns.insert(0, turn(role, vec![Part::text(text)])),
        });
        made.client["response_format"] = format;
        made
    };
    ask(of_schema(), Role::System, "Answer as JSON.").excused("format", "asked for in words");
    ask(of_schema(), Role::User, "Why? Answer as JSON.").excused("format", "asked for in words");
    ask(of_schema(), Role::User, "Why? Answer as JSON.").excused("turns", "asked for in words");
    ask(of_schema(), Role::System, "Answer briefly.").finds(&["turns: adds system", "format: loses format"]);
    // Who asked for none gets no words of it, and no other words are excused by it.
    ask(Value::Null, Role::System, "Answer as JSON.").finds(&["turns: adds system"]);
    ask(of_schema(), Role::User, "Answer as JSON.").finds(&["turns: changes turns[0].text"]);
    let mut said = ask(of_schema(), Role::System, "Answer as JSON.");
    said.control["output_config"] = json!({"format": {"type": "json_schema", "schema": schema()}});
    said.finds(&["turns: adds system"]);
    // What the assistant said is no instruction.
    let mut history = bare();
    history.turns.extend([turn(Role::Assistant, vec![Part::text("So.")]), turn(Role::User, vec![Part::text("And?")])]);
    let mut quoted = made(ApiId::OpenaiChat, CLAUDE, &history, |c| c.turns[1].parts = vec![Part::text("So. JSON.")]);
    quoted.client["response_format"] = of_schema();
    quoted.finds(&["turns: changes turns[1].text", "format: loses format"]);
}

#[test]
fn a_format_that_the_target_refuses_is_left_out() {
    let mut prefilled = bare();
    prefilled.turns.push(turn(Role::Assistant, vec![Part::text("Once")]));
    let mut made = made(ApiId::OpenaiChat, CLAUDE, &prefilled, |_| ());
    made.client["response_format"] = of_schema();
    made.excused("format", "the target refuses this format");
}

#[test]
fn a_format_of_null_is_none() {
    for model in [CHAT, CLAUDE] {
        chat(model, Value::Null).idle("format");
        chat(model, Value::Null).finds(&[]);
    }
    chat(CHAT, of_schema()).body(|body| body["response_format"] = Value::Null).finds(&["format: loses format"]);
}
