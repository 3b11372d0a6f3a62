//! Paths over a request: `messages[-1].content.last_text`, `tools[*].type`, `header:anthropic-version`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::wire::Headers;

/// A path over a request's JSON body, or the name of a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Path {
    written: String,
    target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Header(String),
    Body(Vec<Segment>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    /// Negative: from the end.
    Index(isize),
    Each,
    /// Of content: the string itself, or the text of the last block, if that is text.
    LastText,
}

impl TryFrom<String> for Path {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        let target = match written.strip_prefix("header:") {
            Some("") => return Err("`header:` lacks the header's name".to_owned()),
            Some(name) => Target::Header(name.to_owned()),
            None => Target::Body(segments(&written)?),
        };
        Ok(Self { written, target })
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.written
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn segments(written: &str) -> Result<Vec<Segment>, String> {
    let bad = || format!("a path is written `messages[-1].role`, not `{written}`");
    let mut out = Vec::new();
    for step in written.split('.') {
        let (key, indices) = step.split_at(step.find('[').unwrap_or(step.len()));
        match key {
            "" => return Err(bad()),
            "last_text" => out.push(Segment::LastText),
            key => out.push(Segment::Key(key.to_owned())),
        }
        let mut rest = indices;
        while !rest.is_empty() {
            let (index, after) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).ok_or_else(bad)?;
            out.push(if index == "*" { Segment::Each } else { Segment::Index(index.parse().map_err(|_| bad())?) });
            rest = after;
        }
    }
    Ok(out)
}

impl Path {
    /// Every value at the path; `null` counts as not given.
    pub(super) fn values(&self, body: &Value, headers: &Headers) -> Vec<Value> {
        match &self.target {
            Target::Header(name) => headers.get(name).map(Value::from).into_iter().collect(),
            Target::Body(segments) => {
                walk(body, segments).into_iter().filter(|value| !value.is_null()).cloned().collect()
            }
        }
    }

    /// The places of the values at the path for which a test holds: `messages[1].role`.
    pub(super) fn places(&self, body: &Value, headers: &Headers, test: &dyn Fn(&Value) -> bool) -> Vec<String> {
        match &self.target {
            Target::Header(name) => {
                let found = headers.get(name).map(Value::from).is_some_and(|value| test(&value));
                found.then(|| self.written.clone()).into_iter().collect()
            }
            Target::Body(segments) => {
                let mut found = Vec::new();
                locate(body, segments, String::new(), &mut |place, value| {
                    if !value.is_null() && test(value) {
                        found.push(place);
                    }
                });
                found
            }
        }
    }

    /// Whether nothing stands at the path, though something could: what would hold it is there.
    pub(super) fn is_absent(&self, body: &Value, headers: &Headers) -> bool {
        match &self.target {
            Target::Header(name) => headers.get(name).is_none(),
            Target::Body(segments) => {
                let Some((_, parents)) = segments.split_last() else { return false };
                let there = walk(body, parents).into_iter().filter(|parent| !parent.is_null()).count();
                there > self.values(body, headers).len()
            }
        }
    }
}

/// Tells every value at the end of the segments with its place.
fn locate(value: &Value, segments: &[Segment], place: String, found: &mut dyn FnMut(String, &Value)) {
    let Some((first, rest)) = segments.split_first() else { return found(place, value) };
    let steps: Vec<String> = match first {
        Segment::Key(key) if place.is_empty() => vec![key.clone()],
        Segment::Key(key) => vec![format!("{place}.{key}")],
        Segment::Index(index) => {
            let length = value.as_array().map_or(0, Vec::len);
            let at = if *index < 0 { length.checked_add_signed(*index) } else { usize::try_from(*index).ok() };
            at.map(|at| format!("{place}[{at}]")).into_iter().collect()
        }
        Segment::Each => (0..value.as_array().map_or(0, Vec::len)).map(|at| format!("{place}[{at}]")).collect(),
        Segment::LastText => match value.as_array() {
            Some(blocks) => vec![format!("{place}[{}].text", blocks.len().saturating_sub(1))],
            None => vec![place],
        },
    };
    // One step leads to as many values as it has places, in the same order.
    for (place, value) in steps.into_iter().zip(walk(value, std::slice::from_ref(first))) {
        locate(value, rest, place, found);
    }
}

fn walk<'v>(value: &'v Value, segments: &[Segment]) -> Vec<&'v Value> {
    let Some((first, rest)) = segments.split_first() else { return vec![value] };
    match first {
        Segment::Key(key) => value.get(key).map(|value| walk(value, rest)).unwrap_or_default(),
        Segment::Index(index) => {
            let item = value.as_array().and_then(|items| {
                let at = if *index < 0 { items.len().checked_add_signed(*index) } else { usize::try_from(*index).ok() };
                items.get(at?)
            });
            item.map(|value| walk(value, rest)).unwrap_or_default()
        }
        Segment::Each => value.as_array().into_iter().flatten().flat_map(|value| walk(value, rest)).collect(),
        Segment::LastText => {
            let text = match value {
                Value::Array(blocks) => {
                    blocks.last().filter(|block| block["type"] == "text").and_then(|block| block.get("text"))
                }
                Value::String(_) => Some(value),
                _ => None,
            };
            text.map(|value| walk(value, rest)).unwrap_or_default()
        }
    }
}
