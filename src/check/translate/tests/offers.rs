//! `translate.tools` and `translate.calls`: what is offered to the model, what it called, and what came of it.

use super::*;

const GEMINI: &str = "gemini/gemini-2.5-flash";
/// A name that no vendor takes.
const ODD: &str = "weather.of city";

fn offering(tools: Vec<ToolDefinition>) -> Conversation {
    Conversation { tools, ..bare() }
}

fn called(name: &str, arguments: Value, answer: &str) -> Conversation {
    let mut conversation = offering(vec![tool(name)]);
    conversation.turns.extend([
        turn(Role::Assistant, vec![call("call_a", name, arguments)]),
        turn(Role::Tool, vec![result("call_a", answer)]),
    ]);
    conversation
}

fn rename(conversation: &mut Conversation, to: &str) {
    for tool in &mut conversation.tools {
        to.clone_into(&mut tool.name);
    }
    for part in conversation.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
        if let Part::ToolCall { name, .. } = part {
            to.clone_into(name);
        }
    }
    if let Some(choice) = conversation.tool_choice.as_mut().filter(|choice| choice["tool"].is_string()) {
        choice["tool"] = json!(to);
    }
}

#[test]
fn only_offers_and_calls_are_judged() {
    made(ApiId::OpenaiChat, CHAT, &bare(), |_| ()).idle("tools");
    made(ApiId::OpenaiChat, CHAT, &bare(), |_| ()).idle("calls");
    made(ApiId::OpenaiChat, CHAT, &offering(vec![tool("weather")]), |_| ()).plain("tools");
    let mut forbidding = bare();
    forbidding.tool_choice = Some("none".into());
    made(ApiId::OpenaiChat, CHAT, &forbidding, |_| ()).plain("tools");
    let mut unanswered = called("weather", json!({"city": "Bern"}), "rain");
    unanswered.turns.pop();
    made(ApiId::OpenaiChat, CHAT, &unanswered, |_| ()).plain("calls");
}

#[test]
fn a_name_that_no_vendor_takes_may_be_written_in_another_way() {
    for name in [ODD, "wetter/ö", &"w".repeat(65)] {
        let mut client = called(name, json!({"city": "Bern"}), "rain");
        client.tool_choice = Some(json!({"tool": name}));
        let renamed = made(ApiId::OpenaiChat, CLAUDE, &client, |c| rename(c, "weather_of_city"));
        renamed.excused("tools", "a name that the API does not take");
        renamed.excused("calls", "a name that the API does not take");
    }
    for name in ["weather", "get-weather_2", &"w".repeat(64)] {
        let mut client = called(name, json!({"city": "Bern"}), "rain");
        client.tool_choice = Some(json!({"tool": name}));
        made(ApiId::OpenaiChat, CLAUDE, &client, |c| rename(c, "other")).finds(&[
            &format!("tools: loses tools[0] ({name}), adds tools[0] (other), changes tool_choice"),
            "calls: changes calls[0].name",
        ]);
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).plain("tools");
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).plain("calls");
    }
    // Kept as it is, it is nothing to excuse; and a choice of a tool does not become any choice.
    let mut client = called(ODD, json!({"city": "Bern"}), "rain");
    client.tool_choice = Some(json!({"tool": ODD}));
    made(ApiId::OpenaiChat, CHAT, &client, |_| ()).plain("tools");
    made(ApiId::OpenaiChat, CHAT, &client, |_| ()).plain("calls");
    made(ApiId::OpenaiChat, CHAT, &client, |c| c.tool_choice = Some("required".into()))
        .finds(&["tools: changes tool_choice"]);
}

#[test]
fn tools_that_may_not_be_called_may_be_left_out() {
    let mut client = offering(vec![tool("weather")]);
    client.tool_choice = Some("none".into());
    let left_out = |c: &mut Conversation| {
        c.tools.clear();
        c.tool_choice = None;
    };
    made(ApiId::OpenaiChat, CHAT, &client, left_out).excused("tools", "tools that may not be called are left out");
    made(ApiId::OpenaiChat, CHAT, &client, |c| c.tools[0].description = None)
        .finds(&["tools: loses tools[0].description"]);
    made(ApiId::OpenaiChat, CHAT, &client, |_| ()).plain("tools");
    let mut nothing = made(ApiId::OpenaiChat, CHAT, &bare(), |_| ());
    nothing.client["tool_choice"] = json!("none");
    nothing.finds(&[]);
    // Others are not, and `none` is not what is meant anyway.
    made(ApiId::OpenaiChat, CHAT, &offering(vec![tool("weather")]), left_out)
        .finds(&["tools: loses tools[0] (weather)"]);
    made(ApiId::OpenaiChat, CHAT, &client, |c| c.tool_choice = None).finds(&["tools: loses tool_choice"]);
    made(ApiId::OpenaiChat, CHAT, &offering(vec![tool("weather")]), |c| c.tool_choice = Some("required".into()))
        .finds(&["tools: adds tool_choice"]);
}

#[test]
fn a_description_is_kept_and_none_is_made_up() {
    let mut client = offering(vec![tool("weather")]);
    made(ApiId::OpenaiChat, CHAT, &client, |c| c.tools[0].description = Some("Other.".to_owned()))
        .finds(&["tools: changes tools[0].description"]);
    client.tools[0].description = None;
    made(ApiId::OpenaiChat, CHAT, &client, |c| c.tools[0].description = Some("Other.".to_owned()))
        .finds(&["tools: adds tools[0].description"]);
    made(ApiId::OpenaiChat, CHAT, &client, |c| c.tools[0].description = Some(String::new())).finds(&[]);
}

#[test]
fn what_else_is_said_of_a_tool_counts_within_one_api() {
    let client = offering(vec![tool("weather")]);
    let strict = |of: ApiId, model: &'static str, client_says: &Value, control_says: &Value| {
        let mut made = made(of, model, &client, |_| ());
        let place = |body: &mut Value, says: &Value| {
            if body["tools"][0]["function"].is_object() {
                body["tools"][0]["function"]["strict"] = says.clone();
            } else if body["tools"][0].is_object() {
                body["tools"][0]["strict"] = says.clone();
            }
        };
        place(&mut made.client, client_says);
        place(&mut made.control, control_says);
        made
    };
    for (api, model) in [(ApiId::OpenaiChat, CHAT), (ApiId::AnthropicMessages, CLAUDE)] {
        strict(api, model, &json!(true), &json!(true)).finds(&[]);
        strict(api, model, &json!(true), &Value::Null).finds(&["tools: changes tools[0].rest"]);
        strict(api, model, &json!(false), &Value::Null).finds(&[]);
        strict(api, model, &Value::Null, &json!(true)).finds(&["tools: changes tools[0].rest"]);
    }
    strict(ApiId::OpenaiChat, CLAUDE, &json!(true), &Value::Null).finds(&[]);
    // What the other API has no word for is said of a tool, too; how long a mark is kept is not.
    let mut said = made(ApiId::AnthropicMessages, CLAUDE, &client, |_| ());
    said.client["tools"][0]["defer_loading"] = Value::Null;
    said.finds(&[]);
    said.client["tools"][0]["defer_loading"] = json!(true);
    said.finds(&["tools: changes tools[0].rest"]);
    let mut marked = made(ApiId::AnthropicMessages, CLAUDE, &client, |_| ());
    marked.client["tools"][0]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    marked.control["tools"][0]["cache_control"] = json!({"type": "ephemeral", "ttl": "5m"});
    marked.finds(&["cache: changes cache"]);
    // A tool of the vendor's own is known by its type.
    let mut own = made(ApiId::AnthropicMessages, CLAUDE, &bare(), |_| ());
    own.client["tools"] = json!([{"type": "bash_20250124", "name": "bash"}]);
    own.control["tools"] = json!([{"type": "bash_20250124", "name": "bash"}]);
    own.plain("tools");
    own.control["tools"][0]["type"] = json!("bash_20241022");
    own.finds(&["tools: changes tools[0].rest"]);
    let mut across = made(ApiId::AnthropicMessages, CHAT, &bare(), |_| ());
    across.client["tools"] = json!([{"type": "bash_20250124", "name": "bash"}]);
    across.excused("tools", "the tool `bash` is one vendor's own");
}

#[test]
fn a_dialect_of_schemas_loses_what_it_does_not_know() {
    let mut client = offering(vec![tool("weather")]);
    client.tools[0].parameters["additionalProperties"] = json!(false);
    client.tools[0].parameters["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    let simpler = |c: &mut Conversation| {
        let schema = c.tools[0].parameters.as_object_mut().expect("a schema");
        schema.remove("additionalProperties");
        schema.remove("$schema");
    };
    made(ApiId::OpenaiChat, GEMINI, &client, simpler).plain("tools");
    made(ApiId::OpenaiChat, GEMINI, &client, |c| c.tools[0].parameters["type"] = json!("OBJECT")).plain("tools");
    // A strict mode's demand is a part of a tool's schema, unlike of a format's.
    let open =
        |c: &mut Conversation| drop(c.tools[0].parameters.as_object_mut().unwrap().remove("additionalProperties"));
    made(ApiId::OpenaiChat, CLAUDE, &client, open).finds(&["tools: changes tools[0].parameters"]);
    let narrower = |c: &mut Conversation| c.tools[0].parameters["properties"] = json!({});
    made(ApiId::OpenaiChat, GEMINI, &client, narrower).finds(&["tools: changes tools[0].parameters"]);
}

#[test]
fn arguments_that_are_no_object_are_said_as_the_api_can() {
    let arguments = |c: &mut Conversation, to: Value| {
        if let Part::ToolCall { arguments, .. } = &mut c.turns[1].parts[0] {
            *arguments = to;
        }
    };
    let client = called("weather", json!("Bern"), "rain");
    let mut plain = made(ApiId::OpenaiChat, CLAUDE, &client, |c| arguments(c, json!({"value": "Bern"})));
    plain.client["messages"][1]["tool_calls"][0]["function"]["arguments"] = json!("Bern");
    plain.excused("calls", "arguments that are no object");
    let mut same = made(ApiId::OpenaiChat, CHAT, &client, |c| arguments(c, json!({"value": "Bern"})));
    same.client["messages"][1]["tool_calls"][0]["function"]["arguments"] = json!("Bern");
    same.finds(&["calls: changes calls[0].arguments"]);
    let object = called("weather", json!({"city": "Bern"}), "rain");
    made(ApiId::OpenaiChat, CLAUDE, &object, |c| arguments(c, json!({"city": "Basel"})))
        .finds(&["calls: changes calls[0].arguments"]);
}

#[test]
fn a_call_is_known_by_its_name_or_its_arguments() {
    let call_of = |name: &'static str, city: &'static str| {
        move |c: &mut Conversation| c.turns[1].parts[0] = call("call_a", name, json!({"city": city}))
    };
    let client = called("weather", json!({"city": "Bern"}), "rain");
    made(ApiId::OpenaiChat, CHAT, &client, call_of("time", "Bern")).finds(&["calls: changes calls[0].name"]);
    made(ApiId::OpenaiChat, CHAT, &client, call_of("time", "Basel")).finds(&["calls: loses calls[0], adds calls[0]"]);
}

#[test]
fn a_call_stays_between_what_the_user_said() {
    let mut client = called("weather", json!({"city": "Bern"}), "rain");
    client.turns.push(turn(Role::User, vec![Part::text("And tomorrow?")]));
    let earlier = |c: &mut Conversation| {
        let last = c.turns.pop().expect("a turn");
        c.turns.insert(1, last);
    };
    let moved = made(ApiId::OpenaiChat, CHAT, &client, earlier);
    moved.finds(&["calls: moves calls[0]"]);
    let verdict = moved.lab().verdict("translate.calls");
    let shown = &verdict.evidence[0];
    assert_eq!(shown.exchange, "control of primary");
    assert_eq!(shown.path.as_deref(), Some("calls[0]"));
    assert_eq!(shown.expected.as_deref(), Some(r#"{"name":"weather","arguments":{"city":"Bern"}}"#));
    assert_eq!(shown.got.as_deref(), Some(r#""behind 16 characters of the user""#));
    // One that is lost is known by what is left, wherever that stands.
    let mut two = client.clone();
    two.turns[1].parts.push(call("call_b", "weather", json!({"city": "Basel"})));
    let first_lost = |c: &mut Conversation| {
        c.turns[0].parts = vec![Part::text("?")];
        c.turns[1].parts.remove(0);
        c.turns.remove(2);
    };
    made(ApiId::OpenaiChat, CHAT, &two, first_lost)
        .finds(&["turns: changes turns[0].text", "calls: loses calls[0], loses results[0]"]);
    // Where what the user said is another, its place says nothing.
    let other = |c: &mut Conversation| c.turns[0].parts = vec![Part::text("Why not?")];
    made(ApiId::OpenaiChat, CHAT, &client, other).finds(&["turns: changes turns[0].text"]);
}

#[test]
fn a_result_may_be_dressed_as_the_api_wants_it() {
    let told = |client: &str, control: &'static str, expect: &[&str]| {
        let client = called("weather", json!({"city": "Bern"}), client);
        let edit = |c: &mut Conversation| c.turns[2].parts[0] = result("call_a", control);
        made(ApiId::OpenaiChat, CLAUDE, &client, edit).finds(expect);
    };
    let changes = ["calls: changes results[0].text"];
    told("rain", r#"{"result": "rain"}"#, &[]);
    told("rain", r#""rain""#, &[]);
    told(r#"{"sky": "grey", "wind": 3}"#, r#"{"wind":3,"sky":"grey"}"#, &[]);
    told("[1, 2]", r#"{"result": [1, 2]}"#, &[]);
    told("rain", r#"{"result": "sun"}"#, &changes);
    told("rain", r#"{"result": "rain", "wind": "rain"}"#, &changes);
    told("rain", r#"{"result": "rain", "wind": "none"}"#, &changes);
    told("rain", "{}", &changes);
    told("rain", "drizzle", &changes);
    told(r#"{"sky": "grey"}"#, r#"{"sky": "blue"}"#, &changes);
    // Another text of another call is another result.
    let client = called("weather", json!({"city": "Bern"}), "rain");
    let other = |c: &mut Conversation| c.turns[2].parts[0] = result("call_z", "sun");
    made(ApiId::OpenaiChat, CHAT, &client, other).finds(&["calls: loses results[0], adds results[0]"]);
    // Nothing may be said with something.
    told("", "(no output)", &[]);
    let client = called("weather", json!({"city": "Bern"}), "rain");
    made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).plain("calls");
}
