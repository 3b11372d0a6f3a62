use serde_json::json;

use super::*;

fn parse(text: &str) -> Result<Document, Diagnostic> {
    Document::parse(SourceFile::new("a.yaml", text), Limits::SCENARIO)
}

fn error(text: &str) -> String {
    parse(text).expect_err("an error").to_string()
}

#[test]
fn keeps_order_types_and_places() {
    let document = parse("b: 1\na: [x, 1.5, true, ~]\nc:\n  - d: |\n      text\n").expect("a document");
    assert_eq!(document.root().to_value(), json!({"b": 1, "a": ["x", 1.5, true, null], "c": [{"d": "text\n"}]}));
    let text = document.file().text();
    let place = |path: &[&str]| {
        let span = document.root().at(path.iter().copied()).expect("a value").span;
        &text[span.start..span.end]
    };
    assert_eq!(place(&["a", "0"]), "x");
    assert_eq!(place(&["a"]), "[x, 1.5, true, ~]");
}

#[test]
fn counts_bytes_where_the_parser_counts_characters() {
    let text = format!("a: {}\r\nb: \u{1f600}\nc: {{d: here}}\n", "\u{e9}".repeat(100));
    let document = parse(&text).expect("a document");
    let span = document.root().at(["c", "d"]).expect("a value").span;
    assert_eq!(&text[span.start..span.end], "here");
}

#[test]
fn refuses_what_readers_disagree_about() {
    for (text, message) in [
        ("a: &x 1\n", "anchors are not allowed"),
        ("a: &x 1\nb: *x\n", "anchors are not allowed"),
        ("a: !!str 1\n", "the tag `tag:yaml.org,2002:str` is not allowed"),
        ("a: !x {}\n", "the tag `!x` is not allowed"),
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("a: 1\na: 2\n", "duplicate key `a`"),
        ("{a: 1, b: {c: 1, c: 2}}", "duplicate key `c`"),
        ("a: {{ b }}\n", "a key must be plain text"),
        ("a: .inf\n", "is not a number"),
        ("a: \"\u{1}\"\n", "control character, U+0001"),
        ("a: [1\n", "this is not YAML"),
    ] {
        let got = error(text);
        assert!(got.contains(message), "{text}: {got}");
        assert!(got.contains("a.yaml:"), "{got}");
    }
}

#[test]
fn limits_hold() {
    assert!(error(&"[".repeat(100_000)).contains("more than 64 lists and maps"));
    assert!(error(&format!("a: [{}]", "a,".repeat(60_000))).contains("more than 50000 values"));
    assert!(error(&" ".repeat((1 << 20) + 1)).contains("larger than 1 MiB"));
}
