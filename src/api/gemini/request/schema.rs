//! Spelling: keys in either of the two ways that the API takes, and types of schemas.

use serde_json::{Map, Value};

/// The fields with every key in camel case: the API takes snake case too. Only for what is no free-form JSON.
pub(super) fn camel(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().map(|(key, value)| (camel_key(key), value.clone())).collect()
}

fn camel_key(key: &str) -> String {
    let mut words = key.split('_').filter(|word| !word.is_empty());
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// Types of this API's schemas, as numbers count them.
const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "array", "object"];

/// A schema whose types are spelled as JSON Schema does; the API takes them in capitals too, and as numbers.
pub(super) fn plain(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let plain_field = |(key, value): (&String, &Value)| {
                let value = if key == "type" { type_name(value) } else { plain(value) };
                (key.clone(), value)
            };
            fields.iter().map(plain_field).collect()
        }
        Value::Array(items) => items.iter().map(plain).collect(),
        other => other.clone(),
    }
}

fn type_name(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let lower = text.to_ascii_lowercase();
            if TYPES.contains(&lower.as_str()) { lower.into() } else { value.clone() }
        }
        Value::Number(number) => {
            let number = number.as_u64().and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
            number.and_then(|at| TYPES.get(at)).map_or_else(|| value.clone(), |name| (*name).into())
        }
        // A property that is called `type`.
        other => plain(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_spelled_one_way() {
        let check = |key: &str, expect: &str| assert_eq!(camel_key(key), expect);
        check("inline_data", "inlineData");
        check("inlineData", "inlineData");
        check("function_calling_config", "functionCallingConfig");
        check("_x_", "x");
        check("", "");
    }

    #[test]
    fn types_are_spelled_one_way() {
        let schema = json!({"type": "OBJECT", "properties": {"type": {"type": 1}, "n": {"type": "ARRAY", "items": {"type": "integer"}}}});
        assert_eq!(
            plain(&schema),
            json!({"type": "object", "properties": {"type": {"type": "string"}, "n": {"type": "array", "items": {"type": "integer"}}}})
        );
        assert_eq!(plain(&json!({"type": "Foo", "enum": ["STRING"]})), json!({"type": "Foo", "enum": ["STRING"]}));
    }
}
