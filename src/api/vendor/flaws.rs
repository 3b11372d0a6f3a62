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
    let mut statuses = speaks.errors.iter().flat_map(|errors| &errors.statuses).enumerate();
    lists.into_iter().find_map(|(key, list)| below(&["headers", key], of_list(list))).or_else(|| {
        statuses.find_map(|(index, known)| {
            below(&["errors", "statuses", &index.to_string(), "headers"], of_list(&known.headers))
        })
    })
}

fn of_list(headers: &[(String, String)]) -> Option<Flaw> {
    headers.iter().enumerate().find_map(|(index, (name, value))| {
        let message = form::flaw(value).or_else(|| crate::wire::bad_header(name, value))?;
        Some((vec![index.to_string()], message))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::vendor::file::{Messages, Ping};

    /// What is spoiled is found, at its place and in these words.
    #[track_caller]
    fn vendor(spoil: impl FnOnce(&mut Vendor), place: &str, says: &str) {
        let mut vendor = Vendor::named("groq").expect("a vendor").clone();
        assert_eq!(first(&vendor), None);
        spoil(&mut vendor);
        let (path, message) = first(&vendor).unwrap_or_else(|| panic!("no flaw at {place}"));
        assert_eq!(path.join("/"), place, "{message}");
        assert!(message.contains(says), "{message}");
    }

    #[track_caller]
    fn api(spoil: impl FnOnce(&mut Speaks), place: &str, says: &str) {
        vendor(|vendor| spoil(&mut vendor.apis[0]), &format!("apis/0/{place}"), says);
    }

    #[track_caller]
    fn chat(spoil: impl FnOnce(&mut Chat), place: &str, says: &str) {
        api(|speaks| spoil(speaks.chat.as_mut().expect("its chat")), &format!("chat/{place}"), says);
    }

    #[test]
    fn of_a_file() {
        vendor(|vendor| vendor.vendor_format = 2, "vendor_format", "reads format 1");
        vendor(|vendor| vendor.apis.clear(), "apis", "at least one API");
        let second = |vendor: &mut Vendor| {
            vendor.apis.push(vendor.apis[0].clone());
            vendor.apis[1].paths.at.clear();
        };
        vendor(second, "apis/1/paths/at", "at some path");
    }

    #[test]
    fn of_an_api() {
        let messages = Messages { id_mark: String::new(), ping: Ping::BehindTheStart, source: Vec::new() };
        api(|speaks| speaks.api = ApiId::AnthropicMessages, "chat", "only openai-chat");
        api(|speaks| speaks.messages = Some(messages), "messages", "only anthropic-messages");
        api(|speaks| speaks.paths.at.push("v1".to_owned()), "paths/at/1", "begins with `/`");
        api(|speaks| speaks.paths.stream = vec!["/v1".to_owned(), String::new()], "paths/stream/1", "begins with `/`");
        for (name, value, says) in [("a b", "c", "no header name"), ("a", "<word>", "asks for `word`")] {
            let header = || vec![(name.to_owned(), value.to_owned())];
            api(|speaks| speaks.headers.stream = header(), "headers/stream/0", says);
            api(|speaks| speaks.headers.answer = header(), "headers/answer/0", says);
            api(|speaks| speaks.headers.error = header(), "headers/error/0", says);
            api(|speaks| speaks.headers.all.extend(header()), "headers/all/4", says);
            let status = |speaks: &mut Speaks| {
                let errors = Vendor::named("azure-openai").and_then(|azure| azure.apis[0].errors.clone());
                speaks.errors = errors;
                speaks.errors.as_mut().expect("its errors").statuses[0].headers = header();
            };
            api(status, "errors/statuses/0/headers/0", says);
        }
    }

    #[test]
    fn of_forms() {
        let form = || "<word>".to_owned();
        chat(|chat| chat.id = form(), "id", "asks for `word`");
        chat(|chat| chat.call_id = form(), "call_id", "asks for `word`");
        chat(|chat| chat.fingerprint = Some(form()), "fingerprint", "asks for `word`");
    }

    /// Wherever a template stands.
    #[test]
    fn of_templates() {
        type Template = (fn(&mut Chat) -> &mut Value, &'static str);
        fn before(chat: &mut Chat) -> &mut Value {
            chat.stream.before = vec![Before::Comment("$nobody".to_owned()), Before::Chunk(Value::Null)];
            let [_, Before::Chunk(chunk)] = &mut chat.stream.before[..] else { panic!("a chunk") };
            chunk
        }
        let templates: [Template; 10] = [
            (|chat| &mut chat.usage, "usage"),
            (|chat| &mut chat.answer.body, "answer/body"),
            (|chat| &mut chat.answer.message, "answer/message"),
            (|chat| &mut chat.answer.call, "answer/call"),
            (before, "stream/before/1/chunk"),
            (|chat| &mut chat.stream.chunk, "stream/chunk"),
            (|chat| &mut chat.stream.choice, "stream/choice"),
            (|chat| &mut chat.stream.calls.begin, "stream/calls/begin"),
            (|chat| chat.stream.calls.more.get_or_insert_default(), "stream/calls/more"),
            (|chat| &mut chat.stream.error.as_mut().expect("its error").data, "stream/error/data"),
        ];
        for (template, place) in templates {
            let spoil = |chat: &mut Chat| *template(chat) = json!({"k": ["$nobody"]});
            chat(spoil, &format!("{place}/k/0"), "no value is called `nobody`");
        }
    }

    /// Wherever an event stands, each of its templates.
    #[test]
    fn of_events() {
        type Place = (fn(&mut ChatStream) -> &mut Event, &'static str);
        type Part = (fn(&mut Event) -> &mut Value, &'static str);
        let events: [Place; 12] = [
            (|stream| stream.start.get_or_insert_default(), "start"),
            (|stream| &mut stream.text, "text"),
            (|stream| stream.thinking.get_or_insert_default(), "thinking"),
            (|stream| &mut stream.calls.event, "calls/event"),
            (|stream| &mut stream.finish, "finish"),
            (|stream| &mut stream.usage.as_mut().expect("its usage").event, "usage/event"),
            (|stream| stream.if_thinking.start.get_or_insert_default(), "if_thinking/start"),
            (|stream| stream.if_thinking.text.get_or_insert_default(), "if_thinking/text"),
            (|stream| stream.if_thinking.finish.get_or_insert_default(), "if_thinking/finish"),
            (|stream| stream.if_calls.start.get_or_insert_default(), "if_calls/start"),
            (|stream| stream.if_calls.text.get_or_insert_default(), "if_calls/text"),
            (|stream| stream.if_calls.finish.get_or_insert_default(), "if_calls/finish"),
        ];
        let parts: [Part; 3] = [
            (|event| event.delta.get_or_insert_default(), "delta"),
            (|event| &mut event.choice, "choice"),
            (|event| &mut event.chunk, "chunk"),
        ];
        for (event, place) in events {
            for (part, key) in parts {
                let spoil = |chat: &mut Chat| *part(event(&mut chat.stream)) = "$nobody".into();
                chat(spoil, &format!("stream/{place}/{key}"), "no value is called `nobody`");
            }
        }
    }
}
