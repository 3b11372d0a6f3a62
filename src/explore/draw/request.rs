//! What the client asks: conversations, tools, parameters.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::draft::{Reply, Request, Round, Tool, ToolUse};
use super::or;

/// What a scenario asks that says nothing of it.
pub(in super::super) const PLAIN: &str = "Tell me about crossfades.";

/// Texts that proxies are known to change: odd blanks, line ends, other scripts, joined emoji, what looks like markup.
const ODD: [&str; 14] = [
    "Two  blanks, and one behind. ",
    " One in front.",
    "Line\nline\r\nline\n",
    "\tTab\tand\u{a0}no-break",
    "Wie geht's? \u{dc}ber \u{e9}t\u{e9}, e\u{301}, \u{2026}",
    "\u{4f60}\u{597d}\u{ff0c}\u{4e16}\u{754c}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{200f}abc\u{200e}",
    "\u{1f44d}\u{1f3fd} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f1e9}\u{1f1ea}",
    "{\"a\": [1, 2.50, \"x\\n\"]}",
    "<b>&amp; \"quoted\" 'single' \\ back\\slash</b>",
    "# Title\n\n- one\n- two\n\n```\ncode  {}\n```",
    "data: [DONE]\n\nevent: error",
    "{{ template }} ${HOME} %s %00",
    "-",
];

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        3 => Just(PLAIN.to_owned()),
        3 => select(&ODD[..]).prop_map(str::to_owned),
        2 => vec(select(&["a", "word", "\u{e9}t\u{e9}", "\u{1f642}", "\u{6771}\u{4eac}", "12.50", "x;y", "(z)"][..]), 1..24)
            .prop_map(|words| words.join(" ")),
    ]
    .boxed()
}

/// A picture of one pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9\
                     awAAAABJRU5ErkJggg==";

/// A part of the last user turn.
fn part() -> BoxedStrategy<Value> {
    prop_oneof![
        8 => text().prop_map(Value::from),
        1 => text().prop_map(|text| json!({"text": text, "cache": true})),
        1 => Just(json!({"image": PIXEL})),
    ]
    .boxed()
}

/// One text, or up to three parts that begin with one.
fn last() -> BoxedStrategy<Vec<Value>> {
    let several = (text(), vec(part(), 0..=2)).prop_map(|(first, mut parts)| {
        parts.insert(0, first.into());
        parts
    });
    or(vec![PLAIN.into()], 60, several)
}

fn arguments() -> BoxedStrategy<Value> {
    prop_oneof![
        3 => Just(json!({"query": "x"})),
        1 => Just(json!({})),
        1 => Just(json!({"query": "\u{e9}t\u{e9} \"q\" \\ \n", "limit": 3, "exact": true, "none": null})),
        1 => Just(json!({"at": {"lat": 48.20, "long": -16.0}, "tags": ["a", "b", ["c"]], "big": 9_007_199_254_740_993_u64})),
    ]
    .boxed()
}

fn tool() -> BoxedStrategy<Tool> {
    let description = or(None, 60, text().prop_map(Some));
    let parameters = prop_oneof![
        2 => Just(json!({"type": "object", "properties": {"query": {"type": "string"}}})),
        1 => Just(json!({
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What to look for", "enum": ["x", "y"]},
                "limit": {"type": "integer", "minimum": 1, "maximum": 10, "default": 5},
                "at": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}
            },
            "required": ["query"],
            "additionalProperties": false
        })),
    ];
    (description, parameters)
        .prop_map(|(description, parameters)| Tool { name: "lookup", description, parameters })
        .boxed()
}

/// Up to three tools, of names of their own.
fn tools() -> BoxedStrategy<Vec<Tool>> {
    let named = |mut tools: Vec<Tool>| {
        for (tool, name) in tools.iter_mut().zip(["lookup", "get_weather", "run-code"]) {
            tool.name = name;
        }
        tools
    };
    or(Vec::new(), 30, vec(tool(), 1..=3).prop_map(named))
}

fn round() -> BoxedStrategy<Round> {
    let used = (arguments(), text()).prop_map(|(arguments, result)| ToolUse { arguments, result });
    let reply = prop_oneof![
        2 => text().prop_map(Reply::Text),
        1 => (vec(used, 1..=2), text()).prop_map(|(used, text)| Reply::Tools(used, text)),
    ];
    (text(), reply).prop_map(|(user, reply)| Round { user, reply }).boxed()
}

/// The form of an answer that is asked for.
fn format() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {"title": {"type": "string"}},
        "required": ["title"],
        "additionalProperties": false
    });
    json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}})
}

fn params() -> BoxedStrategy<Vec<(&'static str, Value)>> {
    let param = |name: &'static str, values: Vec<Value>| {
        or(None, 20, select(values).prop_map(move |value| Some((name, value))))
    };
    (
        param("max_tokens", vec![json!(1), json!(64), json!(1_000), json!(4_096)]),
        param("temperature", vec![json!(0), json!(0.2), json!(0.7), json!(1)]),
        param("top_p", vec![json!(0.1), json!(0.95)]),
        param("stop", vec![json!(["END"]), json!(["\n\nUser:", "###"])]),
        param("user", vec![json!("user-1234")]),
        param("parallel_tool_calls", vec![json!(false), json!(true)]),
        param("tool_choice", vec![json!("auto"), json!("required"), json!({"tool": "lookup"}), json!("none")]),
        or(None, 6, Just(Some(("format", format())))),
        param("seed", vec![json!(7)]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i)| [a, b, c, d, e, f, g, h, i].into_iter().flatten().collect())
        .boxed()
}

/// What the client asks.
pub(super) fn request() -> BoxedStrategy<Request> {
    (
        or(true, 15, Just(false)),
        or(None, 40, text().prop_map(Some)),
        or(Vec::new(), 40, vec(round(), 1..=3)),
        last(),
        or(false, 20, Just(true)),
        tools(),
        params(),
        or(false, 30, Just(true)),
        or(false, 30, Just(true)),
    )
        .prop_map(|(stream, system, rounds, last, ends_with_results, tools, params, thoughts, usage)| Request {
            stream,
            system,
            rounds,
            last,
            ends_with_results,
            tools,
            params,
            thoughts,
            usage,
        })
        .boxed()
}
