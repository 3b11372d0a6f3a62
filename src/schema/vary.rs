//! The schema of `vary`: every path of a scenario, each with a list of values of its field's own type.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::scenario::LEG;

/// Fields that do not vary.
const FIXED: [&str; 6] = ["scenario", "summary", "source", "vary", "except", "steps"];
/// How deep paths go.
const DEEPEST: usize = 6;

/// The schema of `vary`, from the schema of the scenario around it.
pub(super) fn schema(scenario: &Value) -> Value {
    let mut paths = Paths { scenario, found: BTreeMap::new() };
    let fields = scenario["properties"].as_object().cloned().unwrap_or_default();
    for (name, field) in fields.iter().filter(|(name, _)| !FIXED.contains(&name.as_str())) {
        paths.add(name, field, 1, name == "legs");
    }
    let mut patterns: Map<String, Value> = paths
        .found
        .into_iter()
        .map(|(path, fields)| {
            let value = if fields.len() == 1 { fields[0].clone() } else { json!({"anyOf": fields}) };
            (format!("^{path}$"), values(&value))
        })
        .collect();
    // What lies in lists, in steps and in free-form maps is of any type.
    let free = r"^(.+\.[0-9]+(\..+)?|steps\..+|client\.(body|headers)\..+|proxy_config\..+)$";
    patterns.insert(free.to_owned(), values(&json!(true)));
    json!({
        "description": "Paths of this file and the values that they take; cases are the product.",
        "type": "object",
        "patternProperties": patterns,
        "additionalProperties": false
    })
}

/// A list of values, each plain or with a name.
fn values(value: &Value) -> Value {
    let named = json!({
        "type": "object",
        "properties": {"value": value, "name": {"type": "string"}},
        "required": ["value", "name"],
        "additionalProperties": false
    });
    json!({"type": "array", "minItems": 1, "items": {"anyOf": [value, named]}})
}

struct Paths<'a> {
    scenario: &'a Value,
    /// By pattern: a field may have several forms.
    found: BTreeMap<String, Vec<Value>>,
}

impl Paths<'_> {
    /// Adds a field and everything below it. `names` says that the keys below are names of legs.
    fn add(&mut self, path: &str, field: &Value, depth: usize, names: bool) {
        let known = self.found.entry(path.to_owned()).or_default();
        if !known.contains(field) {
            known.push(field.clone());
        }
        if depth < DEEPEST {
            self.below(path, field, depth, names);
        }
    }

    fn below(&mut self, path: &str, field: &Value, depth: usize, names: bool) {
        if let Some(name) = field["$ref"].as_str() {
            let target = name.strip_prefix("#/definitions/").map(|name| self.scenario["definitions"][name].clone());
            if let Some(target) = target {
                self.below(path, &target, depth, names);
            }
        }
        for forms in ["anyOf", "oneOf", "allOf"] {
            for form in field[forms].as_array().cloned().unwrap_or_default() {
                self.below(path, &form, depth, names);
            }
        }
        for (name, inner) in field["properties"].as_object().cloned().unwrap_or_default() {
            // Attempts are legs again: their paths go through a list.
            if name != "attempts" {
                self.add(
                    &format!("{path}\\.{name}"),
                    &inner,
                    depth + 1,
                    matches!(name.as_str(), "requests" | "cancelled"),
                );
            }
        }
        if names && field["additionalProperties"].is_object() {
            let inner = field["additionalProperties"].clone();
            self.add(&format!("{path}\\.({LEG}|\"{LEG}\")"), &inner, depth + 1, false);
        }
    }
}
