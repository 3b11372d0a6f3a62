//! Keys of files, and values that they take, as the generated schemas know them: nothing here is written twice.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

/// Values of one key that are listed beside it; of more, only the meaning is told.
const MOST_VALUES: usize = 12;
/// Levels of keys below one another.
const DEPTH: usize = 5;

/// A key, or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// Path of the key, or the value.
    pub(super) name: String,
    /// What it means, in a line.
    pub(super) says: String,
    /// Values that it takes, where they are few and have names.
    pub(super) values: Vec<String>,
}

/// The keys of a schema's file, those of maps and lists below them.
pub(super) fn keys(schema: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    walk(schema, schema, "", DEPTH, &mut rows);
    rows
}

/// The keys of one type of a schema.
pub(super) fn keys_of(schema: &Value, name: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    walk(schema, &schema["definitions"][name], "", 1, &mut rows);
    rows
}

/// The named values of one type of a schema.
pub(super) fn values_of(schema: &Value, name: &str) -> Vec<Row> {
    let of = &schema["definitions"][name];
    let row = |value: &Value| {
        let tag = || value["properties"].as_object().and_then(|tags| tags.keys().next()).cloned();
        let name = value["const"].as_str().map(str::to_owned).or_else(tag)?;
        Some(Row { name, says: says(value), values: Vec::new() })
    };
    of["oneOf"].as_array().into_iter().flatten().filter_map(row).collect()
}

/// Rows as text, names in a column.
pub(super) fn listed(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Row { name, says, values } in rows {
        let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(" | ")) };
        let _ = writeln!(text, "  {name:width$}  {says}{values}");
    }
    text
}

fn walk(schema: &Value, of: &Value, path: &str, depth: usize, rows: &mut Vec<Row>) {
    if depth == 0 {
        return;
    }
    for (key, value) in of["properties"].as_object().into_iter().flatten() {
        // Keys that say what they mean by their names stand with the key that they are below.
        let above = path.trim_end_matches(".N").trim_end_matches(".NAME");
        if let (true, Some(row)) = (says(value).is_empty(), rows.iter_mut().find(|row| row.name == above)) {
            row.values.push(format!("{key}:"));
            continue;
        }
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let mut values = Vec::new();
        named(schema, value, 4, &mut values);
        let mut seen = BTreeSet::new();
        values.retain(|value| seen.insert(value.clone()));
        if values.len() > MOST_VALUES {
            values.clear();
        }
        rows.push(Row { name: path.clone(), says: says(value), values });
        below(schema, value, &path, depth - 1, rows);
    }
}

/// The keys of what a key holds: an object, the entries of a map (`legs.NAME.`), the items of a list (`vary.0.`).
fn below(schema: &Value, value: &Value, path: &str, depth: usize, rows: &mut Vec<Row>) {
    for value in alternatives(schema, value, 4) {
        if value["properties"].is_object() {
            walk(schema, value, path, depth, rows);
        }
        if value["additionalProperties"].is_object() {
            for entry in alternatives(schema, &value["additionalProperties"], 4) {
                walk(schema, entry, &format!("{path}.NAME"), depth, rows);
            }
        }
        for item in alternatives(schema, &value["items"], 4) {
            walk(schema, item, &format!("{path}.N"), depth, rows);
        }
    }
}

/// What may stand for a schema, with references followed. Values that are named by their only key are no objects here.
fn alternatives<'s>(schema: &'s Value, value: &'s Value, depth: usize) -> Vec<&'s Value> {
    if depth == 0 {
        return Vec::new();
    }
    if let Some(name) = value["$ref"].as_str().and_then(|name| name.strip_prefix("#/definitions/")) {
        let of = &schema["definitions"][name];
        // Several values, each a tag of its own.
        return if of["oneOf"].is_array() { Vec::new() } else { alternatives(schema, of, depth) };
    }
    let parts = ["anyOf", "allOf"].iter().flat_map(|kind| value[*kind].as_array().into_iter().flatten());
    let nested: Vec<&Value> = parts.flat_map(|part| alternatives(schema, part, depth - 1)).collect();
    if value.is_null() { nested } else { nested.into_iter().chain([value]).collect() }
}

/// Names of values that a schema takes.
fn named(schema: &Value, value: &Value, depth: usize, names: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    if let Some(name) = value["$ref"].as_str().and_then(|name| name.strip_prefix("#/definitions/")) {
        let rows = values_of(schema, name);
        if rows.is_empty() {
            named(schema, &schema["definitions"][name], depth - 1, names);
        }
        names.extend(rows.into_iter().map(|row| row.name));
    }
    names.extend(value["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    for kind in ["anyOf", "allOf"] {
        for part in value[kind].as_array().into_iter().flatten() {
            named(schema, part, depth - 1, names);
        }
    }
    if value["items"].is_object() {
        named(schema, &value["items"], depth - 1, names);
    }
}

/// A description, in one line.
fn says(value: &Value) -> String {
    let text = value["description"].as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_key_and_value_that_is_listed_says_what_it_means() {
        for (name, schema) in [("scenario", schema::scenario()), ("profile", schema::profile())] {
            let rows = keys(&schema);
            assert!(rows.len() > 30, "{name}: {}", rows.len());
            for row in rows {
                assert!(!row.says.is_empty(), "{name}: {}", row.name);
            }
        }
        for (schema, types) in [
            (schema::scenario(), &["ApiId", "Outcome", "Obeys"][..]),
            (schema::profile(), &["AfterContent", "ErrorChoice", "ApiId"]),
        ] {
            for name in types {
                let rows = values_of(&schema, name);
                assert!(rows.len() > 3, "{name}: {rows:?}");
                assert!(rows.iter().all(|row| !row.says.is_empty()), "{name}: {rows:?}");
            }
        }
    }

    #[test]
    fn keys_stand_below_their_maps() {
        let rows = keys(&schema::scenario());
        let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name}: {rows:#?}"));
        assert_eq!(row("settings.cooldown").says, "Whether a failing leg is put aside.");
        assert_eq!(row("legs.NAME.obeys").values.len(), 5);
        assert!(row("expect.outcome").values.contains(&"completed".to_owned()));
        let policies = keys_of(&schema::profile(), "Policy");
        let error = policies.iter().find(|row| row.name == "error").expect("a key of the policy");
        assert_eq!(error.values, ["first", "last", "aggregate", "masked"]);
    }
}
