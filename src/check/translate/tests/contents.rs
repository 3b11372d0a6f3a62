//! `translate.turns`, `translate.images`, `translate.thinking`: who said what, and what was shown and thought.

use super::*;

const GEMINI: &str = "gemini/gemini-2.5-flash";
const OTHER_PIXEL: &str = "data:image/png;base64,iVBORw0KGgp=";

fn says(role: Role, text: &str) -> Turn {
    turn(role, vec![Part::text(text)])
}

fn thought(text: &str, signature: Option<&str>) -> Part {
    Part::Thinking { text: text.to_owned(), signature: signature.map(str::to_owned) }
}

fn conversation(turns: Vec<Turn>) -> Conversation {
    Conversation { turns, ..bare() }
}

#[test]
fn a_system_text_alone_is_something_said() {
    made(ApiId::OpenaiChat, CHAT, &conversation(vec![says(Role::System, "Be kind.")]), |_| ()).plain("turns");
    made(ApiId::OpenaiChat, CHAT, &bare(), |_| ()).plain("turns");
    made(ApiId::OpenaiChat, CHAT, &conversation(Vec::new()), |_| ()).idle("turns");
}

#[test]
fn what_is_added_or_put_into_another_mouth_is_shown() {
    let shown = |edit: &dyn Fn(&mut Conversation), path: &str, expected: Option<&str>, got: Option<&str>| {
        let client = conversation(vec![says(Role::User, "Why?"), says(Role::Assistant, "So.")]);
        let verdict = made(ApiId::OpenaiChat, CHAT, &client, edit).lab().verdict("translate.turns");
        let of = |text: &Option<String>| text.clone();
        let seen: Vec<_> = verdict.evidence.iter().map(|e| (e.path.clone(), of(&e.expected), of(&e.got))).collect();
        let expect = (Some(path.to_owned()), expected.map(str::to_owned), got.map(str::to_owned));
        assert!(seen.contains(&expect), "{expect:?} in {seen:#?}");
    };
    shown(&|c| c.turns.insert(0, says(Role::System, "Be kind.")), "system", None, Some("\"Be kind.\""));
    shown(&|c| c.turns.push(says(Role::User, "And?")), "turns[2]", None, Some("{\"user\":\"And?\"}"));
    shown(&|c| drop(c.turns.pop()), "turns[1]", Some("{\"assistant\":\"So.\"}"), None);
    shown(&|c| c.turns[1] = says(Role::Assistant, "No."), "turns[1].text", Some("\"So.\""), Some("\"No.\""));
    let both = |c: &mut Conversation| c.turns = vec![says(Role::Assistant, "Why?")];
    let client = conversation(vec![says(Role::User, "Why?")]);
    made(ApiId::OpenaiChat, CHAT, &client, both).finds(&["turns: changes turns[0].role"]);
}

#[test]
fn many_losses_are_counted_beyond_the_first() {
    let client = conversation(vec![says(Role::User, "One"), says(Role::Assistant, "Two"), says(Role::User, "Three")]);
    let mut more = client.clone();
    more.turns.extend([says(Role::Assistant, "Four"), says(Role::User, "Five"), says(Role::Assistant, "Six")]);
    let cut = |left: usize| move |c: &mut Conversation| c.turns.truncate(left);
    made(ApiId::OpenaiChat, CHAT, &more, cut(2))
        .finds(&["turns: loses turns[2], loses turns[3], loses turns[4], loses turns[5]"]);
    made(ApiId::OpenaiChat, CHAT, &more, cut(1))
        .finds(&["turns: loses turns[1], loses turns[2], loses turns[3], loses turns[4], 1 more"]);
}

#[test]
fn a_part_that_has_no_neutral_form_arrives_within_one_api() {
    let part = |text: &str| json!({"type": "file", "file": {"file_id": text}});
    let mut made = made(ApiId::OpenaiChat, CHAT, &bare(), |_| ());
    made.client["messages"][0]["content"] = json!([{"type": "text", "text": "Why?"}, part("a")]);
    made.control["messages"][0]["content"] = json!([{"type": "text", "text": "Why?"}, part("a")]);
    made.plain("turns");
    made.control["messages"][0]["content"][1] = part("b");
    made.finds(&["turns: changes others[0]"]);
    made.control["messages"][0]["content"] = json!("Why?");
    made.finds(&["turns: loses others[0]"]);
}

#[test]
fn a_placeholder_stands_for_what_is_missing_and_for_no_more() {
    let dot = |c: &mut Conversation| c.turns.insert(0, says(Role::User, "."));
    let silent = |parts: Vec<Part>| conversation(vec![turn(Role::User, parts)]);
    let system = conversation(vec![says(Role::System, "Be kind.")]);
    made(ApiId::OpenaiChat, CLAUDE, &system, |c| c.turns.push(says(Role::User, ".")))
        .excused("turns", "wants a user to speak first");
    // A picture says enough, and so does a result.
    made(ApiId::OpenaiChat, CLAUDE, &silent(vec![crate::api::image(PIXEL)]), dot).finds(&["turns: adds turns[0]"]);
    let answered = conversation(vec![
        turn(Role::Assistant, vec![call("call_a", "weather", json!({}))]),
        turn(Role::Tool, vec![result("call_a", "rain")]),
    ]);
    made(ApiId::OpenaiChat, CLAUDE, &answered, dot).finds(&["turns: adds turns[0]"]);
}

#[test]
fn where_instructions_stand_is_counted_without_blanks() {
    let turns = vec![says(Role::System, "Be kind."), says(Role::User, "Why?"), says(Role::System, "Be terse.")];
    let client = conversation(turns);
    let blank = |c: &mut Conversation| c.turns[0].parts = vec![Part::text("Be"), Part::text("kind.")];
    made(ApiId::OpenaiChat, CHAT, &client, blank).plain("turns");
    // The same characters at other places are moved.
    let moved = |c: &mut Conversation| {
        c.turns[0].parts = vec![Part::text("Be kind."), Part::text("Be terse.")];
        c.turns.pop();
    };
    made(ApiId::OpenaiChat, CHAT, &client, moved).finds(&["turns: moves system"]);
}

#[test]
fn instructions_that_the_user_says_join_the_turns_beside_them() {
    let client = conversation(vec![
        says(Role::User, "One?"),
        says(Role::System, "Be kind."),
        says(Role::Assistant, "Yes."),
        says(Role::User, "Two?"),
    ]);
    let as_user = |c: &mut Conversation| c.turns[1].role = Role::User;
    made(ApiId::OpenaiChat, CLAUDE, &client, as_user).excused("turns", "said by the user");
    let between = conversation(vec![
        says(Role::User, "One?"),
        says(Role::Assistant, "Yes."),
        says(Role::System, "Be kind."),
        says(Role::Assistant, "No."),
    ]);
    made(ApiId::OpenaiChat, CLAUDE, &between, |c| c.turns[2].role = Role::User).excused("turns", "said by the user");
}

#[test]
fn a_prefill_may_lose_the_blank_that_would_be_refused() {
    let ends =
        |role: Role| conversation(vec![says(Role::User, "Why?"), says(Role::Assistant, "So."), says(role, "Because ")]);
    let trimmed = |c: &mut Conversation| {
        let last = c.turns.last_mut().expect("a turn");
        let role = last.role;
        let Part::Text { text, .. } = last.parts.last().expect("a part") else { panic!("a text") };
        *last = says(role, text.trim_end());
    };
    let prefill = conversation(vec![says(Role::User, "Why?"), says(Role::Assistant, "Because ")]);
    made(ApiId::OpenaiChat, CLAUDE, &prefill, trimmed).finds(&[]);
    made(ApiId::OpenaiChat, CLAUDE, &prefill, |_| ()).finds(&[]);
    made(ApiId::OpenaiChat, CHAT, &prefill, trimmed).finds(&["turns: changes turns[1].text"]);
    made(ApiId::OpenaiChat, CLAUDE, &ends(Role::User), trimmed).finds(&["turns: changes turns[2].text"]);
}

#[test]
fn who_speaks_is_named_within_one_api() {
    let mut named = made(ApiId::OpenaiChat, CHAT, &bare(), |_| ());
    named.client["messages"][0]["name"] = json!("ada");
    named.finds(&["turns: changes turns.names"]);
    named.control["messages"][0]["name"] = json!("ada");
    named.finds(&[]);
    named.control["messages"][0]["name"] = json!("bob");
    named.finds(&["turns: changes turns.names"]);
    let mut across = made(ApiId::OpenaiChat, CLAUDE, &bare(), |_| ());
    across.client["messages"][0]["name"] = json!("ada");
    across.finds(&[]);
}

#[test]
fn a_result_may_hold_more_than_text() {
    let holds = |parts: Vec<Part>| {
        let answer = Part::ToolResult { id: "call_a".to_owned(), parts, error: false, cache: false };
        conversation(vec![
            says(Role::User, "Why?"),
            turn(Role::Assistant, vec![call("call_a", "look", json!({"at": "Bern"}))]),
            turn(Role::Tool, vec![answer]),
        ])
    };
    let picture = holds(vec![Part::text("rain"), crate::api::image(PIXEL)]);
    made(ApiId::AnthropicMessages, CLAUDE, &picture, |_| ()).plain("images");
    let other = |c: &mut Conversation| *c = Conversation { turns: holds(vec![Part::text("rain")]).turns, ..c.clone() };
    made(ApiId::AnthropicMessages, CLAUDE, &picture, other).finds(&["images: loses images[0]"]);
    // An API without images in results has the user show them; one that has them is to keep them there.
    let by_user = |c: &mut Conversation| {
        other(c);
        c.turns.push(turn(Role::User, vec![crate::api::image(PIXEL)]));
    };
    made(ApiId::AnthropicMessages, CHAT, &picture, by_user).excused("images", "so the user shows them");
    made(ApiId::AnthropicMessages, CLAUDE, &picture, by_user).finds(&["images: moves images[0]"]);
    let hosted = holds(vec![Part::text("rain"), crate::api::image("https://example.org/a.png")]);
    made(ApiId::AnthropicMessages, CLAUDE, &hosted, by_user).finds(&["images: moves images[0]"]);
    // What is neither text nor picture is told as it is.
    let mut file = made(ApiId::AnthropicMessages, CLAUDE, &picture, other);
    let document = json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}});
    file.client["messages"][2]["content"][0]["content"] = json!([{"type": "text", "text": "rain"}, document]);
    file.finds(&["calls: changes results[0].text"]);
    // What the user showed is no result.
    let shown = {
        let mut shown = holds(vec![Part::text("rain")]);
        shown.turns.push(turn(Role::User, vec![crate::api::image(PIXEL)]));
        shown
    };
    let into_result = |c: &mut Conversation| *c = Conversation { turns: picture.turns.clone(), ..c.clone() };
    made(ApiId::AnthropicMessages, CLAUDE, &shown, into_result).finds(&["images: moves images[0]"]);
}

#[test]
fn an_image_counts_where_it_stands_in_the_same_text() {
    let shows = |parts: Vec<Part>| conversation(vec![turn(Role::User, parts)]);
    let client = shows(vec![Part::text("Look:"), crate::api::image(PIXEL), Part::text("Well?")]);
    let put = |parts: Vec<Part>| move |c: &mut Conversation| c.turns[0].parts.clone_from(&parts);
    let (a, b) = (|| Part::text("Look:"), || Part::text("Well?"));
    made(ApiId::OpenaiChat, CHAT, &client, put(vec![a(), b(), crate::api::image(PIXEL)]))
        .finds(&["images: moves images[0]"]);
    // In another text, its place says nothing.
    made(ApiId::OpenaiChat, CHAT, &client, put(vec![a(), Part::text("And?"), crate::api::image(PIXEL)]))
        .finds(&["turns: changes turns[0].text"]);
    // One that was fetched stays where it stood.
    let hosted = shows(vec![a(), crate::api::image("https://example.org/a.png"), b()]);
    made(ApiId::OpenaiChat, CHAT, &hosted, put(vec![a(), b(), crate::api::image(PIXEL)]))
        .finds(&["images: moves images[0]"]);
    // Two in the wrong order.
    let two = shows(vec![crate::api::image(PIXEL), crate::api::image(OTHER_PIXEL), a()]);
    made(ApiId::OpenaiChat, CHAT, &two, put(vec![crate::api::image(OTHER_PIXEL), crate::api::image(PIXEL), a()]))
        .finds(&["images: moves images[0]"]);
    made(ApiId::OpenaiChat, CHAT, &two, put(vec![crate::api::image(OTHER_PIXEL), a()]))
        .finds(&["images: loses images[0]"]);
    let verdict = made(ApiId::OpenaiChat, CHAT, &two, put(vec![a()])).lab().verdict("translate.images");
    let shown = verdict.evidence[0].expected.as_deref().expect("what was lost");
    assert!(shown.contains("\"media_type\":\"image/png\"") && shown.contains("\"digest\":"), "{shown}");
}

#[test]
fn reasoning_without_a_signature_may_go_where_others_are_signed() {
    let thinks = |parts: Vec<Part>| {
        let mut parts = parts;
        parts.push(Part::text("So."));
        conversation(vec![says(Role::User, "Why?"), turn(Role::Assistant, parts), says(Role::User, "And?")])
    };
    let put = |parts: Vec<Part>| {
        let turns = thinks(parts).turns;
        move |c: &mut Conversation| c.turns.clone_from(&turns)
    };
    let claude =
        |client: Vec<Part>, control: Vec<Part>| made(ApiId::AnthropicMessages, CLAUDE, &thinks(client), put(control));
    let (signed, unsigned) = (|| thought("Hm.", Some("EqRk")), || thought("Ah.", None));
    claude(vec![signed(), unsigned()], vec![signed()]).excused("thinking", "without a signature is not taken");
    claude(vec![signed(), unsigned()], vec![signed(), unsigned()]).plain("thinking");
    claude(vec![signed(), unsigned()], vec![unsigned()]).finds(&["thinking: loses thinking[0]"]);
    claude(vec![signed(), unsigned()], vec![]).finds(&["thinking: loses thinking[0]"]);
    claude(vec![signed(), unsigned()], vec![signed(), thought("Oh.", None)])
        .finds(&["thinking: changes thinking[1].text"]);
    claude(vec![unsigned()], vec![]).finds(&["thinking: loses thinking[0]"]);
    claude(vec![signed()], vec![]).finds(&["thinking: loses thinking[0]"]);
    claude(vec![], vec![signed()]).finds(&["thinking: adds thinking[0]"]);
    claude(vec![signed()], vec![signed()]).plain("thinking");
    claude(vec![], vec![]).idle("thinking");
    // Hidden reasoning is reasoning.
    let mut hidden = claude(vec![], vec![]);
    let block = |data: &str| json!([{"type": "redacted_thinking", "data": data}, {"type": "text", "text": "So."}]);
    hidden.client["messages"][1]["content"] = block("AAAA");
    hidden.control["messages"][1]["content"] = block("AAAA");
    hidden.plain("thinking");
    hidden.control["messages"][1]["content"] = block("AAAB");
    hidden.finds(&["thinking: changes thinking[0].text"]);
}

#[test]
fn reasoning_for_another_vendor_is_kept_or_not() {
    let client = conversation(vec![
        says(Role::User, "Why?"),
        turn(Role::Assistant, vec![thought("Hm.", Some("EqRk")), Part::text("So.")]),
        says(Role::User, "And?"),
    ]);
    let without = |c: &mut Conversation| drop(c.turns[1].parts.remove(0));
    made(ApiId::AnthropicMessages, GEMINI, &client, without).excused("thinking", "another vendor");
    let nothing = conversation(vec![says(Role::User, "Why?")]);
    made(ApiId::AnthropicMessages, GEMINI, &nothing, |_| ()).idle("thinking");
}

#[test]
fn a_cache_mark_stands_behind_the_same_content() {
    let marked = |text: &str| Part::Text { text: text.to_owned(), cache: true };
    let client = conversation(vec![turn(Role::User, vec![Part::text("Long."), marked("Why?")])]);
    let put = |parts: Vec<Part>| move |c: &mut Conversation| c.turns[0].parts.clone_from(&parts);
    // Behind a joined text it is where it was; behind another text it is not.
    made(ApiId::AnthropicMessages, CLAUDE, &client, put(vec![marked("Long.\n\nWhy?")])).plain("cache");
    made(ApiId::AnthropicMessages, CLAUDE, &client, put(vec![marked("Long."), Part::text("Why?")]))
        .finds(&["cache: changes cache.user[0]"]);
    // How long it is kept counts beside it; that it is lost is said once.
    let mut long = made(ApiId::AnthropicMessages, CLAUDE, &client, |_| ());
    long.client["messages"][0]["content"][1]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    long.finds(&["cache: changes cache"]);
    long.control["messages"][0]["content"][1].as_object_mut().expect("a part").remove("cache_control");
    long.finds(&["cache: loses cache.user[0]"]);
    let mut across = made(ApiId::OpenaiChat, CLAUDE, &client, |_| ());
    across.control["messages"][0]["content"][1]["cache_control"] = json!({"type": "ephemeral", "ttl": "1h"});
    across.finds(&[]);
    // A mark inside a result is a mark of the result.
    let answer =
        |cache| Part::ToolResult { id: "call_a".to_owned(), parts: vec![Part::text("rain")], error: false, cache };
    let inside = conversation(vec![
        says(Role::User, "Why?"),
        turn(Role::Assistant, vec![call("call_a", "look", json!({"at": "Bern"}))]),
        turn(Role::Tool, vec![answer(true)]),
    ]);
    let mut within = made(ApiId::AnthropicMessages, CLAUDE, &inside, |_| ());
    let block = json!([{"type": "text", "text": "rain", "cache_control": {"type": "ephemeral"}}]);
    within.control["messages"][2]["content"][0] =
        json!({"type": "tool_result", "tool_use_id": "call_a", "content": block});
    within.finds(&[]);
    within.control["messages"][2]["content"][0]["content"][0].as_object_mut().expect("a text").remove("cache_control");
    within.finds(&["cache: loses cache.tool[0]"]);
}

#[test]
fn a_control_that_is_missing_says_why() {
    let missing = |reason: &str| {
        let control = Control::Missing { reason: reason.to_owned() };
        Lab::new(ApiId::OpenaiChat, &[CHAT]).control_is("primary", control).answers("primary", 0)
    };
    let reason = |lab: Lab| lab.hears_answer(&whole(0)).verdict("translate.turns").reason;
    assert_eq!(reason(missing("one route")), "no control: one route");
}
