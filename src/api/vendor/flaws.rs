//! What types cannot say of a vendor file.

use serde_json::Value;

use super::file::{Before, Chat, ChatStream, Event, Speaks, Vendor};
use super::{chat, form, template, unary};
use crate::api::ApiId;

/// A place, and what is wrong there.
type Flaw = (Vec<String>, String);

/// The first thing that is wrong with a file.
pub(super) fn first(vendor: &Vendor) -> Option<Flaw> {
    if vendor.vendor_format != 1 {
        return Some((vec!["vendor_format".to_owned()], "this version reads format 1".to_owned()));
    }
    if vendor.apis.is_empty() {
        return Some((vec!["apis".to_owned()], "a vendor speaks at least one API".to_owned()));
    }
    vendor.apis.iter().enumerate().find_map(|(index, speaks)| below(&["apis", &index.to_string()], of_api(speaks)))
}

fn below(path: &[&str], flaw: Option<Flaw>) -> Option<Flaw> {
    flaw.map(|(rest, message)| (path.iter().map(|key| (*key).to_owned()).chain(rest).collect(), message))
}

fn of_api(speaks: &Speaks) -> Option<Flaw> {
    let only = |key: &str, given: bool, api: ApiId| {
        (given && speaks.api != api).then(|| (vec![key.to_owned()], format!("only {api} is written so")))
    };
    only("chat", speaks.chat.is_some(), ApiId::OpenaiChat)
        .or_else(|| only("messages", speaks.messages.is_some(), ApiId::AnthropicMessages))
        .or_else(|| of_paths(speaks))
        .or_else(|| of_headers(speaks))
        .or_else(|| below(&["chat"], speaks.chat.as_ref().and_then(of_chat)))
}

fn of_paths(speaks: &Speaks) -> Option<Flaw> {
    let paths = &speaks.paths;
    if paths.at.is_empty() {
        return Some((vec!["paths".to_owned(), "at".to_owned()], "an API is asked at some path".to_owned()));
    }
    let wrong = |key: &str, list: &[String]| {
        let index = list.iter().position(|path| !path.starts_with('/'))?;
        Some((vec!["paths".to_owned(), key.to_owned(), index.to_string()], "a path begins with `/`".to_owned()))
    };
    wrong("at", &paths.at).or_else(|| wrong("stream", &paths.stream))
}

fn of_headers(speaks: &Speaks) -> Option<Flaw> {
    let headers = &speaks.headers;
    let lists =
        [("stream", &headers.stream), ("answer", &headers.answer), ("error", &headers.error), ("all", &headers.all)];
    lists.into_iter().find_map(|(key, list)| {
        list.iter().enumerate().find_map(|(index, (name, value))| {
            let message = form::flaw(value).or_else(|| crate::wire::bad_header(name, value))?;
            Some((vec!["headers".to_owned(), key.to_owned(), index.to_string()], message))
        })
    })
}

fn of_chat(chat: &Chat) -> Option<Flaw> {
    let form = |key: &str, form: &str| form::flaw(form).map(|message| (vec![key.to_owned()], message));
    form("id", &chat.id)
        .or_else(|| form("call_id", &chat.call_id))
        .or_else(|| chat.fingerprint.as_deref().and_then(|fingerprint| form("fingerprint", fingerprint)))
        .or_else(|| below(&["usage"], template::flaw(&chat.usage, &chat::USAGE)))
        .or_else(|| below(&["stream"], of_stream(&chat.stream)))
        .or_else(|| of_answer(chat))
}

fn of_answer(chat: &Chat) -> Option<Flaw> {
    let answer = &chat.answer;
    let check = |key: &str, template: &Value, names: &[&[&str]]| {
        below(&["answer", key], template::flaw(template, &names.concat()))
    };
    check("body", &answer.body, &[&chat::ANSWER, &unary::BODY])
        .or_else(|| check("message", &answer.message, &[&chat::ANSWER, &unary::MESSAGE]))
        .or_else(|| check("call", &answer.call, &[&chat::CALL]))
}

fn of_stream(stream: &ChatStream) -> Option<Flaw> {
    let names = [&chat::ANSWER[..], &chat::EVENT].concat();
    let check = |path: &[&str], template: &Value| below(path, template::flaw(template, &names));
    let event = |path: &[&str], event: Option<&Event>| {
        let event = event?;
        let at = |key| [path, &[key]].concat();
        event
            .delta
            .as_ref()
            .and_then(|delta| check(&at("delta"), delta))
            .or_else(|| check(&at("choice"), &event.choice))
            .or_else(|| check(&at("chunk"), &event.chunk))
    };
    let variant = |key: &str, variant: &super::file::Variant| {
        event(&[key, "start"], variant.start.as_ref())
            .or_else(|| event(&[key, "text"], variant.text.as_ref()))
            .or_else(|| event(&[key, "finish"], variant.finish.as_ref()))
    };
    let before = || {
        stream.before.iter().enumerate().find_map(|(index, before)| match before {
            Before::Comment(_) => None,
            Before::Chunk(chunk) => {
                below(&["before", &index.to_string(), "chunk"], template::flaw(chunk, &chat::ANSWER))
            }
        })
    };
    before()
        .or_else(|| check(&["chunk"], &stream.chunk))
        .or_else(|| check(&["choice"], &stream.choice))
        .or_else(|| event(&["start"], stream.start.as_ref()))
        .or_else(|| event(&["text"], Some(&stream.text)))
        .or_else(|| event(&["thinking"], stream.thinking.as_ref()))
        .or_else(|| event(&["calls", "event"], Some(&stream.calls.event)))
        .or_else(|| below(&["calls", "begin"], template::flaw(&stream.calls.begin, &chat::CALL)))
        .or_else(|| {
            below(&["calls", "more"], stream.calls.more.as_ref().and_then(|more| template::flaw(more, &chat::CALL)))
        })
        .or_else(|| event(&["finish"], Some(&stream.finish)))
        .or_else(|| event(&["usage", "event"], stream.usage.as_ref().map(|usage| &usage.event)))
        .or_else(|| variant("if_thinking", &stream.if_thinking))
        .or_else(|| variant("if_calls", &stream.if_calls))
        .or_else(|| {
            let error = stream.error.as_ref()?;
            let names = [&chat::ERROR[..], &["id", "created", "model"]].concat();
            below(&["error", "data"], template::flaw(&error.data, &names))
        })
}
