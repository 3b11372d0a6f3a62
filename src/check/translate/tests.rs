//! `translate.*`, both ways: what has to differ is no finding, and every loss is one.

use serde_json::{Value, json};

use crate::api::{Api, ApiId, Conversation, Part, Role, ToolDefinition, Turn};
use crate::check::testing::{Lab, whole};
use crate::history::{Asked, Control};
use crate::proxy::Policy;

mod contents;
mod formats;
mod offers;
mod pairs;
mod parameters;

const CHAT: &str = "openai/gpt-4o-mini";
const CLAUDE: &str = "anthropic/claude-sonnet-4-5";
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgo=";

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, place: String::new() }
}

fn call(id: &str, name: &str, arguments: Value) -> Part {
    Part::ToolCall { id: id.to_owned(), name: name.to_owned(), arguments }
}

fn result(id: &str, text: &str) -> Part {
    Part::ToolResult { id: id.to_owned(), parts: vec![Part::text(text)], error: false, cache: false }
}

fn tool(name: &str) -> ToolDefinition {
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let description = Some(format!("{name} of a city."));
    ToolDefinition { name: name.to_owned(), description, parameters, ..ToolDefinition::default() }
}

/// A conversation with something of everything that every API can say.
fn rich() -> Conversation {
    let mut conversation = Conversation {
        turns: vec![
            turn(Role::System, vec![Part::text("You are terse.")]),
            turn(Role::User, vec![Part::text("Compare these."), crate::api::image(PIXEL), Part::text("Well?")]),
            turn(
                Role::Assistant,
                vec![
                    Part::text("Let me look."),
                    call("call_a", "weather", json!({"city": "Bern", "scale": 0.2})),
                    call("call_b", "weather", json!({"city": "Basel", "scale": 1})),
                ],
            ),
            turn(Role::Tool, vec![result("call_a", "rain"), result("call_b", "sun")]),
            turn(Role::Assistant, vec![Part::text("Basel wins.")]),
            turn(Role::User, vec![Part::text("Why?")]),
        ],
        tools: vec![tool("weather"), tool("time")],
        tool_choice: Some("required".into()),
        stream: true,
        user: Some("user-7".to_owned()),
        ..Conversation::default()
    };
    conversation.params.insert("max_tokens".to_owned(), json!(64));
    conversation.params.insert("temperature".to_owned(), json!(0.2));
    conversation.params.insert("stop".to_owned(), json!(["END", "STOP"]));
    conversation
}

/// A conversation of one question, with nothing besides.
fn bare() -> Conversation {
    let turns = vec![turn(Role::User, vec![Part::text("Why?")])];
    Conversation { turns, stream: true, ..Conversation::default() }
}

fn spoken(api: ApiId) -> &'static dyn Api {
    api.spoken().expect("a spoken API")
}

fn target(from: ApiId, model: &str) -> &'static dyn Api {
    let vendor = model.split('/').next().expect("a vendor");
    spoken(ApiId::of_vendor(vendor, from).expect("a vendor"))
}

/// A case whose control was asked for this.
fn lab(from: ApiId, model: &str, client: &Value, control: &Value) -> Lab {
    let to = target(from, model);
    Lab::new(from, &[model]).answers("primary", 0).hears_answer(&whole(0)).with(|history| {
        let step = &mut history.steps[0];
        let mut exchange = step.client.clone();
        exchange.request.body = client.to_string().into_bytes().into();
        let mut request = step.upstream[0].request.clone();
        request.target = format!("/control/primary{}", to.target("m", true));
        request.body = control.to_string().into_bytes().into();
        let control = Control::Done { request, unique: "zzcontrolzz".to_owned(), client: Box::new(exchange) };
        step.controls.insert("primary".to_owned(), control);
    })
}

/// Every translation check that warns, with what it says behind "the request to ...".
#[track_caller]
fn found(lab: &Lab, expect: &[&str]) {
    let verdicts = lab.judged().verdicts;
    assert_eq!(told(lab), expect, "{:#?}", verdicts.iter().map(|v| (&v.check, &v.reason)).collect::<Vec<_>>());
}

fn told(lab: &Lab) -> Vec<String> {
    let verdicts = lab.judged().verdicts;
    let translations = verdicts.iter().filter(|verdict| verdict.check.starts_with("translate."));
    translations
        .filter(|verdict| !matches!(verdict.value.name(), "pass" | "not-exercised"))
        .map(|verdict| {
            let reason = verdict.reason.rsplit_once(" (from ").map_or(verdict.reason.as_str(), |(reason, _)| reason);
            let reason = reason.split_once("` ").map_or(reason, |(_, reason)| reason);
            let (check, value) = (verdict.check.trim_start_matches("translate."), verdict.value.name());
            if value == "warn" { format!("{check}: {reason}") } else { format!("{check} {value}: {reason}") }
        })
        .collect()
}

/// What a proxy makes of the rich conversation, with this edit, for a leg: as the APIs' own writers do it.
struct Made {
    from: ApiId,
    model: &'static str,
    client: Value,
    control: Value,
}

fn made(from: ApiId, model: &'static str, client: &Conversation, edit: impl FnOnce(&mut Conversation)) -> Made {
    let client = spoken(from).write_request(client, "route");
    let mut read = spoken(from).read_request(&client);
    edit(&mut read);
    let control = target(from, model).write_request(&read, "m");
    Made { from, model, client, control }
}

impl Made {
    fn body(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        edit(&mut self.control);
        self
    }

    fn lab(&self) -> Lab {
        lab(self.from, self.model, &self.client, &self.control)
    }

    #[track_caller]
    fn finds(&self, expect: &[&str]) {
        found(&self.lab(), expect);
    }

    #[track_caller]
    fn under(&self, policy: impl FnOnce(&mut Policy), expect: &[&str]) {
        found(&self.lab().policy(policy), expect);
    }

    /// Nothing is found, and this check says why something differs.
    #[track_caller]
    fn excused(&self, check: &str, why: &str) {
        self.finds(&[]);
        let check = format!("translate.{check}");
        self.lab().check(&[(check.as_str(), &format!("pass: {why}"))]);
    }
}

impl Made {
    /// Nothing is found, and nothing had to be excused.
    #[track_caller]
    fn plain(&self, check: &str) {
        let verdict = self.lab().verdict(&format!("translate.{check}"));
        assert_eq!((verdict.value.name(), verdict.reason.as_str()), ("pass", ""), "{check}");
    }

    #[track_caller]
    fn idle(&self, check: &str) {
        self.lab().check(&[(format!("translate.{check}").as_str(), "not-exercised")]);
    }
}

/// Every way between two APIs.
const WAYS: [(ApiId, &str); 4] = [
    (ApiId::OpenaiChat, CHAT),
    (ApiId::OpenaiChat, CLAUDE),
    (ApiId::AnthropicMessages, CHAT),
    (ApiId::AnthropicMessages, CLAUDE),
];

/// The same edit, on every way between two APIs.
#[track_caller]
fn everywhere(edit: impl Fn(&mut Conversation), expect: &[&str]) {
    for (from, model) in WAYS {
        made(from, model, &rich(), &edit).finds(expect);
    }
}

mod losses {
    use super::*;

    #[test]
    fn turns() {
        everywhere(|_| (), &[]);
        everywhere(|c| drop(c.turns.remove(0)), &["turns: loses system"]);
        everywhere(|c| c.turns[0].parts = vec![Part::text("You are kind.")], &["turns: changes system"]);
        everywhere(|c| c.turns[0].parts = vec![Part::text("You are")], &["turns: loses system"]);
        everywhere(|c| c.turns[0].parts.push(Part::text("Be kind.")), &["turns: adds system"]);
        everywhere(|c| drop(c.turns.pop()), &["turns: loses turns[2]"]);
        everywhere(|c| c.turns.push(turn(Role::Assistant, vec![Part::text("Because")])), &["turns: adds turns[3]"]);
        let last = |c: &mut Conversation, text: &str| c.turns.last_mut().unwrap().parts = vec![Part::text(text)];
        everywhere(|c| last(c, "Why"), &["turns: changes turns[2].text"]);
        everywhere(|c| last(c, "Why?\n"), &["turns: changes turns[2].text"]);
        everywhere(
            |c| c.turns.last_mut().unwrap().role = Role::Assistant,
            &["turns: changes turns[1].text, loses turns[2]"],
        );
        made(ApiId::OpenaiChat, CHAT, &two_questions(), |c| c.turns.swap(0, 2))
            .finds(&["turns: moves turns[0], moves turns[1]"]);
    }

    fn two_questions() -> Conversation {
        let said = [(Role::User, "One?"), (Role::Assistant, "Yes."), (Role::User, "Two?")];
        let turns = said.map(|(role, text)| turn(role, vec![Part::text(text)])).to_vec();
        Conversation { turns, ..Conversation::default() }
    }

    #[test]
    fn tools() {
        everywhere(|c| drop(c.tools.pop()), &["tools: loses tools[1] (time)"]);
        everywhere(|c| c.tools.push(tool("more")), &["tools: adds tools[2] (more)"]);
        everywhere(|c| c.tools.reverse(), &["tools: moves tools[0] (weather)"]);
        everywhere(|c| c.tools[0].description = None, &["tools: loses tools[0].description"]);
        everywhere(|c| c.tools[0].parameters["required"] = json!(["x"]), &["tools: changes tools[0].parameters"]);
        everywhere(|c| c.tool_choice = None, &["tools: loses tool_choice"]);
        everywhere(|c| c.tool_choice = Some("auto".into()), &["tools: loses tool_choice"]);
        everywhere(|c| c.tool_choice = Some(json!({"tool": "time"})), &["tools: changes tool_choice"]);
    }

    fn arguments(c: &mut Conversation) -> &mut Value {
        let call = c.turns[2].parts.iter_mut().find_map(|part| match part {
            Part::ToolCall { arguments, .. } => Some(arguments),
            _ => None,
        });
        call.expect("a call")
    }

    #[test]
    fn calls() {
        everywhere(|c| arguments(c)["scale"] = json!(0.200_000_002_98), &["calls: changes calls[0].arguments"]);
        everywhere(|c| *arguments(c) = json!({}), &["calls: changes calls[0].arguments"]);
        everywhere(|c| c.turns.retain(|turn| turn.role != Role::Tool), &["calls: loses results[0], loses results[1]"]);
        everywhere(
            |c| {
                let results = c.turns.iter_mut().filter(|turn| turn.role == Role::Tool);
                for id in results.flat_map(|turn| &mut turn.parts).filter_map(|part| match part {
                    Part::ToolResult { id, .. } => Some(id),
                    _ => None,
                }) {
                    *id = if id == "call_a" { "call_b" } else { "call_a" }.to_owned();
                }
            },
            &["calls: changes results[0].call, changes results[1].call"],
        );
        everywhere(|c| drop(c.turns[2].parts.pop()), &["calls: loses calls[1], changes results[1].call"]);
    }

    #[test]
    fn a_tool_that_failed() {
        let mut failed = rich();
        let Part::ToolResult { error, .. } = &mut failed.turns[3].parts[0] else { panic!("a result") };
        *error = true;
        let lost = |c: &mut Conversation| {
            let results = c.turns.iter_mut().flat_map(|turn| &mut turn.parts);
            for part in results {
                if let Part::ToolResult { error, .. } = part {
                    *error = false;
                }
            }
        };
        made(ApiId::AnthropicMessages, CLAUDE, &failed, lost).finds(&["calls: changes results[0].error"]);
        made(ApiId::AnthropicMessages, CHAT, &failed, lost).excused("calls", "cannot say that a tool failed");
    }

    #[test]
    fn images() {
        let drop_image = |c: &mut Conversation| {
            c.turns[1].parts.retain(|part| !matches!(part, Part::Image { .. }));
        };
        everywhere(drop_image, &["images: loses images[0]"]);
        everywhere(|c| c.turns[1].parts.swap(0, 1), &["images: moves images[0]"]);
        let other = "data:image/png;base64,iVBORw0KGgp=";
        everywhere(|c| c.turns[1].parts[1] = crate::api::image(other), &["images: changes images[0]"]);
        let typed = PIXEL.replace("png", "jpeg");
        everywhere(|c| c.turns[1].parts[1] = crate::api::image(&typed), &["images: changes images[0].media_type"]);
        everywhere(
            |c| c.turns[1].parts[1] = Part::text("[image]"),
            &["turns: changes turns[0].text", "images: loses images[0]"],
        );
        let mut close = made(ApiId::OpenaiChat, CHAT, &rich(), |_| ());
        close.client["messages"][1]["content"][1]["image_url"]["detail"] = json!("high");
        close.finds(&["images: changes images.detail"]);
    }

    #[test]
    fn thinking() {
        let mut thoughtful = rich();
        let signed = Part::Thinking { text: "Hm.".to_owned(), signature: Some("EqRk".to_owned()) };
        thoughtful.turns[2].parts.insert(0, signed);
        let check = |edit: &dyn Fn(&mut Conversation), expect: &[&str]| {
            made(ApiId::AnthropicMessages, CLAUDE, &thoughtful, edit).finds(expect);
        };
        check(&|_| (), &[]);
        check(&|c| drop(c.turns[2].parts.remove(0)), &["thinking: loses thinking[0]"]);
        let say = |c: &mut Conversation, text: &str, signature: &str| {
            c.turns[2].parts[0] = Part::Thinking { text: text.to_owned(), signature: Some(signature.to_owned()) };
        };
        check(&|c| say(c, "Hm.", "EqRl"), &["thinking: changes thinking[0].signature"]);
        check(&|c| say(c, "Hm", "EqRk"), &["thinking: changes thinking[0].text"]);
        made(ApiId::AnthropicMessages, CHAT, &thoughtful, |_| ()).excused("thinking", "another vendor");
    }

    /// Gemini 3 takes calls that it did not make with a signature that says so.
    #[test]
    fn a_signature_that_stands_for_none_is_none() {
        let mut made = made(ApiId::OpenaiChat, "gemini/gemini-2.5-flash", &rich(), |_| ());
        let call = &mut made.control["contents"][1]["parts"][1];
        assert_eq!(call["thoughtSignature"], "skip_thought_signature_validator");
        call["thoughtSignature"] = json!("RXZlcnkgb3RoZXI=");
        made.finds(&["thinking: adds thinking[0]"]);
        made.control["contents"][1]["parts"][1]["thoughtSignature"] = json!("context_engineering_is_the_way_to_go");
        made.finds(&[]);
    }

    #[test]
    fn cache() {
        let mut marked = rich();
        marked.turns[0].parts = vec![Part::Text { text: "You are terse.".to_owned(), cache: true }];
        marked.tools[1].cache = true;
        for from in [ApiId::OpenaiChat, ApiId::AnthropicMessages] {
            let check = |edit: &dyn Fn(&mut Conversation), expect: &[&str]| {
                made(from, CLAUDE, &marked, edit).finds(expect);
            };
            check(&|_| (), &[]);
            check(&|c| c.tools[1].cache = false, &["cache: loses cache.tools[0]"]);
            check(&|c| c.turns[0].parts = vec![Part::text("You are terse.")], &["cache: loses cache.system[0]"]);
            check(
                &|c| {
                    c.tools[1].cache = false;
                    c.tools[0].cache = true;
                },
                &["cache: changes cache.tools[0]"],
            );
            made(from, CHAT, &marked, |c| {
                c.tools[1].cache = false;
                c.turns[0].parts = vec![Part::text("You are terse.")];
            })
            .excused("cache", "openai-chat has no cache hints");
        }
        let added = made(ApiId::OpenaiChat, CLAUDE, &rich(), |c| c.tools[0].cache = true);
        added.finds(&["cache: adds cache.tools[0]"]);
        added.under(|policy| policy.request_edits = Some(vec!["cache_hints".to_owned()]), &[]);
    }

    #[test]
    fn how_long_a_mark_is_to_be_kept() {
        let mut long = made(ApiId::AnthropicMessages, CLAUDE, &rich(), |_| ());
        let mark = |ttl: &str| json!([{"type": "text", "text": "You are terse.", "cache_control": {"type": "ephemeral", "ttl": ttl}}]);
        long.client["system"] = mark("1h");
        long.control["system"] = mark("1h");
        long.finds(&[]);
        long.control["system"] = mark("5m");
        long.finds(&["cache: changes cache"]);
    }

    #[test]
    fn params() {
        everywhere(|c| drop(c.params.remove("temperature")), &["params: loses params.temperature"]);
        everywhere(
            |c| drop(c.params.insert("temperature".to_owned(), json!(0.200_000_002_98))),
            &["params: changes params.temperature"],
        );
        let forbids = |choice: &str| {
            let mut asked = rich();
            asked.params.insert("parallel_tool_calls".to_owned(), json!(false));
            asked.tool_choice = Some(choice.into());
            made(ApiId::OpenaiChat, CHAT, &asked, |c| drop(c.params.remove("parallel_tool_calls")))
        };
        forbids("none").excused("params", "nothing is called at a time");
        forbids("auto").finds(&["params: loses params.parallel_tool_calls"]);
        everywhere(|c| drop(c.params.remove("stop")), &["params: loses params.stop"]);
        everywhere(|c| drop(c.params.insert("stop".to_owned(), json!(["END"]))), &["params: changes params.stop"]);
        everywhere(
            |c| drop(c.params.insert("max_tokens".to_owned(), json!(65))),
            &["params: changes params.max_tokens"],
        );
        everywhere(|c| drop(c.params.insert("top_p".to_owned(), json!(0.5))), &["params: adds params.top_p"]);
        everywhere(|c| c.user = None, &["params: loses user"]);
        everywhere(|c| c.user = Some("x".to_owned()), &["params: changes user"]);
        let own = |edit: &dyn Fn(&mut Value), expect: &[&str]| {
            made(ApiId::OpenaiChat, CHAT, &rich(), |_| ()).body(edit).finds(expect);
        };
        own(&|body| body["service_tier"] = json!("flex"), &["params: adds body/service_tier"]);
        own(&|body| body["stream_options"] = json!({"include_usage": true}), &[]);
        let mut logs = made(ApiId::OpenaiChat, CHAT, &rich(), |_| ());
        logs.client["logprobs"] = json!(true);
        logs.finds(&["params: loses body/logprobs"]);
    }

    #[test]
    fn format() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        let mut chat = made(ApiId::OpenaiChat, CLAUDE, &rich(), |_| ());
        chat.client["response_format"] =
            json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": true}});
        chat.finds(&["format: loses format"]);
        chat.control["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
        chat.finds(&[]);
        chat.control["output_config"]["format"]["schema"]["additionalProperties"] = json!(false);
        chat.finds(&[]);
        chat.control["output_config"]["format"]["schema"]["required"] = json!([]);
        chat.finds(&["format: changes format"]);
        let added = made(ApiId::OpenaiChat, CHAT, &rich(), |_| ());
        added.body(|body| body["response_format"] = json!({"type": "json_object"})).finds(&["format: adds format"]);
    }
}

mod what_has_to_differ {
    use super::*;

    #[test]
    fn ids_are_renamed_consistently() {
        everywhere(
            |c| {
                for part in c.turns.iter_mut().flat_map(|turn| &mut turn.parts) {
                    if let Part::ToolCall { id, .. } | Part::ToolResult { id, .. } = part {
                        *id = format!("x{}", id.len() + usize::from(id.ends_with('b')));
                    }
                }
            },
            &[],
        );
    }

    #[test]
    fn a_limit_is_demanded() {
        let mut client = rich();
        client.params.remove("max_tokens");
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).excused("params", "anthropic-messages demands `max_tokens`");
        made(ApiId::OpenaiChat, CHAT, &client, |c| drop(c.params.insert("max_tokens".to_owned(), json!(9))))
            .finds(&["params: adds params.max_tokens"]);
    }

    #[test]
    fn instructions_stand_where_the_api_has_them() {
        let mut client = rich();
        client.turns.insert(5, turn(Role::System, vec![Part::text("Be kind.")]));
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).finds(&[]);
        made(ApiId::OpenaiChat, CHAT, &client, |_| ()).finds(&[]);
        // Where they may stand anywhere, their place counts.
        let first = |c: &mut Conversation| {
            let at = c.turns.iter().rposition(|turn| turn.role == Role::System).expect("instructions");
            let late = c.turns.remove(at);
            c.turns.insert(1, late);
        };
        made(ApiId::OpenaiChat, CHAT, &client, first).finds(&["turns: moves system"]);
        let as_user = |c: &mut Conversation| {
            let at = c.turns.iter().rposition(|turn| turn.role == Role::System).expect("instructions");
            c.turns[at].role = Role::User;
        };
        made(ApiId::OpenaiChat, CLAUDE, &client, as_user).excused("turns", "said by the user");
    }

    #[test]
    fn neighbours_are_merged() {
        let mut client = rich();
        client.turns.push(turn(Role::User, vec![Part::text("Tell me.")]));
        let merge = |c: &mut Conversation| {
            let _ = c.turns.pop();
            c.turns.last_mut().expect("a turn").parts = vec![Part::text("Why?\n\nTell me.")];
        };
        for (from, model) in WAYS {
            made(from, model, &client, merge).finds(&[]);
        }
    }

    #[test]
    fn a_stop_text_is_a_list_or_not() {
        let mut client = rich();
        client.params.insert("stop".to_owned(), json!(["END"]));
        made(ApiId::OpenaiChat, CHAT, &client, |_| ()).body(|body| body["stop"] = json!("END")).finds(&[]);
    }

    #[test]
    fn a_format_is_told_as_a_tool_or_in_words() {
        let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
        let mut client = rich();
        client.tools.clear();
        client.tool_choice = None;
        client.turns.drain(2..5);
        let mut chat = made(ApiId::OpenaiChat, CLAUDE, &client, |_| ());
        chat.client["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        let mut as_tool = chat.control.clone();
        as_tool["tools"] = json!([{"name": "json_tool_call", "input_schema": schema}]);
        lab(ApiId::OpenaiChat, CLAUDE, &chat.client, &as_tool).check(&[("translate.format", "warn: loses format")]);
        as_tool["tool_choice"] = json!({"type": "tool", "name": "json_tool_call"});
        found(&lab(ApiId::OpenaiChat, CLAUDE, &chat.client, &as_tool), &[]);
        chat.control["system"] = json!(format!("You are terse.\n\nAnswer as JSON of this schema: {schema}"));
        chat.finds(&[]);
    }

    #[test]
    fn an_image_is_fetched() {
        let mut client = rich();
        client.turns[1].parts[1] = crate::api::image("https://example.org/a.png");
        for (from, model) in WAYS {
            made(from, model, &client, |_| ()).finds(&[]);
            made(from, model, &client, |c| c.turns[1].parts[1] = crate::api::image(PIXEL)).excused("images", "fetched");
        }
        // The other way round nobody can tell what the address shows.
        let hosted = |c: &mut Conversation| c.turns[1].parts[1] = crate::api::image("https://example.org/a.png");
        made(ApiId::OpenaiChat, CHAT, &rich(), hosted).finds(&["images: changes images[0]"]);
    }

    #[test]
    fn what_the_target_refuses_is_left_out() {
        let drop_it = |c: &mut Conversation| drop(c.params.remove("temperature"));
        for from in [ApiId::OpenaiChat, ApiId::AnthropicMessages] {
            made(from, "anthropic/claude-opus-4-7", &rich(), drop_it)
                .excused("params", "the target refuses this `temperature`");
            // Of two that exclude each other one may go, not both.
            let mut client = rich();
            client.params.insert("top_p".to_owned(), json!(0.5));
            let one = |c: &mut Conversation| drop(c.params.remove("top_p"));
            made(from, CLAUDE, &client, one).excused("params", "the target refuses this `top_p`");
            let both = |c: &mut Conversation| {
                c.params.remove("top_p");
                c.params.remove("temperature");
            };
            made(from, CLAUDE, &client, both).finds(&["params: loses params.temperature"]);
            let clamped = |c: &mut Conversation| drop(c.params.insert("temperature".to_owned(), json!(1)));
            client.params.remove("top_p");
            client.params.insert("temperature".to_owned(), json!(1.5));
            made(from, CLAUDE, &client, clamped).excused("params", "the target refuses this `temperature`");
            client.params.insert("temperature".to_owned(), json!(0.5));
            client.params.insert("max_tokens".to_owned(), json!(900_000));
            let less = |c: &mut Conversation| drop(c.params.insert("max_tokens".to_owned(), json!(64_000)));
            made(from, CLAUDE, &client, less).excused("params", "the target refuses this `max_tokens`");
        }
    }

    #[test]
    fn what_an_api_does_not_have() {
        let mut client = rich();
        client.params.insert("seed".to_owned(), json!(7));
        client.params.insert("presence_penalty".to_owned(), json!(0.5));
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).excused("params", "anthropic-messages has no `seed`");
        let mut client = rich();
        client.params.insert("top_k".to_owned(), json!(7));
        made(ApiId::AnthropicMessages, CHAT, &client, |_| ()).excused("params", "openai-chat has no `top_k`");
        let mut client = rich();
        client.params.insert("reasoning_effort".to_owned(), json!("low"));
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ()).excused("params", "no exact counterpart");
        made(ApiId::OpenaiChat, CLAUDE, &client, |_| ())
            .body(|body| body["thinking"] = json!({"type": "enabled", "budget_tokens": 1024}))
            .excused("params", "no exact counterpart");
    }

    #[test]
    fn defaults_may_be_said_or_not() {
        let mut client = rich();
        client.params.insert("temperature".to_owned(), json!(1));
        client.params.insert("parallel_tool_calls".to_owned(), json!(true));
        client.tool_choice = Some("auto".into());
        for (from, model) in WAYS {
            let plain = |c: &mut Conversation| {
                c.params.remove("temperature");
                c.params.remove("parallel_tool_calls");
                c.tool_choice = None;
            };
            made(from, model, &client, plain).finds(&[]);
            let one = |c: &mut Conversation| drop(c.params.insert("parallel_tool_calls".to_owned(), json!(false)));
            made(from, model, &client, one).finds(&["params: changes params.parallel_tool_calls"]);
        }
    }

    #[test]
    fn placeholders() {
        let mut client = rich();
        client.turns = vec![
            turn(Role::System, vec![Part::text("You are terse.")]),
            turn(Role::Assistant, vec![Part::text("Hello.")]),
            turn(Role::User, vec![Part::text("Why?")]),
        ];
        let dummy = |c: &mut Conversation| c.turns.insert(1, turn(Role::User, vec![Part::text(".")]));
        made(ApiId::OpenaiChat, CLAUDE, &client, dummy).excused("turns", "wants a user to speak first");
        made(ApiId::OpenaiChat, CHAT, &client, dummy).finds(&["turns: adds turns[0]"]);
        // A conversation with calls wants a tool.
        let mut client = rich();
        client.tools.clear();
        client.tool_choice = None;
        made(ApiId::OpenaiChat, CLAUDE, &client, |c| c.tools.push(tool("dummy"))).finds(&[]);
    }

    #[test]
    fn a_tool_without_parameters_or_with_a_type() {
        let mut bare = rich();
        bare.tools[1].parameters = Value::Null;
        for (from, model) in WAYS {
            made(from, model, &bare, |_| ()).finds(&[]);
        }
        let defined = |c: &mut Conversation| c.tools[0].parameters["$defs"] = json!({});
        made(ApiId::OpenaiChat, CLAUDE, &rich(), defined).finds(&[]);
        let defined = |c: &mut Conversation| c.tools[0].parameters["$defs"] = json!({"a": {"type": "string"}});
        made(ApiId::OpenaiChat, CLAUDE, &rich(), defined).finds(&["tools: changes tools[0].parameters"]);
        let custom = made(ApiId::AnthropicMessages, CLAUDE, &rich(), |_| ());
        custom.body(|body| body["tools"][0]["type"] = json!("custom")).finds(&[]);
    }

    #[test]
    fn what_is_declared() {
        let declares = |edit: &str| {
            let edit = edit.to_owned();
            move |policy: &mut Policy| policy.request_edits = Some(vec![edit])
        };
        let append = made(ApiId::OpenaiChat, CHAT, &rich(), |c| c.turns[0].parts.push(Part::text("Be kind.")));
        append.under(declares("system_append"), &[]);
        append.under(declares("ids"), &["turns: adds system"]);
        let clamp = |c: &mut Conversation| drop(c.params.insert("max_tokens".to_owned(), json!(9)));
        made(ApiId::OpenaiChat, CHAT, &rich(), clamp).under(declares("max_tokens_clamp"), &[]);
        made(ApiId::OpenaiChat, CHAT, &rich(), |c| drop(c.turns.pop())).under(declares("compress"), &[]);
    }
}

#[test]
fn without_a_control_nothing_is_said() {
    let plain = || Lab::chat().answers("primary", 0).hears_answer(&whole(0));
    plain().check(&[("translate.turns", "skip: no control"), ("translate.params", "skip: no control")]);
    let failed = Control::Failed { status: 400, text: "no".to_owned(), asked: None };
    plain().control_is("primary", failed).check(&[("translate.turns", "skip: control: 400 no")]);
    // A leg that has one is judged, whatever the other's did.
    let missing = Control::Missing { reason: "one route".to_owned() };
    plain().control("primary").control_is("fallback", missing).check(&[
        ("translate.turns", "pass"),
        ("translate.tools", "skip"),
        ("translate.images", "skip"),
    ]);
}

#[test]
fn what_a_refused_control_had_asked_is_judged() {
    let mut lab = made(ApiId::OpenaiChat, CHAT, &rich(), |c| drop(c.turns.pop())).lab();
    for control in lab.history.steps[0].controls.values_mut() {
        let Control::Done { request, unique, client } = control.clone() else { continue };
        let asked = Some(Box::new(Asked { request, unique, client: *client }));
        *control = Control::Failed { status: 400, text: "no".to_owned(), asked };
    }
    lab.check(&[("translate.turns", "warn"), ("translate.params", "pass")]);
}

#[test]
fn each_leg_with_a_control_is_judged() {
    let lab = Lab::mixed().control("primary").control("fallback").answers("primary", 0).hears_answer(&whole(0));
    lab.check(&[
        ("translate.turns", "pass"),
        ("translate.calls", "not-exercised"),
        ("translate.cache", "not-exercised"),
    ]);
}
