//! The schema of a scenario file: the types' own, and the shorthands that the loader expands.

use serde_json::{Map, Value, json};

use super::{of, or, or_text, vary};
use crate::answer::Library;
use crate::check;
use crate::scenario::Scenario;

/// Of a scenario file.
pub fn scenario() -> Value {
    let mut schema = of::<Scenario>("A scenario: one complete, runnable case, and what varies");
    let Some(definitions) = schema["definitions"].as_object_mut() else { return schema };
    leg(definitions);
    client(definitions);
    settings(definitions);
    or_one(&mut definitions["Expect"]["properties"]["outcome"]);
    let by = &mut definitions["By"];
    or(by, &json!({"const": "stall", "description": "Silence, until the proxy closes or the case ends."}));
    let stall = json!({"anyOf": [{"$ref": "#/definitions/Stall"}, {"type": "null"}, duration()]});
    or(by, &tagged("stall", &stall));
    let frame = json!({"anyOf": [
        {"$ref": "#/definitions/Http2Error"}, {"type": "null"}, {"$ref": "#/definitions/ErrorCode"},
    ]});
    for (name, what) in [
        ("rst_stream", "HTTP/2: RST_STREAM with `internal_error`."),
        ("goaway", "HTTP/2: GOAWAY with `no_error`, and the end of the connection."),
    ] {
        or(by, &json!({"const": name, "description": what}));
        or(by, &tagged(name, &frame));
    }
    patch(definitions);
    // A sweep puts `at` in.
    definitions["Cut"]["required"] = json!(["by"]);

    let properties = &mut schema["properties"];
    let ids: Vec<&str> = check::CATALOGUE.iter().map(|info| info.id).collect();
    properties["checks"]["items"] = json!({"type": "string", "enum": ids});
    for list in ["checks", "only"] {
        or_one(&mut properties[list]);
    }
    or(&mut properties["client"], &json!({"$ref": "#/definitions/ApiId"}));
    or(&mut properties["sweep"], &json!({"$ref": "#/definitions/Every"}));
    properties["legs"]["additionalProperties"] = json!({"anyOf": [{"$ref": "#/definitions/Leg"}, {"type": "null"}]});
    properties["legs"]["propertyNames"] = json!({"pattern": format!("^{LEG}$")});
    let vary = vary::schema(&schema);
    schema["properties"]["vary"] = vary;
    schema
}

/// Names that a leg can have.
pub(super) const LEG: &str = "[a-z0-9_-]{1,32}";

type Definitions = Map<String, Value>;

fn duration() -> Value {
    json!({"type": "string", "pattern": "^[0-9]+(ms|s|m)$"})
}

fn tagged(key: &str, value: &Value) -> Value {
    json!({"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": false})
}

/// `x` beside `[x]`.
fn or_one(list: &mut Value) {
    let item = list["items"].clone();
    or(list, &item);
}

fn leg(definitions: &mut Definitions) {
    let properties = &mut definitions["Leg"]["properties"];
    let answers: Vec<&str> = Library::names().collect();
    or(&mut properties["answer"], &json!({"type": "string", "enum": answers, "description": "A bundled answer."}));
    or(&mut properties["status"], &json!({"type": "integer", "minimum": 300, "maximum": 599}));
    or(&mut properties["edits"], &json!({"$ref": "#/definitions/Edit"}));
    or(&mut definitions["AnswerScript"]["properties"]["chunk"], &json!({"type": "integer", "minimum": 1}));
}

fn settings(definitions: &mut Definitions) {
    let properties = &mut definitions["Settings"]["properties"];
    for key in ["cooldown", "continuation", "affinity", "tls", "http2"] {
        or(&mut properties[key], &json!({"type": "boolean"}));
    }
    let one = json!({"anyOf": [
        {"type": "integer", "minimum": 300, "maximum": 599},
        {"type": "string", "pattern": "^([345][0-9][0-9]|[45]xx|timeout)$"}
    ]});
    properties["fallback_on"] = json!({
        "description": properties["fallback_on"]["description"],
        "anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]
    });
}

fn client(definitions: &mut Definitions) {
    let any = json!(true);
    let text = json!({"type": "string"});
    let parts = json!({"anyOf": [text, {"type": "array", "items": {"$ref": "#/definitions/Part"}}]});
    let one_key = |keys: &[(&str, &Value)]| {
        let properties: Map<String, Value> =
            keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).clone())).collect();
        json!({
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1
        })
    };
    let object = |keys: &[(&str, &Value)], required: &[&str]| {
        let mut schema = one_key(keys);
        schema["minProperties"] = json!(0);
        schema["maxProperties"] = json!(keys.len());
        schema["required"] = json!(required);
        schema
    };
    let flag = json!({"type": "boolean"});
    let image = json!({"anyOf": [text, object(&[("url", &text)], &["url"])]});
    let thinking = json!({"anyOf": [text, object(&[("text", &text), ("signature", &text)], &[])]});
    let call = object(&[("id", &text), ("name", &text), ("arguments", &any)], &["name"]);
    let list = json!({"type": "array", "items": {"$ref": "#/definitions/Part"}});
    let result = json!({"anyOf": [
        text,
        object(&[("id", &text), ("text", &text), ("parts", &list), ("error", &flag), ("cache", &flag)], &[])
    ]});
    let part = json!({"anyOf": [
        text,
        object(&[("text", &text), ("cache", &flag)], &["text"]),
        one_key(&[
            ("image", &image),
            ("thinking", &thinking),
            ("tool_call", &call),
            ("tool_result", &result),
            ("refusal", &text)
        ])
    ]});
    definitions.insert("Part".to_owned(), part);
    let turn = one_key(&[("system", &parts), ("user", &parts), ("assistant", &parts), ("tool", &parts)]);
    definitions.insert("Turn".to_owned(), turn);
    let tool = json!({
        "type": "object",
        "properties": {"name": text, "description": text, "parameters": {"type": "object"}, "cache": flag},
        "required": ["name"]
    });
    let number = json!({"type": ["number", "null"]});
    let whole = json!({"type": ["integer", "null"]});
    let choice = json!({"anyOf": [
        {"enum": ["auto", "none", "required", null]},
        {"type": "object", "properties": {"tool": text}, "required": ["tool"], "additionalProperties": false}
    ]});

    let properties = &mut definitions["Client"]["properties"];
    properties["conversation"]["items"] = json!({"$ref": "#/definitions/Turn"});
    or_text(&mut properties["conversation"]);
    let description = properties["params"]["description"].clone();
    properties["params"] = json!({
        "description": description,
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "max_tokens": whole, "top_k": whole, "seed": whole,
            "temperature": number, "top_p": number, "presence_penalty": number, "frequency_penalty": number,
            "stop": {"type": ["array", "null"], "items": text},
            "parallel_tool_calls": {"type": ["boolean", "null"]},
            "thinking": any, "reasoning_effort": any,
            "tools": {"type": "array", "items": tool},
            "tool_choice": choice, "format": any, "user": text
        }
    });
    properties["body"] = json!({"description": properties["body"]["description"], "type": ["object", "null"]});
}

/// A step's patch of a leg: what a leg must have in full, a patch may have in part.
fn patch(definitions: &mut Definitions) {
    let mut leg = definitions["Leg"].clone();
    for (key, whole) in [("cut", "Cut"), ("status", "Status")] {
        let mut part = definitions[whole].clone();
        part.as_object_mut().map(|part| part.remove("required"));
        or(&mut leg["properties"][key], &part);
    }
    definitions.insert("LegPatch".to_owned(), leg);
    definitions["Patch"]["properties"] = json!({
        "client": {"description": "Patch of `client`.", "anyOf": [{"$ref": "#/definitions/ApiId"}, {"$ref": "#/definitions/Client"}]},
        "legs": {"description": "Patch of `legs`.", "type": "object", "additionalProperties": {"$ref": "#/definitions/LegPatch"}},
        "expect": {"description": "Patch of `expect`.", "$ref": "#/definitions/Expect"}
    });
}
