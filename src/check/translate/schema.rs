//! JSON schemas by what they ask for.

use serde_json::{Map, Value, json};

use crate::api::ApiId;

/// What one vendor's dialect does not know.
const UNKNOWN_TO_GEMINI: [&str; 8] =
    ["$schema", "additionalProperties", "title", "default", "strict", "const", "examples", "$defs"];

/// A schema in the form in which schemas are compared for a leg of this API: a dialect's omissions left out, what is
/// meant anyway said, and nothing of what a strict mode demands.
pub(super) fn comparable(schema: &Value, to: ApiId, strict: bool) -> Value {
    let mut out = if schema.is_null() { json!({}) } else { schema.clone() };
    if let Some(fields) = out.as_object_mut() {
        fields.entry("type").or_insert_with(|| "object".into());
    }
    simplify(&mut out, to, strict);
    out
}

fn simplify(value: &mut Value, to: ApiId, strict: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| simplify(item, to, strict)),
        Value::Object(fields) => {
            if to == ApiId::Gemini {
                fields.retain(|key, _| !UNKNOWN_TO_GEMINI.contains(&key.as_str()));
                lower_type(fields);
            }
            if strict && fields.get("additionalProperties") == Some(&Value::Bool(false)) {
                fields.remove("additionalProperties");
            }
            let empty = |value: &Value| *value == json!([]);
            if fields.get("required").is_some_and(empty) {
                fields.remove("required");
            }
            // Definitions of nothing say nothing.
            for name in ["$defs", "definitions"] {
                if fields.get(name) == Some(&json!({})) {
                    fields.remove(name);
                }
            }
            if fields.get("type").is_some_and(|kind| kind == "object") {
                fields.entry("properties").or_insert_with(|| json!({}));
            }
            fields.values_mut().for_each(|field| simplify(field, to, strict));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn lower_type(fields: &mut Map<String, Value>) {
    if let Some(Value::String(kind)) = fields.get_mut("type") {
        kind.make_ascii_lowercase();
    }
}
