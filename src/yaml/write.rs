//! From values to text that every YAML reader takes for the same.
//!
//! Text is plain only where no reader sees anything else in it, a block where its lines survive editors that strip
//! blanks, and otherwise double-quoted with escapes.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::scalar::is_plain_text;

/// Longest key, as it is written, that stands on its line with its value: readers look for the `:` within 1024 bytes.
const LONGEST_KEY: usize = 1_000;

/// A value as a YAML document. Nothing is lost: reading it gives the value back.
pub fn to_string<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    let mut out = String::new();
    match &value {
        Value::Object(map) if !map.is_empty() => write_map(&mut out, map, 0),
        Value::Array(list) if !list.is_empty() => write_list(&mut out, list, 0),
        scalar => {
            out.push_str(&inline(scalar, false));
            out.push('\n');
        }
    }
    Ok(out)
}

fn write_map(out: &mut String, map: &serde_json::Map<String, Value>, indent: usize) {
    for (index, (key, value)) in map.iter().enumerate() {
        if index > 0 || indent == 0 {
            pad(out, indent);
        }
        let key = text(key, false);
        if key.len() > LONGEST_KEY {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            pad(out, indent);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        write_value(out, value, indent);
    }
}

fn write_list(out: &mut String, list: &[Value], indent: usize) {
    for (index, value) in list.iter().enumerate() {
        if index > 0 || indent == 0 {
            pad(out, indent);
        }
        out.push('-');
        match value {
            Value::Object(map) if !map.is_empty() => {
                out.push(' ');
                write_map(out, map, indent + 2);
            }
            Value::Array(list) if !list.is_empty() && !is_short(list) => {
                out.push(' ');
                write_list(out, list, indent + 2);
            }
            value => write_value(out, value, indent),
        }
    }
}

/// What follows `key:` or `-`, with the line's end.
fn write_value(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.push('\n');
            pad(out, indent + 2);
            write_map(out, map, indent + 2);
        }
        Value::Array(list) if !list.is_empty() && !is_short(list) => {
            out.push('\n');
            pad(out, indent + 2);
            write_list(out, list, indent + 2);
        }
        Value::String(text) if is_block(text) => write_block(out, text, indent + 2),
        value => {
            out.push(' ');
            out.push_str(&inline(value, false));
            out.push('\n');
        }
    }
}

/// A pair such as a header, which reads best on one line.
fn is_short(list: &[Value]) -> bool {
    list.len() <= 2
        && list.iter().all(|value| match value {
            Value::String(text) => !text.contains('\n'),
            Value::Object(_) | Value::Array(_) => false,
            _ => true,
        })
}

fn inline(value: &Value, flow: bool) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(string) => text(string, flow),
        Value::Array(list) => {
            let items: Vec<String> = list.iter().map(|item| inline(item, true)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) => {
            let entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{}: {}", text(key, true), inline(value, true))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn text(string: &str, flow: bool) -> String {
    // A dash before a bracket begins an item to some readers.
    let ends_plain = flow && (string.contains(',') || string.contains(" -"));
    if is_plain_text(string) && !ends_plain || is_duration(string) { string.to_owned() } else { quote(string) }
}

fn is_duration(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < text.len() && matches!(unit, "ms" | "s" | "m")
}

fn quote(string: &str) -> String {
    let mut out = String::with_capacity(string.len() + 2);
    out.push('"');
    for c in string.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            c => {
                let code = c as u32;
                // Writing to a string cannot fail.
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// Printable, and a line end to no reader: YAML 1.1 takes U+0085, U+2028 and U+2029 for one.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
        && (c as u32) & 0xfffe != 0xfffe
}

/// Whether text is written as a block: several lines, none of which an editor or another reader would change.
pub(super) fn is_block(text: &str) -> bool {
    let first = text.trim_start_matches('\n').chars().next();
    text.contains('\n')
        && first.is_some_and(|c| c != ' ' && c != '\t')
        && text.lines().all(|line| !line.ends_with([' ', '\t', '\r']))
        && text.chars().all(|c| c == '\n' || c == '\t' || is_printable(c))
        && !text.ends_with('\r')
}

fn write_block(out: &mut String, text: &str, indent: usize) {
    out.push_str(if text.ends_with("\n\n") {
        " |+\n"
    } else if text.ends_with('\n') {
        " |\n"
    } else {
        " |-\n"
    });
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            pad(out, indent);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::yaml::{Document, Limits};
    use proptest::prelude::*;
    use serde_json::json;

    fn round_trip(value: &Value) {
        let text = to_string(value).expect("a value");
        let ours =
            Document::parse(SourceFile::new("x", text.as_str()), Limits::CASSETTE).expect("ours").root().to_value();
        assert_eq!(&ours, value, "ours:\n{text}");
        let theirs: Value = serde_yaml::from_str(&text).expect("theirs");
        assert_eq!(&theirs, value, "libyaml:\n{text}");
    }

    #[test]
    fn a_key_of_any_length_is_read_back() {
        for length in [998, 999, 1_000, 1_001, 1_023, 1_024, 1_025, 5_000] {
            let key = "k".repeat(length);
            round_trip(&json!({"a": 1, &key: "x", "b": {&key: {"c": [1, 2, 3]}}, "d": [{&key: "two\nlines\n"}, {}]}));
            round_trip(&json!([{"\u{e9}: ".repeat(length / 4): []}, [[{&key: null}]]]));
        }
    }

    #[test]
    fn writes_what_people_would_write() {
        let value = json!({
            "cassette": 1, "none": null, "empty": [], "map": {}, "no": "no", "version": "1.20", "date": "2026-11-23",
            "headers": [["content-type", "text/event-stream; charset=utf-8"], ["x", "a, b"]],
            "chunks": [{"after": "41ms", "data": "data: {}\n\ndata: [DONE]\n\n"}, {"data": "trailing \n"}, {"data": ": ping\n"}],
            "nested": [[["a", "b", "c"], [1, 2, 3]]], "text": "one\n\ntwo"
        });
        round_trip(&value);
        insta::assert_snapshot!(to_string(&value).expect("a value"), @r#"
        cassette: 1
        none: null
        empty: []
        map: {}
        "no": "no"
        version: "1.20"
        date: "2026-11-23"
        headers:
          - [content-type, "text/event-stream; charset=utf-8"]
          - [x, "a, b"]
        chunks:
          - after: 41ms
            data: |+
              data: {}

              data: [DONE]

          - data: "trailing \n"
          - data: |
              : ping
        nested:
          - - - a
              - b
              - c
            - - 1
              - 2
              - 3
        text: |-
          one

          two
        "#);
    }

    #[test]
    fn awkward_texts_come_back() {
        for text in [
            "",
            " ",
            "\n",
            "\n\n",
            "\na",
            "a\n",
            "a\n\n\n",
            " a\n b",
            "a\n b",
            "\ta\nb",
            "a\tb\n",
            "a \nb",
            "a\r\nb",
            "a\rb",
            "no",
            "on",
            "~",
            "null",
            "1.20",
            "1e3",
            "0x10",
            "12:30",
            "1_000",
            "- a",
            "a -",
            "a - - b",
            "a: b",
            "a #b",
            "#",
            "'",
            "\"",
            "\\",
            "{",
            "[",
            "}",
            ",",
            "&a",
            "*a",
            "!a",
            "%a",
            "@a",
            "`a",
            "|",
            ">",
            "?",
            "? a",
            "---",
            "...",
            "---\na",
            "a\n---\nb",
            "a\n...\n",
            "\0",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "a\u{feff}b\n",
            "\u{7f}",
            "\u{1f600}",
            "e\u{301}\n",
            "=",
            "<<",
            "a\n#b\n",
            "#a\nb\n",
            "a\n\n  b\n",
            "\u{fffe}",
            "\u{a0}",
            "a\n\u{a0}\nb",
            "\u{3000}\n",
        ] {
            round_trip(&json!({"key": text, text: 1}));
            round_trip(&json!([text, [text, text], {"a": {"b": text}}]));
            round_trip(&json!(text));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_comes_back(text in any::<String>(), lines in "([a-z :#\\-\\t\u{e9}]{0,6}\n?){0,8}") {
            round_trip(&json!({"a": [text, {"b": lines}]}));
        }
    }
}
