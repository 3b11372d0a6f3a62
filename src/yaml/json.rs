//! JSON, with a place for every value.

use indexmap::IndexMap;
use serde::de::IgnoredAny;
use serde_json::Number;

use super::parse::{too_deep, too_large, too_many};
use super::{Content, Entry, Limits, Node};
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted};

/// Reads a JSON file.
pub fn json(file: &SourceFile, limits: Limits) -> Result<Node, Diagnostic> {
    if file.text().len() > limits.bytes {
        return Err(too_large(file.name(), limits));
    }
    if let Err(error) = serde_json::from_str::<IgnoredAny>(file.text()) {
        let start = offset(file.text(), error.line(), error.column());
        let message = error.to_string();
        // The place is shown; the words of it are left out.
        let why = message.split(" at line ").next().unwrap_or_default();
        return Err(Diagnostic::new(file, Span { start, end: start + 1 }, format!("this is not JSON: {why}")));
    }
    Reader { file, limits, at: 0, nodes: 0 }.value(0)
}

/// Byte offset of a line and a column in bytes, both from 1.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    (start + column.saturating_sub(1)).min(text.len())
}

/// Reads what is known to be JSON.
struct Reader<'a> {
    file: &'a SourceFile,
    limits: Limits,
    at: usize,
    nodes: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Diagnostic> {
        let start = self.skip(|byte| byte.is_ascii_whitespace());
        self.nodes += 1;
        let place = Span { start, end: start + 1 };
        if self.nodes > self.limits.nodes {
            return Err(Diagnostic::new(self.file, place, too_many(self.limits)));
        }
        if depth > self.limits.depth {
            return Err(Diagnostic::new(self.file, place, too_deep(self.limits)));
        }
        let content = match self.peek() {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Content::Text(self.text()?),
            _ => {
                let end = self.skip(|byte| !b",]} \t\r\n".contains(&byte));
                match &self.file.text()[start..end] {
                    "null" => Content::Null,
                    "true" => Content::Bool(true),
                    "false" => Content::Bool(false),
                    number => Content::Number(self.decoded::<Number>(number, start)?),
                }
            }
        };
        Ok(Node::new(Span { start, end: self.at }, content))
    }

    fn map(&mut self, depth: usize) -> Result<Content, Diagnostic> {
        let mut entries = IndexMap::new();
        self.at += 1;
        loop {
            let start = self.skip(|byte| byte.is_ascii_whitespace() || byte == b',');
            if self.peek().is_none_or(|byte| byte == b'}') {
                self.at += 1;
                return Ok(Content::Map(entries));
            }
            let name = self.text()?;
            let key = Span { start, end: self.at };
            self.skip(|byte| byte.is_ascii_whitespace() || byte == b':');
            let value = self.value(depth + 1)?;
            if entries.contains_key(&name) {
                return Err(Diagnostic::new(self.file, key, format!("duplicate key {}", quoted(&name))));
            }
            entries.insert(name, Entry { key, value });
        }
    }

    fn list(&mut self, depth: usize) -> Result<Content, Diagnostic> {
        let mut list = Vec::new();
        self.at += 1;
        loop {
            self.skip(|byte| byte.is_ascii_whitespace() || byte == b',');
            if self.peek().is_none_or(|byte| byte == b']') {
                self.at += 1;
                return Ok(Content::List(list));
            }
            list.push(self.value(depth + 1)?);
        }
    }

    fn text(&mut self) -> Result<String, Diagnostic> {
        let (start, bytes) = (self.at, self.file.text().as_bytes());
        self.at += 1;
        while let Some(byte) = bytes.get(self.at).filter(|byte| **byte != b'"') {
            self.at += if *byte == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.decoded(&self.file.text()[start..self.at.min(bytes.len())], start)
    }

    /// A text or number; what JSON allows and no text can hold, half of a surrogate pair, was not looked for before.
    fn decoded<T: serde::de::DeserializeOwned>(&self, token: &str, start: usize) -> Result<T, Diagnostic> {
        serde_json::from_str(token).map_err(|error| {
            let message = error.to_string();
            let why = message.split(" at line ").next().unwrap_or_default();
            let span = Span { start, end: start + token.len() };
            Diagnostic::new(self.file, span, format!("this cannot be read: {why}"))
        })
    }

    fn peek(&self) -> Option<u8> {
        self.file.text().as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, is: impl Fn(u8) -> bool) -> usize {
        while self.peek().is_some_and(&is) {
            self.at += 1;
        }
        self.at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const LIMITS: Limits = Limits { bytes: 1 << 20, depth: 8, nodes: 100 };

    fn read(text: &str) -> Result<Node, Diagnostic> {
        json(&SourceFile::new("x.json", text), LIMITS)
    }

    #[test]
    fn values_stand_where_they_stand() {
        let text = " {\"a\" : [1, \"x\\u00e9\\\"\", {}],\n\"b\":{\"c\":-1.50 }} ";
        let root = read(text).unwrap();
        let check = |path: &[&str], expect: &str| {
            let span = root.at(path.iter().copied()).expect("there").span;
            assert_eq!(&text[span.start..span.end], expect);
        };
        check(&[], text.trim());
        check(&["a"], "[1, \"x\\u00e9\\\"\", {}]");
        check(&["a", "0"], "1");
        check(&["a", "1"], "\"x\\u00e9\\\"\"");
        check(&["b", "c"], "-1.50");
        assert_eq!(root.to_value().to_string(), "{\"a\":[1,\"xé\\\"\",{}],\"b\":{\"c\":-1.50}}");
    }

    #[test]
    fn what_is_refused_says_where() {
        let check = |text: &str, at: (usize, usize), says: &str| {
            let error = read(text).expect_err(text);
            assert!(error.to_string().contains(says), "{error}");
            let start = error.span.expect("a place").start;
            assert_eq!(error.file.position(start), at, "{error}");
        };
        check("{\"a\": 1,\n \"b\": }", (2, 7), "this is not JSON: expected value");
        check("{\"a\": [1", (1, 8), "this is not JSON: EOF");
        check("", (1, 1), "this is not JSON");
        check("{\"a\": 1, \"a\": 2}", (1, 10), "duplicate key `a`");
        check("[[[[[[[[[[1]]]]]]]]]]", (1, 10), "more than 8 lists and maps");
        check(&format!("[{}1]", "1,".repeat(100)), (1, 200), "more than 100 values");
        check("[\"\\ud800\"]", (1, 2), "cannot be read");
        check(&"[".repeat(200), (1, 200), "this is not JSON: EOF");
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_reads(text in "[\\[\\]{}\",:\\\\u0-9a-ftrsnl .eE+-]{0,24}") {
            let theirs: Option<Value> = serde_json::from_str(&text).ok();
            if let Ok(own) = read(&text) {
                prop_assert_eq!(Some(own.to_value()), theirs);
            }
        }
    }
}
