//! Schemas of tools, as far as vendors refuse them.
//!
//! Only what stands at the top of a schema is counted: how deep the real counts go was not seen.

use serde_json::{Map, Value};

use super::subject::Captures;

/// Schemas of Anthropic's strict tools, each with the tool's number.
fn strict(body: &Value) -> impl Iterator<Item = (usize, &Value)> {
    let tools = body["tools"].as_array().into_iter().flatten().enumerate();
    tools.filter(|(_, tool)| tool["strict"] == true).map(|(number, tool)| (number, &tool["input_schema"]))
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn over(count: usize, limit: usize, captures: &mut Captures) -> bool {
    captures.insert("n", count.to_string());
    captures.insert("at", "tools".to_owned());
    count > limit
}

pub(super) fn strict_optional_over(body: &Value, limit: usize, captures: &mut Captures) -> bool {
    let optional = |schema: &Value| {
        let required =
            |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|each| each == name));
        properties(schema).filter(|(name, _)| !required(name)).count()
    };
    over(strict(body).map(|(_, schema)| optional(schema)).sum(), limit, captures)
}

pub(super) fn strict_unions_over(body: &Value, limit: usize, captures: &mut Captures) -> bool {
    let is_union = |schema: &Value| schema["type"].is_array() || schema["anyOf"].is_array();
    let unions = |schema: &Value| properties(schema).filter(|(_, schema)| is_union(schema)).count();
    over(strict(body).map(|(_, schema)| unions(schema)).sum(), limit, captures)
}

/// A definition that refers to itself.
pub(super) fn strict_recursive(body: &Value, captures: &mut Captures) -> bool {
    for (number, schema) in strict(body) {
        for key in ["$defs", "definitions"] {
            let definitions = schema[key].as_object().into_iter().flat_map(Map::iter);
            let own = |name: &str| format!("#/{key}/{name}");
            if let Some((name, _)) =
                definitions.into_iter().find(|(name, definition)| refers(definition, &own(name), 32))
            {
                captures.insert("t", number.to_string());
                captures.insert("name", name.clone());
                captures.insert("at", format!("tools[{number}].input_schema"));
                return true;
            }
        }
    }
    false
}

/// Whether a schema holds this reference, down to a depth.
fn refers(schema: &Value, reference: &str, depth: usize) -> bool {
    let deeper = |value: &Value| depth > 0 && refers(value, reference, depth - 1);
    match schema {
        Value::Object(fields) => {
            fields.iter().any(|(key, value)| (key == "$ref" && value == reference) || deeper(value))
        }
        Value::Array(items) => items.iter().any(deeper),
        _ => false,
    }
}

pub(super) fn enum_not_of_strings(body: &Value, captures: &mut Captures) -> bool {
    for (t, tool) in body["tools"].as_array().into_iter().flatten().enumerate() {
        for (f, function) in tool["functionDeclarations"].as_array().into_iter().flatten().enumerate() {
            let wrong = properties(&function["parameters"]).find(|(_, schema)| {
                let kind = schema["type"].as_str().unwrap_or("string");
                schema["enum"].is_array() && !kind.eq_ignore_ascii_case("string")
            });
            if let Some((p, _)) = wrong {
                captures.insert("t", t.to_string());
                captures.insert("f", f.to_string());
                captures.insert("p", p.clone());
                captures.insert("at", format!("tools[{t}].functionDeclarations[{f}].parameters.properties.{p}.enum"));
                return true;
            }
        }
    }
    false
}
