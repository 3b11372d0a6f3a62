//! JSON with places in it: `$name` stands for a value, `$name?` for a member that is there only if its value is.

use std::rc::Rc;

use serde_json::{Map, Value};

use super::form::{self, Ids};

/// Values by name: an event's own before those of its answer.
#[derive(Clone, Debug)]
pub(super) struct Values {
    ids: Ids,
    own: Vec<(&'static str, Value)>,
    answer: Option<Rc<Values>>,
}

impl Values {
    /// Of an answer.
    pub(super) fn new(ids: Ids) -> Self {
        Self { ids, own: Vec::new(), answer: None }
    }

    /// Of an event of this answer.
    pub(super) fn event(answer: &Rc<Self>) -> Self {
        Self { ids: answer.ids, own: Vec::new(), answer: Some(Rc::clone(answer)) }
    }

    /// With one more; the later of two with one name counts.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.own.push((name, value.into()));
        self
    }

    /// With one more, where it has a value.
    pub(super) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let own = self.own.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value);
        own.or_else(|| self.answer.as_ref()?.get(name))
    }
}

/// The name of a place, and whether its member can be left out.
fn place(text: &str) -> Option<(&str, bool)> {
    let name = text.strip_prefix('$')?;
    Some(name.strip_suffix('?').map_or((name, false), |name| (name, true)))
}

/// The template with its places filled.
pub(super) fn fill(template: &Value, values: &Values) -> Value {
    match template {
        Value::String(text) => match place(text) {
            Some((name, _)) => values.get(name).cloned().unwrap_or(Value::Null),
            None if text.contains('<') => values.ids.fill(text).into(),
            None => template.clone(),
        },
        Value::Array(items) => {
            items.iter().filter(|item| is_there(item, values)).map(|item| fill(item, values)).collect()
        }
        Value::Object(members) => Value::Object(fill_members(members, values)),
        _ => template.clone(),
    }
}

/// Adds members to an object: one that it has is replaced where it stands.
pub(super) fn add(object: &mut Value, members: &Value, values: &Values) {
    if let (Some(object), Some(members)) = (object.as_object_mut(), members.as_object()) {
        for (name, value) in fill_members(members, values) {
            object.insert(name, value);
        }
    }
}

fn fill_members(members: &Map<String, Value>, values: &Values) -> Map<String, Value> {
    let there = members.iter().filter(|(_, value)| is_there(value, values));
    there.map(|(name, value)| (name.clone(), fill(value, values))).collect()
}

fn is_there(template: &Value, values: &Values) -> bool {
    match template.as_str().and_then(place) {
        Some((name, true)) => values.get(name).is_some(),
        _ => true,
    }
}

/// What is wrong with a template in which these names can stand: where, and what.
pub(super) fn flaw(template: &Value, names: &[&str]) -> Option<(Vec<String>, String)> {
    let below = |key: String, value: &Value| {
        flaw(value, names).map(|(mut path, message)| {
            path.insert(0, key);
            (path, message)
        })
    };
    match template {
        Value::String(text) => {
            let message = match place(text) {
                Some((name, _)) => (!names.contains(&name))
                    .then(|| format!("no value is called `{name}` here; there are {}", names.join(", ")))?,
                None if text.contains('<') => form::flaw(text)?,
                None => return None,
            };
            Some((Vec::new(), message))
        }
        Value::Array(items) => items.iter().enumerate().find_map(|(index, item)| below(index.to_string(), item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| below(name.clone(), value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values() -> Values {
        let ids = Ids { seed: 1, created: 5 };
        Values::new(ids).with("a", 1).with("nothing", Value::Null).with("text", "x")
    }

    #[test]
    fn places_are_filled() {
        let check = |template: Value, expect: &str| assert_eq!(fill(&template, &values()).to_string(), expect);
        check(json!({"k": "$a", "m": ["$text", {"n": "$nothing"}]}), r#"{"k":1,"m":["x",{"n":null}]}"#);
        check(json!({"k": "$other", "m": "$other?", "n": "$nothing?"}), r#"{"k":null,"n":null}"#);
        check(json!(["$other?", "plain", "at <unix>", 3, true]), r#"["plain","at 5",3,true]"#);
    }

    #[test]
    fn an_events_own_values_come_first() {
        let event = Values::event(&Rc::new(values())).with("a", 2).with_some("text", None::<String>);
        assert_eq!(fill(&json!(["$a", "$text"]), &event).to_string(), r#"[2,"x"]"#);
    }

    #[test]
    fn members_are_replaced_in_place_or_added() {
        let mut object = json!({"a": 0, "b": 0});
        add(&mut object, &json!({"a": "$a", "c": "$other?", "d": "$text"}), &values());
        assert_eq!(object.to_string(), r#"{"a":1,"b":0,"d":"x"}"#);
    }

    #[test]
    fn unknown_names_and_forms_are_found() {
        let check = |template: Value, expect: Option<(&[&str], &str)>| {
            let found = flaw(&template, &["a"]);
            let found =
                found.as_ref().map(|(path, message)| (path.iter().map(String::as_str).collect::<Vec<_>>(), message));
            match (found, expect) {
                (Some((path, message)), Some((at, says))) => {
                    assert_eq!(path, at, "{template}");
                    assert!(message.contains(says), "{message}");
                }
                (found, expect) => assert!(found.is_none() && expect.is_none(), "{template}: {found:?}"),
            }
        };
        check(json!({"k": ["$a", {"m": "$a?"}]}), None);
        check(json!({"k": ["$a", {"m": "$b?"}]}), Some((&["k", "1", "m"], "`b`")));
        check(json!("<hex>"), Some((&[], "<hex>")));
        check(json!("a -> b"), None);
    }
}
