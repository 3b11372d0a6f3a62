//! From a drawn case to a scenario: only what differs from the defaults is written.

use serde_json::{Map, Value, json};

use super::draft::{Act, Answer, Draft, Reply, Request, Said, Script, Text, Trouble};
use super::draw::PLAIN;
use super::phase::Phase;
use super::place;
use super::pool::{LEGS, Pool, Route};
use crate::answer::{AnswerScript, Library, ScriptPart};
use crate::api::{ApiId, FinishReason};
use crate::scenario::{Pace, default_model};
use crate::yaml;

/// A scenario as a tree.
pub(super) type Tree = Map<String, Value>;

/// The scenario of a drawn case, without name, summary and checks.
pub(super) fn scenario(draft: &Draft, pool: &Pool, library: &Library) -> Option<Tree> {
    let (api, route) = pool.pair(draft.story.pair)?;
    let mut tree = Tree::new();
    let client = client(draft, *api);
    if !client.is_empty() {
        tree.insert("client".to_owned(), client.into());
    }
    if let Some(settings) = pool.phase.settings() {
        tree.insert("settings".to_owned(), settings);
    }
    let mut legs = Tree::new();
    for (leg, script) in draft.story.legs.iter().enumerate().take(route.models.len()) {
        let stream = draft.request.stream;
        let script = &in_phase(script, pool.phase);
        legs.insert(LEGS[leg].to_owned(), self::leg(script, leg, route, *api, stream, library)?.into());
    }
    tree.insert("legs".to_owned(), legs.into());
    Some(if pool.phase == Phase::Affinity { in_a_session(tree) } else { tree })
}

/// The case as the second request of a session, whose first one the fallback served.
fn in_a_session(mut tree: Tree) -> Tree {
    let mut second = Tree::new();
    let mut client = tree.remove("client").unwrap_or_else(|| json!({}));
    if let Some(leave) = client.as_object_mut().and_then(|client| client.remove("leave")) {
        second.insert("client".to_owned(), json!({"leave": leave}));
    }
    client["session"] = json!("s1");
    let mut story = tree.remove("legs").unwrap_or_else(|| json!({}));
    let mut legs = Tree::new();
    for (name, script) in story.as_object_mut().into_iter().flatten() {
        let model = script.as_object_mut().and_then(|script| script.remove("model"));
        legs.insert(name.clone(), model.map_or_else(|| json!({}), |model| json!({"model": model})));
    }
    legs[LEGS[0]]["status"] = json!(503);
    if story[LEGS[0]].get("status").is_none() {
        story[LEGS[0]]["status"] = Value::Null;
    }
    second.insert("legs".to_owned(), story);
    tree.insert("client".to_owned(), client);
    tree.insert("legs".to_owned(), legs.into());
    tree.insert("steps".to_owned(), json!([{}, second]));
    tree
}

/// The scenario as text.
pub(super) fn text(tree: &Tree) -> String {
    yaml::to_string(tree).unwrap_or_default()
}

fn client(draft: &Draft, api: ApiId) -> Tree {
    let request = &draft.request;
    let mut client = Tree::new();
    let mut set = |key: &str, value: Value| client.insert(key.to_owned(), value);
    if api != ApiId::OpenaiChat {
        set("api", json!(api));
    }
    if !request.stream {
        set("stream", json!(false));
    }
    let turns = conversation(request, api);
    if turns != [json!({"user": PLAIN})] {
        set("conversation", turns.into());
    }
    let params = params(request, api);
    if !params.is_empty() {
        set("params", params.into());
    }
    if request.usage && request.stream && api == ApiId::OpenaiChat {
        set("body", json!({"stream_options": {"include_usage": true}}));
    }
    if let Some((place, by)) = &draft.story.leave {
        set("leave", json!({"at": place::leave(*place, request.stream), "by": by}));
    }
    client
}

fn conversation(request: &Request, client: ApiId) -> Vec<Value> {
    let mut turns = Vec::new();
    if let Some(system) = &request.system {
        turns.push(json!({"system": system}));
    }
    let last = request.rounds.len().saturating_sub(1);
    for (index, round) in request.rounds.iter().enumerate() {
        turns.push(json!({"user": round.user}));
        match &round.reply {
            Reply::Text(text) => turns.push(json!({"assistant": text})),
            Reply::Tools(used, text) => {
                let call = |arguments: &Value| json!({"tool_call": {"name": "lookup", "arguments": arguments}});
                let thought = request.thinks(client).then(thought);
                let calls: Vec<Value> =
                    thought.into_iter().chain(used.iter().map(|used| call(&used.arguments))).collect();
                let results: Vec<Value> = used.iter().map(|used| json!({"tool_result": used.result})).collect();
                turns.push(json!({"assistant": calls}));
                turns.push(json!({"tool": results}));
                if request.ends_with_results && index == last {
                    return turns;
                }
                turns.push(json!({"assistant": text}));
            }
        }
    }
    match request.last.as_slice() {
        [Value::String(one)] => turns.push(json!({"user": one})),
        several => turns.push(json!({"user": several})),
    }
    turns
}

/// What the model thought before it called a tool.
fn thought() -> Value {
    json!({"thinking": {"text": "I should look it up.", "signature": "c2lnbmVkIGJ5IHRoZSBtb2RlbA=="}})
}

fn params(request: &Request, client: ApiId) -> Tree {
    let mut params = Tree::new();
    let used = request.uses_tools();
    let mut tools: Vec<Value> = Vec::new();
    for tool in &request.tools {
        let mut written = json!({"name": tool.name});
        if let Some(description) = &tool.description {
            written["description"] = json!(description);
        }
        written["parameters"] = tool.parameters.clone();
        tools.push(written);
    }
    if tools.is_empty() && used {
        tools.push(json!({"name": "lookup"}));
    }
    // Without tools these say nothing, and are refused.
    let needs_tools = |name: &str| matches!(name, "tool_choice" | "parallel_tool_calls");
    let offered = !tools.is_empty();
    if offered {
        params.insert("tools".to_owned(), tools.into());
    }
    // Some are said in the words of one API.
    let speaks = |name: &str| !matches!(name, "format" | "seed") || client == ApiId::OpenaiChat;
    // A model that thinks takes no other sampling, and no forced tool.
    let thinks = request.thinks(client);
    let beside_thoughts = |name: &str| !matches!(name, "temperature" | "top_p" | "tool_choice" | "max_tokens");
    let fits = |name: &str| speaks(name) && (offered || !needs_tools(name)) && (!thinks || beside_thoughts(name));
    for (name, value) in request.params.iter().filter(|(name, _)| fits(name)) {
        params.insert((*name).to_owned(), value.clone());
    }
    if thinks {
        params.insert("max_tokens".to_owned(), json!(2_048));
        params.insert("thinking".to_owned(), json!({"type": "enabled", "budget_tokens": 1_024}));
    }
    params
}

fn leg(script: &Script, leg: usize, route: &Route, client: ApiId, stream: bool, library: &Library) -> Option<Tree> {
    let mut tree = Tree::new();
    let model = &route.models[leg];
    if *model != default_model(client) {
        tree.insert("model".to_owned(), json!(model.to_string()));
    }
    let api = route.api(leg)?;
    let first = act(&script.first, api, stream, library)?;
    match &script.later {
        Some(later) if *later != script.first => {
            tree.insert("attempts".to_owned(), json!([first, act(later, api, stream, library)?]));
        }
        _ => tree.extend(first),
    }
    Some(tree)
}

/// A script as it is played in a phase.
fn in_phase(script: &Script, phase: Phase) -> Script {
    let mut script = script.clone();
    for act in std::iter::once(&mut script.first).chain(&mut script.later) {
        match &mut act.trouble {
            Trouble::Cut(_, by) => *by = phase.effect(by),
            Trouble::Status(status) => *status = phase.status(status),
            Trouble::None => {}
        }
    }
    script
}

fn act(act: &Act, api: ApiId, stream: bool, library: &Library) -> Option<Tree> {
    let mut tree = Tree::new();
    let mut set = |key: &str, value: Value| tree.insert(key.to_owned(), value);
    if let Trouble::Status(status) = &act.trouble {
        // It wins over everything else.
        set("status", status.retry_after.map_or(json!(status.code), |_| json!(status)));
        return Some(tree);
    }
    match &act.answer {
        Answer::Plain => {}
        Answer::Named(name) => {
            set("answer", json!(name));
        }
        Answer::Said(said) => {
            set("answer", json!({"script": written(&script(said))}));
        }
    }
    if let Trouble::Cut(place, by) = &act.trouble {
        let script = match &act.answer {
            Answer::Plain => library.answer("text").ok()?,
            Answer::Named(name) => library.answer(name).ok()?,
            Answer::Said(said) => script(said).into(),
        };
        set("cut", json!(place::cut(&script, api, stream, *place, by)));
    }
    if !act.edits.is_empty() && stream {
        set("edits", json!(act.edits));
    }
    if act.pace != Pace::Instant && stream {
        set("pace", json!(act.pace));
    }
    Some(tree)
}

/// An answer as a script.
fn script(said: &Said) -> AnswerScript {
    let mut parts = Vec::new();
    if said.thinking.0 > 0 {
        parts.push(ScriptPart::Thinking { words: said.thinking.0, signature: said.thinking.1 });
    }
    parts.push(match &said.text {
        Text::Words(words) => ScriptPart::Text { words: Some(*words), literal: None },
        Text::Literal(literal) => ScriptPart::Text { words: None, literal: Some(literal.clone()) },
    });
    let calls = said.calls.iter().map(|arguments| ScriptPart::ToolCall { name: None, arguments: arguments.clone() });
    parts.extend(calls);
    AnswerScript {
        summary: None,
        parts,
        repeat: None,
        chunk: (said.chunk > 0).then(|| said.chunk.to_string()),
        finish: said.length.then_some(FinishReason::Length),
        output_tokens: None,
    }
}

/// A script as it is written: without what it does not say.
fn written(script: &AnswerScript) -> Value {
    let mut tree = Tree::new();
    let parts: Vec<Value> = script
        .parts
        .iter()
        .map(|part| match part {
            ScriptPart::Text { words: Some(words), .. } => json!({"text": {"words": words}}),
            ScriptPart::Text { literal, .. } => json!({"text": {"literal": literal}}),
            ScriptPart::Thinking { words, signature: false } => json!({"thinking": {"words": words}}),
            ScriptPart::ToolCall { arguments, .. } => json!({"tool_call": {"arguments": arguments}}),
            other => json!(other),
        })
        .collect();
    tree.insert("parts".to_owned(), parts.into());
    if let Some(chunk) = &script.chunk {
        tree.insert("chunk".to_owned(), json!(chunk.parse::<u64>().unwrap_or(1)));
    }
    if let Some(finish) = &script.finish {
        tree.insert("finish".to_owned(), json!(finish));
    }
    tree.into()
}
