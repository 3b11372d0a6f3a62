//! The tree of a document, each value with its place.

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};

use crate::diagnostic::Span;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where.
    pub span: Span,
    /// What.
    pub content: Content,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the file's order.
    Map(IndexMap<String, Entry>),
}

/// An entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// A value at a place.
    pub fn new(span: Span, content: Content) -> Self {
        Self { span, content }
    }

    /// Text at a place.
    pub fn text(span: Span, text: impl Into<String>) -> Self {
        Self::new(span, Content::Text(text.into()))
    }

    /// An empty map at a place.
    pub fn empty_map(span: Span) -> Self {
        Self::new(span, Content::Map(IndexMap::new()))
    }

    /// A map with one key, all of it at one place.
    pub fn tagged(key: &str, value: Self) -> Self {
        let span = value.span;
        Self::new(span, Content::Map(IndexMap::from([(key.to_owned(), Entry { key: span, value })])))
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&IndexMap<String, Entry>> {
        match &self.content {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map_mut(&mut self) -> Option<&mut IndexMap<String, Entry>> {
        match &mut self.content {
            Content::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.content {
            Content::List(list) => Some(list),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        self.content == Content::Null
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key).map(|entry| &entry.value)
    }

    /// The value of a key, if this is a map that has it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_map_mut()?.get_mut(key).map(|entry| &mut entry.value)
    }

    /// The value at a path of keys and indexes.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, |node, step| match &node.content {
            Content::Map(map) => map.get(step).map(|entry| &entry.value),
            Content::List(list) => list.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// What kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "a boolean",
            Content::Number(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The value without places.
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Null => Value::Null,
            Content::Bool(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(list) => Value::Array(list.iter().map(Self::to_value).collect()),
            Content::Map(map) => {
                let entries = map.iter().map(|(key, entry)| (key.clone(), entry.value.to_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }
}
