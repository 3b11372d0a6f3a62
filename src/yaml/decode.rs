//! From a tree to types: errors carry the place of the value, and a name that was likely meant.

use std::fmt::{self, Display};

use serde::Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor, value::StrDeserializer,
};
use serde_json::Number;

use super::{Content, Entry, Node};
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted, suggestion};

/// A value that does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What is wrong.
    pub message: String,
    /// Where; filled in by the innermost value.
    pub span: Option<Span>,
    /// The way out.
    pub help: Option<String>,
}

impl DecodeError {
    fn at(mut self, span: Span) -> Self {
        self.span.get_or_insert(span);
        self
    }

    /// The error with its file.
    pub fn in_file(self, file: &SourceFile) -> Diagnostic {
        let error = Diagnostic::new(file, self.span.unwrap_or_default(), self.message);
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None, help: None }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("expected {}, found {}", wanted(expected), found(unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format!("{} does not fit: expected {}", found(unexpected), wanted(expected)))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let help = suggestion(variant, expected.iter().copied());
        Self { help, ..Self::custom(format!("unknown value {}", quoted(variant))) }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let help = suggestion(field, expected.iter().copied());
        Self { help, ..Self::custom(format!("unknown field {}", quoted(field))) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("the field `{field}` is missing"))
    }
}

fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" | "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i32" | "i64" => "a whole number".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a string" => "text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        _ if text.starts_with("struct ") => "a map".to_owned(),
        _ => text,
    }
}

fn found(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(flag) => format!("`{flag}`"),
        Unexpected::Unsigned(number) => format!("`{number}`"),
        Unexpected::Signed(number) => format!("`{number}`"),
        Unexpected::Float(number) => format!("`{number}`"),
        Unexpected::Str(text) => format!("the text {}", quoted(text)),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

/// A tree as a type.
pub fn decode<T: DeserializeOwned>(node: &Node) -> Result<T, DecodeError> {
    T::deserialize(At { node, key: None })
}

/// A value on its way into a type, with the place of its key: what a missing field points at.
#[derive(Clone, Copy)]
struct At<'a> {
    node: &'a Node,
    key: Option<Span>,
}

impl At<'_> {
    fn place(self, error: DecodeError) -> DecodeError {
        let missing = error.span.is_none() && error.message.ends_with("is missing");
        error.at(if missing { self.key.unwrap_or(self.node.span) } else { self.node.span })
    }
}

impl<'de> Deserializer<'de> for At<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.content {
            Content::Null => visitor.visit_unit(),
            Content::Bool(flag) => visitor.visit_bool(*flag),
            Content::Number(number) => visit_number(number, visitor),
            Content::Text(text) => visitor.visit_borrowed_str(text),
            Content::List(list) => {
                let mut items = List(list.iter());
                visitor.visit_seq(&mut items).and_then(|value| match items.0.next() {
                    None => Ok(value),
                    Some(surplus) => {
                        let message =
                            format!("this list has {} items, {} more than expected", list.len(), items.0.len() + 1);
                        Err(DecodeError::custom(message).at(surplus.span))
                    }
                })
            }
            Content::Map(map) => visitor.visit_map(Entries { entries: map.iter(), value: None }),
        }
        .map_err(|error| self.place(error))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self).map_err(|error| self.place(error))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.content {
            // A list would be taken for the fields in order.
            Content::List(_) => {
                Err(DecodeError::custom("expected a map, found a list")).map_err(|error| self.place(error))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let one_of = || suggestion("", variants.iter().copied());
        match &self.node.content {
            Content::Text(text) => {
                let tag = Variant { name: text, place: self.node.span, value: None, known: variants };
                visitor.visit_enum(tag)
            }
            Content::Map(map) if map.len() == 1 => match map.first() {
                Some((name, entry)) => {
                    let tag = Variant { name, place: entry.key, value: Some(&entry.value), known: variants };
                    visitor.visit_enum(tag)
                }
                None => Err(DecodeError::custom("expected one key")),
            },
            Content::Map(map) => {
                let message = format!("expected a map with one key, found {} keys", map.len());
                Err(DecodeError { help: one_of(), ..DecodeError::custom(message) })
            }
            _ => {
                let message = format!("expected a name or a map with one key, found {}", self.node.kind());
                Err(DecodeError { help: one_of(), ..DecodeError::custom(message) })
            }
        }
        .map_err(|error| self.place(error))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 i128 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, DecodeError> {
    match (number.as_u64(), number.as_i64(), number.as_f64()) {
        (Some(number), ..) => visitor.visit_u64(number),
        (_, Some(number), _) => visitor.visit_i64(number),
        (.., Some(number)) => visitor.visit_f64(number),
        _ => Err(DecodeError::custom(format!("`{number}` is no number that can be used here"))),
    }
}

struct List<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for &mut List<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        let Some(node) = self.0.next() else { return Ok(None) };
        let at = At { node, key: None };
        seed.deserialize(at).map(Some).map_err(|error| at.place(error))
    }
}

struct Entries<'a> {
    entries: indexmap::map::Iter<'a, String, Entry>,
    value: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, entry)) = self.entries.next() else { return Ok(None) };
        self.value = Some(entry);
        seed.deserialize(Key(key)).map(Some).map_err(|error| error.at(entry.key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let entry = self.value.take().ok_or_else(|| DecodeError::custom("a value without a key"))?;
        let at = At { node: &entry.value, key: Some(entry.key) };
        // Errors of conversions arise outside of any value: they are placed here.
        seed.deserialize(at).map_err(|error| at.place(error))
    }
}

/// A key: always text, but maps may be keyed by numbers.
struct Key<'a>(&'a str);

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0.parse() {
            Ok(number) => visitor.visit_u16(number),
            Err(_) => Err(DecodeError::custom(format!("the key {} is no whole number", quoted(self.0)))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u32 u64 i128 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Variant<'a> {
    name: &'a str,
    place: Span,
    value: Option<&'a Node>,
    known: &'static [&'static str],
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), DecodeError> {
        let name: StrDeserializer<'_, DecodeError> = self.name.into_deserializer();
        match seed.deserialize(name) {
            Ok(value) => Ok((value, self)),
            Err(error) => Err(error.at(self.place)),
        }
    }
}

impl Variant<'_> {
    fn needs_a_value(&self) -> DecodeError {
        let name = self.name;
        let error = DecodeError::custom(format!("{} needs a value", quoted(name)));
        debug_assert!(self.known.contains(&name) || self.known.is_empty());
        DecodeError { help: Some(format!("write it as `{name}: ...`")), ..error }.at(self.place)
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        match self.value {
            None => Ok(()),
            Some(node) if node.is_null() => Ok(()),
            Some(node) => {
                let message = format!("{} takes no value", quoted(self.name));
                Err(DecodeError::custom(message).at(node.span))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, DecodeError> {
        let Some(node) = self.value else { return Err(self.needs_a_value()) };
        let at = At { node, key: Some(self.place) };
        seed.deserialize(at).map_err(|error| at.place(error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            Some(node) => At { node, key: Some(self.place) }.deserialize_any(visitor),
            None => Err(self.needs_a_value()),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.value {
            Some(node) => At { node, key: Some(self.place) }.deserialize_struct("", fields, visitor),
            None => Err(self.needs_a_value()),
        }
    }
}
