//! Shorthands, expanded on the tree before anything else, so that the types stay plain.
//!
//! Every expansion leaves its own result as it is, so that a tree can be expanded again after a value was put in.

use crate::yaml::{Content, Entry, Node};

/// Expands every shorthand of a scenario.
pub(super) fn scenario(root: &mut Node) {
    on(root, "checks", list);
    on(root, "only", list);
    on(root, "client", client);
    on(root, "settings", settings);
    on(root, "legs", legs);
    on(root, "expect", expect);
    on(root, "pool", |pool| on(pool, "attempts", |attempts| each(attempts, leg)));
    on(root, "steps", |steps| {
        each(steps, |step| {
            on(step, "client", client);
            on(step, "legs", legs);
            on(step, "expect", expect);
        });
    });
    if root.get("sweep").is_some_and(|sweep| !sweep.is_null()) {
        on(root, "sweep", sweep);
        on(root, "legs", |legs| each(legs, moving));
    }
}

/// `event` for `{every: event}`.
fn sweep(node: &mut Node) {
    if matches!(node.content, Content::Text(_)) {
        tagged(node, "every");
    }
}

/// `at` is what a sweep puts in: a cut may leave it out.
fn moving(leg: &mut Node) {
    on(leg, "cut", |cut| {
        let span = cut.span;
        if let Some(map) = cut.as_map_mut().filter(|map| !map.contains_key("at")) {
            map.insert("at".to_owned(), Entry { key: span, value: Node::text(span, "head") });
        }
    });
    on(leg, "attempts", |attempts| each(attempts, moving));
}

fn on(node: &mut Node, key: &str, expand: impl FnOnce(&mut Node)) {
    if let Some(value) = node.get_mut(key) {
        expand(value);
    }
}

fn each(node: &mut Node, expand: impl Fn(&mut Node)) {
    match &mut node.content {
        Content::List(items) => items.iter_mut().for_each(expand),
        Content::Map(map) => map.values_mut().for_each(|entry| expand(&mut entry.value)),
        _ => {}
    }
}

/// `x` for `[x]`.
fn list(node: &mut Node) {
    if matches!(node.content, Content::Text(_) | Content::Number(_)) {
        let item = node.clone();
        *node = Node::new(node.span, Content::List(vec![item]));
    }
}

/// `name` for `{key: name}`.
fn tagged(node: &mut Node, key: &str) {
    let value = node.clone();
    *node = Node::tagged(key, value);
}

/// A number where text is meant.
fn text(node: &mut Node) {
    if let Content::Number(number) = &node.content {
        node.content = Content::Text(number.to_string());
    }
}

/// Nothing for `{}`.
fn map(node: &mut Node) {
    if node.is_null() {
        *node = Node::empty_map(node.span);
    }
}

/// `client: openai-chat`; `conversation: Hello.` for one user turn.
fn client(node: &mut Node) {
    if matches!(node.content, Content::Text(_)) {
        tagged(node, "api");
    }
    on(node, "conversation", |conversation| {
        if matches!(conversation.content, Content::Text(_)) {
            tagged(conversation, "user");
            let turn = conversation.clone();
            *conversation = Node::new(turn.span, Content::List(vec![turn]));
        }
    });
    on(node, "leave", |leave| on(leave, "by", by));
}

/// `fallback_on: 429`; `true` and `false` for `on` and `off`.
fn settings(node: &mut Node) {
    on(node, "fallback_on", |fallback_on| {
        list(fallback_on);
        each(fallback_on, text);
    });
    for key in ["cooldown", "continuation", "affinity", "tls", "http2"] {
        on(node, key, |toggle| {
            if let Content::Bool(flag) = toggle.content {
                toggle.content = Content::Text(if flag { "on" } else { "off" }.to_owned());
            }
        });
    }
}

fn legs(node: &mut Node) {
    each(node, leg);
}

/// `answer: text`, `chunk: 3`, `status: 503`, `by: stall`, `edits: crlf`; nothing for `{}`.
pub(super) fn leg(node: &mut Node) {
    map(node);
    on(node, "answer", |answer| {
        if matches!(answer.content, Content::Text(_)) {
            tagged(answer, "named");
        }
        on(answer, "script", |script| on(script, "chunk", text));
    });
    on(node, "status", |status| {
        if matches!(status.content, Content::Number(_)) {
            tagged(status, "code");
        }
    });
    on(node, "cut", |cut| on(cut, "by", by));
    on(node, "edits", |edits| {
        if matches!(edits.content, Content::Text(_) | Content::Map(_)) {
            let item = edits.clone();
            *edits = Node::new(item.span, Content::List(vec![item]));
        }
    });
    on(node, "attempts", |attempts| each(attempts, leg));
}

/// `stall` for `{stall: {}}`, `{stall: 2s}` for `{stall: {for: 2s}}`; `{goaway: cancel}` for `{goaway: {code: cancel}}`.
fn by(node: &mut Node) {
    if let Some(name @ ("stall" | "rst_stream" | "goaway")) = node.as_text() {
        *node = Node::tagged(name, Node::empty_map(node.span));
    }
    on(node, "stall", |stall| {
        map(stall);
        if matches!(stall.content, Content::Text(_)) {
            tagged(stall, "for");
        }
    });
    for name in ["rst_stream", "goaway"] {
        on(node, name, |frame| {
            map(frame);
            if matches!(frame.content, Content::Text(_)) {
                tagged(frame, "code");
            }
        });
    }
}

/// `outcome: error` for `[error]`.
fn expect(node: &mut Node) {
    on(node, "outcome", list);
}
