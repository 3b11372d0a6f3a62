use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::Role::{Assistant, System, Tool, User};
use crate::api::{ApiId, ToolDefinition};
use crate::history::Continuation;

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, place: String::new() }
}

fn conversation(turns: &[(Role, &str)]) -> Conversation {
    let turns = turns
        .iter()
        .enumerate()
        .map(|(n, (role, text))| Turn { role: *role, parts: vec![Part::text(*text)], place: format!("/messages/{n}") })
        .collect();
    Conversation { turns, ..Conversation::default() }
}

fn call(id: &str, arguments: Value) -> Part {
    Part::ToolCall { id: id.to_owned(), name: "look".to_owned(), arguments }
}

fn result(id: &str, text: &str) -> Part {
    Part::ToolResult { id: id.to_owned(), parts: vec![Part::text(text)], error: false, cache: false }
}

fn tool(name: &str) -> ToolDefinition {
    ToolDefinition { name: name.to_owned(), parameters: json!({"type": "object"}), ..ToolDefinition::default() }
}

fn outline(expected: &Conversation, got: &Conversation) -> Vec<String> {
    let text = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
    differences(expected, got)
        .iter()
        .map(|found| format!("{} {}: {} > {}", found.path, found.kind, text(&found.expected), text(&found.got)))
        .collect()
}

#[test]
fn what_does_not_count() {
    let check = |a: &Conversation, b: &Conversation| assert_eq!(outline(a, b), Vec::<String>::new());
    let base = conversation(&[(System, "Be terse."), (User, "Look here.")]);

    // Model spelling and places.
    let mut other = Conversation { model: "other".to_owned(), ..base.clone() };
    other.turns[0].place = "/system".to_owned();
    check(&base, &other);

    // Where text is cut into parts and turns.
    let mut other = base.clone();
    other.turns[1].parts = vec![Part::text("Look"), Part::text(" here.")];
    check(&base, &other);
    check(&base, &conversation(&[(System, "Be terse."), (User, "Look "), (User, "here.")]));
    // A cache mark on a part of it marks the whole.
    let mut marked = base.clone();
    marked.turns[1].parts = vec![Part::Text { text: "Look here.".to_owned(), cache: true }];
    let mut other = base.clone();
    other.turns[1].parts = vec![Part::text("Look "), Part::Text { text: "here.".to_owned(), cache: true }];
    check(&marked, &other);

    // Ids of calls, as long as results go with their calls.
    let calls = |a: &str, b: &str| Conversation {
        turns: vec![
            turn(Assistant, vec![call(a, json!({"x": 1})), call(b, json!({"y": [1.0, 2]}))]),
            turn(Tool, vec![result(a, "one"), result(b, "two")]),
        ],
        ..Conversation::default()
    };
    check(&calls("call_1", "call_2"), &calls("toolu_9", "toolu_1"));
    let mut spelt = calls("call_1", "call_2");
    spelt.turns[0].parts[0] = call("call_1", json!({"x": 1.0}));
    check(&calls("call_1", "call_2"), &spelt);

    // JSON and numbers by value.
    let mut a = base.clone();
    a.params = BTreeMap::from([("max_tokens".to_owned(), json!(64)), ("temperature".to_owned(), json!(1))]);
    a.rest = BTreeMap::from([("/metadata".to_owned(), json!({"a": 1, "b": {"c": 2.5}}))]);
    let mut b = base.clone();
    b.params = BTreeMap::from([("max_tokens".to_owned(), json!(64.0)), ("temperature".to_owned(), json!(1.0))]);
    b.rest = BTreeMap::from([("/metadata".to_owned(), json!({"b": {"c": 2.50}, "a": 1.0}))]);
    check(&a, &b);
}

#[test]
fn turns_lost_added_changed_and_reordered() {
    let check = |expected: &[(Role, &str)], got: &[(Role, &str)], found: &[&str]| {
        assert_eq!(outline(&conversation(expected), &conversation(got)), found);
    };
    let four = [(System, "s"), (User, "a"), (Assistant, "b"), (User, "c")];
    check(&four, &four, &[]);
    check(&four, &four[1..], &["system lost: {\"system\":\"s\"} > -"]);
    check(&four[1..], &four, &["system added: - > {\"system\":\"s\"}"]);
    check(&four, &four[..3], &["turns[3] lost: {\"user\":\"c\"} > -"]);
    check(&four, &[four[0], four[1], (Assistant, "x"), four[3]], &["turns[2].text changed: \"b\" > \"x\""]);
    check(&four, &[(System, "t"), four[1], four[2], four[3]], &["system.text changed: \"s\" > \"t\""]);
    check(
        &four,
        &[four[0], four[1], four[2], four[3], (Assistant, "d")],
        &["turns[4] added: - > {\"assistant\":\"d\"}"],
    );
    check(&four, &[four[1], four[2], four[3], four[0]], &["system reordered: {\"system\":\"s\"} > \"turns[3]\""]);
}

#[test]
fn parts() {
    let mut expected = Conversation {
        turns: vec![turn(
            Assistant,
            vec![
                Part::Thinking { text: "hm".to_owned(), signature: Some("s1".to_owned()) },
                Part::text("a"),
                call("1", json!({"x": 1})),
            ],
        )],
        ..Conversation::default()
    };
    let got = Conversation {
        turns: vec![turn(Assistant, vec![Part::text("a"), call("1", json!({"x": 2}))])],
        ..Conversation::default()
    };
    let thinking = "{\"thinking\":{\"text\":\"hm\",\"signature\":\"s1\"}}";
    assert_eq!(
        outline(&expected, &got),
        [
            format!("turns[0].parts[0] lost: {thinking} > -"),
            "turns[0].parts[2].arguments changed: {\"x\":1} > {\"x\":2}".to_owned(),
        ]
    );
    expected.turns[0].parts.remove(0);
    assert_eq!(outline(&expected, &got), ["turns[0].parts[1].arguments changed: {\"x\":1} > {\"x\":2}"]);

    // Results under the wrong call, and failures hidden.
    let results = |first: &str, second: &str, error: bool| Conversation {
        turns: vec![
            turn(Assistant, vec![call("1", json!({})), call("2", json!({}))]),
            turn(
                Tool,
                vec![
                    result("1", first),
                    Part::ToolResult { id: "2".to_owned(), parts: vec![Part::text(second)], error, cache: false },
                ],
            ),
        ],
        ..Conversation::default()
    };
    assert_eq!(
        outline(&results("a", "b", true), &results("a", "c", false)),
        ["turns[1].parts[1].error changed: true > false", "turns[1].parts[1].parts[0].text changed: \"b\" > \"c\"",]
    );

    // What is of another kind has not become it.
    let of = |part: &Part| Conversation {
        turns: vec![turn(User, vec![Part::text("a"), part.clone(), Part::text("b")])],
        ..Conversation::default()
    };
    let image = Part::Image { digest: "d".to_owned(), media_type: String::new(), url: "d".to_owned() };
    let kinds: Vec<_> = differences(&of(&image), &of(&Part::Other(json!(1)))).into_iter().map(|d| d.kind).collect();
    assert_eq!(kinds, [DifferenceKind::Lost, DifferenceKind::Added]);

    // A cache mark.
    let mut marked = conversation(&[(User, "a")]);
    let plain = marked.clone();
    marked.turns[0].parts = vec![Part::Text { text: "a".to_owned(), cache: true }];
    assert_eq!(outline(&marked, &plain), ["turns[0].cache changed: true > false"]);
}

#[test]
fn everything_else() {
    let mut expected = conversation(&[(User, "a")]);
    expected.tools = vec![tool("one"), tool("two"), tool("three")];
    expected.stream = true;
    expected.user = Some("u".to_owned());
    expected.tool_choice = Some(json!("auto"));
    expected.params = BTreeMap::from([("max_tokens".to_owned(), json!(64)), ("top_p".to_owned(), json!(0.5))]);
    expected.rest = BTreeMap::from([("/metadata".to_owned(), json!({"a": 1}))]);

    let mut got = expected.clone();
    got.tools = vec![tool("two"), tool("one"), tool("four")];
    got.tools[1].parameters = json!({});
    got.stream = false;
    got.user = None;
    got.tool_choice = Some(json!({"tool": "one"}));
    got.format = Some(json!({"type": "json"}));
    got.params = BTreeMap::from([("max_tokens".to_owned(), json!(32)), ("seed".to_owned(), json!(7))]);
    got.rest = BTreeMap::from([("/messages/0/prefix".to_owned(), json!(true))]);
    let found: Vec<_> = differences(&expected, &got).into_iter().map(|d| format!("{} {}", d.path, d.kind)).collect();
    assert_eq!(
        found,
        [
            "tools[0].parameters changed",
            "tools[2] lost",
            "tools[2] added",
            "tool_choice changed",
            "format added",
            "params.max_tokens changed",
            "params.seed added",
            "params.top_p lost",
            "stream changed",
            "user lost",
            "rest/messages/0/prefix added",
            "rest/metadata lost",
        ]
    );
    got = expected.clone();
    got.tools.swap(0, 2);
    let found = outline(&expected, &got);
    let expect = "tools reordered: [\"one\",\"two\",\"three\"] > [\"three\",\"two\",\"one\"]";
    assert_eq!(found, [expect]);
}

#[test]
fn words_go_with_the_blank_before_them() {
    let strip = |text: &str| without_words(&conversation(&[(User, text)]), &["uniq".to_owned()]).turns[0].text();
    let check = |text: &str, expect: &str| assert_eq!(strip(text), expect, "{text:?}");
    check("Recite. uniq", "Recite.");
    check("Recite. uniq Now.", "Recite. Now.");
    check("uniq Recite.", " Recite.");
    check("Recite.  uniq", "Recite. ");
    check("Recite.\u{2003}uniq", "Recite.");
    check("a uniq b uniq", "a b");
    check("Recite.", "Recite.");

    let mut everywhere = conversation(&[(User, "a uniq")]);
    everywhere.turns.push(turn(Assistant, vec![call("1", json!({"q": ["b uniq"]}))]));
    everywhere.turns.push(turn(Tool, vec![result("1", "c uniq")]));
    everywhere.params.insert("stop".to_owned(), json!(["d uniq"]));
    everywhere.rest.insert("/metadata".to_owned(), json!({"e": "f uniq"}));
    everywhere.user = Some("g uniq".to_owned());
    everywhere.tools = vec![ToolDefinition { description: Some("h uniq".to_owned()), ..tool("look") }];
    let stripped = without_words(&everywhere, &["uniq".to_owned()]);
    assert!(!serde_json::to_string(&stripped).unwrap().contains("uniq"));
    assert_eq!(stripped, without_words(&everywhere, &[String::new(), "uniq".to_owned()]));
}

#[test]
fn additions_of_a_prefill() {
    let quoted = "one two";
    let prefill = Continuation::Prefill { quoted: quoted.to_owned() };
    let client = [(System, "s"), (User, "a")];
    let check = |got: &Conversation, found: &[&str]| {
        let control = conversation(&client);
        assert_eq!(outline(&control, &continuation_additions(&control, got, &prefill)), found);
    };
    check(&conversation(&[client[0], client[1], (Assistant, quoted)]), &[]);
    check(&conversation(&[client[0], client[1], (Assistant, "one two \n")]), &[]);
    // Exactly the quoted text, one turn, nothing before it.
    let more = conversation(&[client[0], client[1], (Assistant, "one two x")]);
    check(&more, &["turns[2] added: - > {\"assistant\":\"one two x\"}"]);
    let instructed = conversation(&[client[0], client[1], (System, "Go on."), (Assistant, quoted)]);
    check(&instructed, &["turns[2] added: - > {\"system\":\"Go on.\"}"]);
    let edited = conversation(&[(System, "s. Go on."), client[1], (Assistant, quoted)]);
    check(&edited, &["system.text changed: \"s\" > \"s. Go on.\""]);

    // Keys of the added message go with it, keys of others do not.
    let mut got = conversation(&[client[0], client[1], (Assistant, quoted)]);
    got.rest.insert("/messages/2/prefix".to_owned(), json!(true));
    check(&got, &[]);
    got.rest.insert("/messages/1/name".to_owned(), json!("x"));
    check(&got, &["rest/messages/1/name added: - > \"x\""]);

    // The client's own prefill stays.
    let control = conversation(&[(User, "a"), (Assistant, "Well: ")]);
    let got = conversation(&[(User, "a"), (Assistant, "Well: one two")]);
    assert_eq!(outline(&control, &continuation_additions(&control, &got, &prefill)), Vec::<String>::new());
}

#[test]
fn additions_of_a_user_message() {
    let message = Continuation::UserMessage { quoted: "one two three four".to_owned() };
    let client = [(System, "s"), (User, "a"), (Assistant, "b"), (User, "a")];
    let check = |got: &[(Role, &str)], found: &[&str]| {
        let control = conversation(&client);
        let left = continuation_additions(&control, &conversation(got), &message);
        assert_eq!(outline(&control, &left), found, "{got:?}");
    };
    let with = |more: &[(Role, &'static str)]| [&client[..], more].concat();
    check(&with(&[]), &[]);
    check(&with(&[(User, "Go on from: one two three four")]), &[]);
    check(&with(&[(Assistant, "one two three four"), (User, "Go on.")]), &[]);
    // The client's question put again behind the quotation.
    check(&with(&[(Assistant, "one two three four"), (User, "a")]), &[]);
    // Joined to the client's own turn, as a part or in its text.
    check(&[client[0], client[1], client[2], (User, "a\n\nGo on from: one two three four")], &[]);
    // System text is never a part of it, wherever it stands.
    check(&with(&[(System, "Go on."), (User, "x")]), &["turns[4] added: - > {\"system\":\"Go on.\"}"]);
    check(
        &[(System, "s!"), client[1], client[2], client[3], (User, "Go on.")],
        &["system.text changed: \"s\" > \"s!\""],
    );
    // Nothing before the client's last turn may be touched.
    check(
        &[client[0], client[3], (User, "Go on.")],
        &["turns[2] lost: {\"assistant\":\"b\"} > -", "turns[3] lost: {\"user\":\"a\"} > -"],
    );
    check(
        &[client[0], client[1], (Assistant, "c"), client[3], (User, "Go on.")],
        &["turns[2].text changed: \"b\" > \"c\""],
    );
}

#[test]
fn an_addition_stands_behind_the_clients_words() {
    let message = Continuation::UserMessage { quoted: "one two three four".to_owned() };
    let image =
        |digest: &str| Part::Image { digest: digest.to_owned(), media_type: String::new(), url: digest.to_owned() };
    let of = |turns: &[(Role, &[Part])]| Conversation {
        turns: turns.iter().map(|(role, parts)| turn(*role, parts.to_vec())).collect(),
        ..Conversation::default()
    };
    let own = [image("d"), Part::text("a")];
    let control = of(&[(User, &own)]);
    let check = |got: &[(Role, &[Part])], found: &[&str]| {
        let left = continuation_additions(&control, &of(got), &message);
        let paths: Vec<_> = differences(&control, &left).into_iter().map(|d| d.path).collect();
        assert_eq!(paths, found, "{got:?}");
    };
    check(&[(User, &[image("d"), Part::text("a Go on.")])], &[]);
    check(&[(User, &[image("e"), Part::text("a Go on.")])], &["turns[0].parts[0].image", "turns[0].parts[1].text"]);
    check(
        &[(User, &[image("d"), Part::text("a Go on."), image("e")])],
        &["turns[0].parts[1].text", "turns[0].parts[2]"],
    );
    // What the same role says before them makes them another turn, behind which nothing is known.
    let go_on = [Part::text("Go on.")];
    check(
        &[(User, &go_on), (User, &own), (Assistant, &go_on), (User, &go_on)],
        &["turns[0].parts[0]", "turns[1]", "turns[2]"],
    );
}

#[test]
fn a_lower_token_limit_is_an_addition_a_higher_one_is_not() {
    let message = Continuation::UserMessage { quoted: String::new() };
    let with = |limit: Option<u32>| {
        let mut out = conversation(&[(User, "a")]);
        out.params.extend(limit.map(|limit| ("max_tokens".to_owned(), json!(limit))));
        out
    };
    let check = |control: Option<u32>, got: Option<u32>, continuation: &Continuation, equal: bool| {
        let (control, got) = (with(control), with(got));
        let left = continuation_additions(&control, &got, continuation);
        assert_eq!(differences(&control, &left).is_empty(), equal);
    };
    check(Some(64), Some(32), &message, true);
    check(Some(64), Some(65), &message, false);
    check(Some(64), None, &message, false);
    check(None, Some(32), &message, false);
    check(Some(64), Some(32), &Continuation::None, false);
}

/// As requests really stand in bodies: the neutral form comes from the API.
#[test]
fn bodies() {
    let read = |api: ApiId, body: Value| api.spoken().unwrap().read_request(&body);
    let control = json!({"model": "m", "max_tokens": 64, "system": "s", "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Recite. uniq1"}]},
    ]});
    let mut got = json!({"model": "m-2", "max_tokens": 64, "system": [{"type": "text", "text": "s"}], "messages": [
        {"role": "user", "content": "Recite. uniq2"},
        {"role": "assistant", "content": [{"type": "text", "text": "one two"}]},
    ]});
    let words = ["uniq1".to_owned(), "uniq2".to_owned()];
    let prefill = Continuation::Prefill { quoted: "one two".to_owned() };
    let check = |api: ApiId, control: &Value, got: &Value, continuation: &Continuation, found: &[&str]| {
        let control = without_words(&read(api, control.clone()), &words);
        let got = without_words(&read(api, got.clone()), &words);
        let left = continuation_additions(&control, &got, continuation);
        let differences: Vec<_> = differences(&control, &left).into_iter().map(|d| d.path).collect();
        assert_eq!(differences, found, "{got:?}");
    };
    check(ApiId::AnthropicMessages, &control, &got, &prefill, &[]);
    check(ApiId::AnthropicMessages, &control, &got, &Continuation::None, &["turns[2]"]);
    got["system"] = json!("s Go on.");
    check(ApiId::AnthropicMessages, &control, &got, &prefill, &["system.text"]);

    let control = json!({"model": "m", "stream": true, "stream_options": {"include_usage": true}, "messages": [
        {"role": "system", "content": "s"}, {"role": "user", "content": "Recite. uniq1"},
    ]});
    let mut got = json!({"model": "m-2", "stream": true, "stream_options": {"include_usage": true}, "messages": [
        {"role": "system", "content": "s"}, {"role": "user", "content": "Recite. uniq2"},
        {"role": "assistant", "content": "one two", "prefix": true},
    ]});
    check(ApiId::OpenaiChat, &control, &got, &prefill, &[]);
    got["messages"][2]["content"] = json!("one two three");
    let left = ["turns[2]", "rest/messages/2/prefix"];
    check(ApiId::OpenaiChat, &control, &got, &prefill, &left);
}

fn any_part() -> impl Strategy<Value = Part> {
    let text = "[a-c uniq\\n]{0,10}";
    let leaf = prop_oneof![
        (text, any::<bool>()).prop_map(|(text, cache)| Part::Text { text, cache }),
        (text, text).prop_map(|(id, text)| Part::ToolCall {
            id,
            name: "look".to_owned(),
            arguments: json!({"q": text})
        }),
        text.prop_map(|text| Part::Thinking { text, signature: None }),
        (-3.0..3.0_f64).prop_map(|number| Part::Other(json!([number, number.trunc()]))),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        ("[a-c]{0,2}", prop::collection::vec(inner, 0..3)).prop_map(|(id, parts)| Part::ToolResult {
            id,
            parts,
            error: false,
            cache: false,
        })
    })
}

fn any_conversation() -> impl Strategy<Value = Conversation> {
    let role = prop::sample::select(vec![System, User, Assistant, Tool]);
    let turns = prop::collection::vec((role, prop::collection::vec(any_part(), 0..4)), 0..6);
    (turns, "[a uniq]{0,12}", any::<bool>()).prop_map(|(turns, stop, stream)| Conversation {
        turns: turns.into_iter().map(|(role, parts)| turn(role, parts)).collect(),
        params: BTreeMap::from([("stop".to_owned(), json!(stop))]),
        stream,
        ..Conversation::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn normal_and_without_words_are_idempotent(given in any_conversation(), words in prop::collection::vec("[niqu]{0,4}", 0..3)) {
        let once = normal(&given);
        prop_assert_eq!(&normal(&once), &once);
        prop_assert_eq!(differences(&given, &once), []);

        let stripped = without_words(&given, &words);
        prop_assert_eq!(&without_words(&stripped, &words), &stripped);
        let texts: Vec<String> = stripped.turns.iter().flat_map(|turn| &turn.parts).filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.clone()),
            _ => None,
        }).collect();
        let gone = |word: &String| word.is_empty() || !texts.iter().any(|text| text.contains(word.as_str()));
        prop_assert!(words.iter().all(gone), "{:?} in {:?}", words, texts);
    }

    #[test]
    fn no_difference_means_equal(a in any_conversation(), b in any_conversation()) {
        prop_assert_eq!(differences(&a, &a), []);
        prop_assert_eq!(differences(&a, &b).is_empty(), normal(&a) == normal(&b));
        // What is lost one way is added the other way.
        prop_assert_eq!(differences(&a, &b).is_empty(), differences(&b, &a).is_empty());
    }

    #[test]
    fn nothing_makes_additions_panic(a in any_conversation(), b in any_conversation(), quoted in "[a-c ]{0,4}") {
        for continuation in [Continuation::Prefill { quoted: quoted.clone() }, Continuation::UserMessage { quoted }] {
            let left = continuation_additions(&a, &b, &continuation);
            prop_assert_eq!(differences(&a, &continuation_additions(&a, &a, &continuation)), []);
            prop_assert!(left.turns.len() <= b.turns.len());
        }
    }
}
