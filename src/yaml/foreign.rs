//! YAML as other programs write it: several documents, aliases, tags, lists as keys.

use std::collections::HashMap;

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;
use saphyr_parser::{Event, ScalarStyle};
use serde_json::Number;

use super::parse::{Events, over, too_deep, too_large, too_many};
use super::{Content, Entry, Limits, Node};
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted};

/// The key of a map of one entry that stands for `!!binary`: its value is the base64.
pub const BINARY: &str = "!binary";

/// Reads every document of a file.
///
/// Aliases are written out. Of tags only `!!binary` means something; whatever else is tagged is read as if it were not.
/// A key that is a list, as `!!python/object/apply:` makes it, is its first text.
pub fn foreign(file: &SourceFile, limits: Limits) -> Result<Vec<Node>, Diagnostic> {
    if file.text().len() > limits.bytes {
        return Err(too_large(file.name(), limits));
    }
    let mut tree = Tree { file, limits, open: Vec::new(), anchors: HashMap::new(), nodes: 0, documents: Vec::new() };
    Events::of(file, limits, limits.nodes).tell(|event, span| tree.event(event, span))?;
    Ok(tree.documents)
}

/// A list or map that is not yet closed, with its anchor and whether it is bytes.
struct Open {
    start: Span,
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    Map(IndexMap<String, Entry>, Option<(String, Span)>),
}

/// What an anchor stands for, and how large it is.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

struct Tree<'a> {
    file: &'a SourceFile,
    limits: Limits,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    documents: Vec<Node>,
}

impl Tree<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_binary = tag.is_some_and(|tag| tag.suffix == "binary");
                let node = match style {
                    _ if is_binary => Node::tagged(BINARY, Node::text(span, text)),
                    ScalarStyle::Plain => Node::new(span, plain(&text)),
                    _ => Node::text(span, text),
                };
                self.value(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.push(span, anchor, Kind::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.push(span, anchor, Kind::Map(IndexMap::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn push(&mut self, start: Span, anchor: usize, kind: Kind) -> Result<(), Diagnostic> {
        if self.open.len() >= self.limits.depth {
            return Err(Diagnostic::new(self.file, start, too_deep(self.limits)));
        }
        self.open.push(Open { start, anchor, kind });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Diagnostic> {
        let Some(Open { start, anchor, kind }) = self.open.pop() else { return Ok(()) };
        let content = match kind {
            Kind::List(list) => Content::List(list),
            Kind::Map(entries, _) => Content::Map(entries),
        };
        self.value(Node::new(over(start, span), content), anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            // The parser refuses names that were never given; one that is given to what it stands in has no end.
            return Err(Diagnostic::new(self.file, span, "an alias of what it stands in"));
        };
        if self.open.len() + anchored.depth > self.limits.depth {
            return Err(Diagnostic::new(self.file, span, too_deep(self.limits)));
        }
        let (node, nodes) = (anchored.node.clone(), anchored.nodes);
        // The value itself is counted as any other.
        self.count(nodes.saturating_sub(1), span)?;
        self.value(node, 0)
    }

    /// A value that is complete: of a map, a key first.
    fn value(&mut self, node: Node, anchor: usize) -> Result<(), Diagnostic> {
        self.count(1, node.span)?;
        if anchor > 0 {
            let (nodes, depth) = size(&node);
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
            // Anchors inside anchors would copy without end what no alias asks for.
            self.count(nodes, node.span)?;
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open { kind: Kind::List(list), .. }) => list.push(node),
            Some(Open { kind: Kind::Map(_, key @ None), .. }) => *key = Some((name(&node), node.span)),
            Some(Open { kind: Kind::Map(entries, key @ Some(_)), .. }) => {
                let Some((name, key)) = key.take() else { return Ok(()) };
                match entries.entry(name) {
                    Slot::Vacant(slot) => {
                        slot.insert(Entry { key, value: node });
                    }
                    Slot::Occupied(slot) => {
                        let message = format!("duplicate key {}", quoted(slot.key()));
                        return Err(Diagnostic::new(self.file, key, message));
                    }
                }
            }
        }
        Ok(())
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), Diagnostic> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > self.limits.nodes {
            return Err(Diagnostic::new(self.file, span, too_many(self.limits)));
        }
        Ok(())
    }
}

/// What a plain scalar says: a number keeps its spelling, and what only YAML 1.1 takes for something else is text.
fn plain(text: &str) -> Content {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Bool(true),
        "false" | "False" | "FALSE" => Content::Bool(false),
        _ => match serde_json::from_str::<Number>(text) {
            Ok(number) => Content::Number(number),
            Err(_) => Content::Text(text.to_owned()),
        },
    }
}

fn name(key: &Node) -> String {
    match &key.content {
        Content::Text(text) => text.clone(),
        Content::Number(number) => number.to_string(),
        Content::Bool(flag) => flag.to_string(),
        Content::List(list) => list.first().map(name).unwrap_or_default(),
        Content::Map(map) => map.values().next().map(|entry| name(&entry.value)).unwrap_or_default(),
        Content::Null => "null".to_owned(),
    }
}

/// How many values, and how many lists and maps inside each other.
fn size(node: &Node) -> (usize, usize) {
    let inner: Vec<(usize, usize)> = match &node.content {
        Content::List(list) => list.iter().map(size).collect(),
        Content::Map(map) => map.values().map(|entry| size(&entry.value)).collect(),
        _ => return (1, 0),
    };
    (
        1 + inner.iter().map(|(nodes, _)| nodes).sum::<usize>(),
        1 + inner.iter().map(|(_, depth)| *depth).max().unwrap_or(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Node>, Diagnostic> {
        foreign(&SourceFile::new("x.yaml", text), Limits { bytes: 1 << 20, depth: 8, nodes: 100 })
    }

    fn check(text: &str, expect: &str) {
        let documents = read(text).unwrap_or_else(|error| panic!("{error}"));
        let json: Vec<String> = documents.iter().map(|node| node.to_value().to_string()).collect();
        assert_eq!(json.join("\n"), expect, "{text}");
    }

    #[test]
    fn what_other_programs_write_is_read() {
        check("a: 1\n---\nb: [x, null]\n", "{\"a\":1}\n{\"b\":[\"x\",null]}");
        check("a: &it {b: [1]}\nc: *it\n", r#"{"a":{"b":[1]},"c":{"b":[1]}}"#);
        check("a: !!binary |\n  H4sI\n  AAAA\n", "{\"a\":{\"!binary\":\"H4sI\\nAAAA\\n\"}}");
        check("a: !binary |-\n  H4sI\n", r#"{"a":{"!binary":"H4sI"}}"#);
        check(
            "? !!python/object/apply:multidict._multidict.istr\n- Content-Type\n: - application/json\n",
            r#"{"Content-Type":["application/json"]}"#,
        );
        check("a: !ruby/object:Thing {b: 1.50}\n", r#"{"a":{"b":1.50}}"#);
        check(
            "a: 1.0e-05\nb: 017\nc: yes\nd: 2026-08-02\ne: 12345678901234567890123\n",
            r#"{"a":1.0e-05,"b":"017","c":"yes","d":"2026-08-02","e":12345678901234567890123}"#,
        );
        check(
            "a: |+\n  data: x  \n\n\nb: 'it''s\n  folded'\nc: \"one \\\n  two\\r\\n\\u00e9\"\n",
            "{\"a\":\"data: x  \\n\\n\\n\",\"b\":\"it's folded\",\"c\":\"one two\\r\\né\"}",
        );
        check("200: a\n? [x, y]\n: b\n", r#"{"200":"a","x":"b"}"#);
        check("", "");
    }

    #[test]
    fn what_is_refused_says_where() {
        let check = |text: &str, line: usize, says: &str| {
            let error = read(text).expect_err(text);
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(error.line(), Some(line), "{error}");
        };
        check("a: 1\na: 2\n", 2, "duplicate key `a`");
        check("a: [1\nb: 2\n", 2, "this is not YAML");
        check("a: &it\n  b: *it\n", 2, "an alias of what it stands in");
        check("[[[[[[[[[1]]]]]]]]]", 1, "more than 8 lists and maps");
        check("a: &a [[[[[[1]]]]]]\nb: [[[*a]]]\n", 2, "more than 8 lists and maps");
        let laughs = "a: &a [1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]\n";
        check(laughs, 3, "more than 100 values");
        check(&format!("[{}1]", "1,".repeat(200)), 1, "too much stands between");
    }
}
