//! Histories made by hand, for unit tests: what each leg sent and what the client got, in the real APIs' bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Judgement, Verdict, judge};
use crate::answer::{AnswerScript, Lexicon, ScriptPart, Stage, Voice};
use crate::api::{
    Api, ApiError, ApiId, Conversation, EncodeContext, FinishReason, Part, Role, Say, StreamWriter, Turn, Usage,
};
use crate::history::{
    BarrierEnd, ClientEnd, ClientExchange, Continuation, Control, FORMAT, History, LegFacts, ProxyFacts, Refusal,
    ResponseHead, Said, StepHistory, Survival, UpstreamEnd, UpstreamExchange,
};
use crate::proxy::Policy;
use crate::scenario::{
    AnswerPlan, Barrier, By, Case, ClientPlan, Cut, Expect, LegPlan, Millis, Obeys, Pace, Play, Settings, Shape,
    ShapeLeg, StepPlan,
};
use crate::wire::{Blob, Chunk, Headers, Request};

/// The case's unique word.
pub(crate) const UNIQUE: &str = "zzuniquezz";
/// Words of every voice.
pub(crate) const WORDS: u64 = 24;

/// The words `range` of the voice with this number, each but the first of all with its blank in front.
pub(crate) fn words(voice: u64, range: std::ops::Range<u64>) -> String {
    let voice: Voice = Lexicon::new(7).voice(voice);
    range.map(|n| if n == 0 { voice.word(n) } else { format!(" {}", voice.word(n)) }).collect()
}

/// The whole text of a voice.
pub(crate) fn whole(voice: u64) -> String {
    words(voice, 0..WORDS)
}

/// A piece of a stream.
#[derive(Clone, Debug)]
pub(crate) enum Bit {
    /// Events that precede content, under the id with this number.
    Begin(u64),
    Text(String),
    Thinking(&'static str),
    Signature(&'static str),
    Tool(&'static str),
    Arguments(&'static str),
    /// The finish reason, without the end mark.
    Finish,
    /// The finish reason and all that follows.
    Done,
    Error(&'static str),
    /// Bytes as they are.
    Raw(&'static str),
}

/// A stream in an API's bytes.
pub(crate) fn stream(api: ApiId, bits: &[Bit]) -> Vec<u8> {
    let api = api.spoken().expect("a spoken API");
    let context = |seed| EncodeContext {
        model: "m".to_owned(),
        include_usage: false,
        seed,
        created: 1_700_000_000,
        input_tokens: 3,
    };
    let mut writer: Box<dyn StreamWriter> = api.stream_writer(&context(1));
    let mut reason = FinishReason::Stop;
    let mut out = Vec::new();
    for bit in bits {
        let written = match bit {
            Bit::Begin(seed) => {
                writer = api.stream_writer(&context(*seed));
                writer.begin()
            }
            Bit::Text(text) => writer.say(&Say::Text(text.clone())),
            Bit::Signature(text) => writer.say(&Say::Signature((*text).to_owned())),
            Bit::Thinking(text) => writer.say(&Say::Thinking((*text).to_owned())),
            Bit::Tool(name) => {
                reason = FinishReason::ToolCalls;
                writer.say(&Say::ToolCall { id: "c1".to_owned(), name: (*name).to_owned() })
            }
            Bit::Arguments(text) => writer.say(&Say::Arguments((*text).to_owned())),
            Bit::Finish | Bit::Done => {
                let mut written = writer.finish(reason, Usage { input: 3, output: 9 });
                if matches!(bit, Bit::Finish) {
                    written.retain(|event| event.stage <= Stage::Finish);
                }
                written
            }
            Bit::Error(message) => writer.error(&error(529, message)),
            Bit::Raw(text) => {
                out.extend_from_slice(text.as_bytes());
                Vec::new()
            }
        };
        out.extend(written.into_iter().flat_map(|event| event.bytes));
    }
    out
}

pub(crate) fn error(status: u16, message: &str) -> ApiError {
    let kind = if status == 400 { "invalid_request_error" } else { "overloaded_error" };
    ApiError { status, kind: kind.to_owned(), message: message.to_owned(), code: None, param: None }
}

/// A case under construction.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    pub(crate) history: History,
    /// Index of the step at hand.
    at: usize,
    clock: u64,
}

fn play() -> Play {
    let script = AnswerScript {
        summary: None,
        parts: vec![ScriptPart::Text { words: Some(24), literal: None }],
        repeat: None,
        chunk: None,
        finish: None,
        output_tokens: None,
    };
    Play {
        answer: AnswerPlan::Script { name: "text".to_owned(), script: Arc::new(script) },
        status: None,
        cut: None,
        edits: Vec::new(),
        pace: Pace::Instant,
        barrier: Barrier::Seen,
        obeys: Obeys::Exactly,
    }
}

/// The client's request, as turns.
pub(crate) fn conversation(unique: &str) -> Conversation {
    let turn = |role, text: &str| Turn { role, parts: vec![Part::text(text)], place: String::new() };
    Conversation {
        model: "route-own".to_owned(),
        turns: vec![turn(Role::System, "You are terse."), turn(Role::User, &format!("Recite the pangram. {unique}"))],
        params: BTreeMap::from([("max_tokens".to_owned(), 256.into())]),
        stream: true,
        ..Conversation::default()
    }
}

fn request(api: &dyn Api, conversation: &Conversation, model: &str, key: &str) -> Request {
    Request {
        method: "POST".to_owned(),
        target: format!("/s1/leg{}", api.path()),
        headers: api.request_headers(key),
        body: Blob(api.write_request(conversation, model).to_string().into_bytes()),
    }
}

/// Key of a leg.
pub(crate) fn key(leg: &str) -> String {
    format!("sk-canary-{leg}-0123456789")
}

impl Lab {
    /// A streamed request in `client`'s API over legs with these models (`primary`, `fallback`, `third`).
    pub(crate) fn new(client: ApiId, models: &[&str]) -> Self {
        let names = ["primary", "fallback", "third"];
        let legs: Vec<ShapeLeg> = models
            .iter()
            .zip(names)
            .map(|(model, name)| {
                let model: crate::api::ModelName = model.parse().expect("a model");
                let api = ApiId::of_vendor(&model.vendor, client).expect("a vendor");
                ShapeLeg { name: name.to_owned(), model, api }
            })
            .collect();
        let facts = legs.iter().map(|leg| LegFacts {
            spare_key: String::new(),
            name: leg.name.clone(),
            key: key(&leg.name),
            models: vec![leg.model.model.clone()],
        });
        let proxy = ProxyFacts {
            name: "p".to_owned(),
            key_per_leg: true,
            model_per_leg: true,
            legs: facts.collect(),
            other_keys: BTreeMap::from([("slot-other-7/primary".into(), "sk-canary-other-0123456789".into())]),
            decoys: BTreeMap::from([
                ("decoy key".to_owned(), "sk-decoy-0123456789".to_owned()),
                ("decoy route".to_owned(), "decoy-route-k3v9".to_owned()),
                ("decoy variable".to_owned(), "decoy-variable-x8q2".to_owned()),
            ]),
            ..ProxyFacts::default()
        };
        let case = Case {
            scenario: "s".to_owned(),
            name: String::new(),
            file: "s.yaml".to_owned(),
            line: 1,
            summary: None,
            checks: Vec::new(),
            only: Vec::new(),
            shape: Shape { legs, pool: false },
            settings: Settings::default(),
            proxy_config: BTreeMap::new(),
            time_limit: Millis(30_000),
            not_yet: None,
            beside: 0,
            sweep: None,
            steps: Vec::new(),
        };
        let history = History {
            format: FORMAT,
            crossfade: "0.0.0".to_owned(),
            case,
            proxy,
            unique: UNIQUE.to_owned(),
            steps: Vec::new(),
            beside: Vec::new(),
            strays: Vec::new(),
            survived: Some(Survival::Served),
            misrouted: None,
            words: None,
            shared_ids: None,
        };
        let mut lab = Self { history, at: 0, clock: 0 };
        lab.add_step(client);
        lab
    }

    /// OpenAI chat throughout, two legs.
    pub(crate) fn chat() -> Self {
        Self::new(ApiId::OpenaiChat, &["openai/gpt-4o-mini", "openai/gpt-4o-mini"])
    }

    /// Chat in front of two Claude legs.
    pub(crate) fn mixed() -> Self {
        Self::new(ApiId::OpenaiChat, &["anthropic/claude-opus-4-1", "anthropic/claude-sonnet-4-6"])
    }

    /// Anthropic messages throughout.
    pub(crate) fn messages() -> Self {
        Self::new(ApiId::AnthropicMessages, &["anthropic/claude-opus-4-1", "anthropic/claude-sonnet-4-6"])
    }

    fn add_step(&mut self, client: ApiId) {
        let legs = &self.history.case.shape.legs;
        let legs = legs.iter().map(|leg| LegPlan { name: leg.name.clone(), attempts: vec![play()] }).collect();
        let conversation = conversation(UNIQUE);
        let api = client.spoken().expect("a spoken API");
        let request = request(api, &conversation, "route-own", "sk-client-0123456789");
        self.history.case.steps.push(StepPlan {
            client: ClientPlan {
                api: client,
                conversation,
                body: None,
                headers: Headers::default(),
                session: None,
                leave: None,
                pause: None,
            },
            legs,
            expect: Expect::default(),
        });
        self.history.steps.push(StepHistory {
            client: ClientExchange {
                api: client,
                stream: true,
                request,
                sent_at: self.clock,
                response: None,
                chunks: Vec::new(),
                paused: None,
                end: ClientEnd::NoResponse("nothing came".to_owned()),
                ended_at: self.clock,
            },
            upstream: Vec::new(),
            controls: BTreeMap::new(),
        });
        self.at = self.history.steps.len() - 1;
    }

    /// Begins another step like the first.
    pub(crate) fn next_step(mut self) -> Self {
        let client = self.history.steps[0].client.api;
        self.add_step(client);
        self
    }

    pub(crate) fn policy(mut self, edit: impl FnOnce(&mut Policy)) -> Self {
        edit(&mut self.history.proxy.policy);
        self
    }

    pub(crate) fn with(mut self, edit: impl FnOnce(&mut History)) -> Self {
        edit(&mut self.history);
        self
    }

    pub(crate) fn plan(&mut self) -> &mut StepPlan {
        &mut self.history.case.steps[self.at]
    }

    pub(crate) fn expect(mut self, edit: impl FnOnce(&mut Expect)) -> Self {
        edit(&mut self.plan().expect);
        self
    }

    /// Edits the script of a leg.
    pub(crate) fn play(mut self, leg: &str, edit: impl FnOnce(&mut Play)) -> Self {
        let script = self.plan().legs.iter_mut().find(|script| script.name == leg).expect("a leg");
        edit(&mut script.attempts[0]);
        self
    }

    pub(crate) fn cut(self, leg: &str, cut: Cut) -> Self {
        self.play(leg, |play| play.cut = Some(cut))
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1_000;
        self.clock
    }

    fn api_of(&self, leg: &str) -> ApiId {
        self.history.case.shape.legs.iter().find(|shape| shape.name == leg).expect("a leg").api
    }

    /// The control of a leg went through.
    pub(crate) fn control(mut self, leg: &str) -> Self {
        let api = self.api_of(leg).spoken().expect("spoken");
        let model = self.history.proxy.legs.iter().find(|facts| facts.name == leg).expect("a leg").models[0].clone();
        let control = Control::Done {
            request: request(api, &conversation("zzcontrolzz"), &model, &key(leg)),
            unique: "zzcontrolzz".to_owned(),
            client: Box::new(self.history.steps[self.at].client.clone()),
        };
        self.history.steps[self.at].controls.insert(leg.to_owned(), control);
        self
    }

    pub(crate) fn control_is(mut self, leg: &str, control: Control) -> Self {
        self.history.steps[self.at].controls.insert(leg.to_owned(), control);
        self
    }

    /// A leg is asked what the client asked; what it does is said by the calls that follow.
    pub(crate) fn ask(mut self, leg: &str) -> Self {
        let id = self.api_of(leg);
        let api = id.spoken().expect("spoken");
        let at = self.tick();
        let models = &self.history.proxy.legs.iter().find(|facts| facts.name == leg).expect("a leg").models;
        let request = request(api, &conversation(UNIQUE), &models[0], &key(leg));
        let step = &mut self.history.steps[self.at];
        let attempt = step.upstream.iter().filter(|exchange| exchange.leg == leg).count() as u32 + 1;
        step.upstream.push(UpstreamExchange {
            leg: leg.to_owned(),
            api: Some(id),
            attempt,
            at,
            request,
            side_call: false,
            refused: None,
            also_matched: Vec::new(),
            continuation: Continuation::None,
            status: 200,
            said: Said::default(),
            sent: Vec::new(),
            silences: Vec::new(),
            barrier: BarrierEnd::Seen,
            gate_opened: None,
            gated: false,
            end: UpstreamEnd::Complete,
            ended_at: at,
            after_leave: 0,
        });
        self
    }

    /// Edits the call made last.
    pub(crate) fn last(mut self, edit: impl FnOnce(&mut UpstreamExchange)) -> Self {
        edit(self.history.steps[self.at].upstream.last_mut().expect("a call"));
        self
    }

    /// The conversation of the call made last is edited.
    pub(crate) fn edited(mut self, edit: impl FnOnce(&mut Conversation)) -> Self {
        let exchange = self.history.steps[self.at].upstream.last_mut().expect("a call");
        let api = exchange.api.and_then(ApiId::spoken).expect("spoken");
        let mut conversation = api.read_request(&exchange.request.json().expect("JSON"));
        edit(&mut conversation);
        let model = conversation.model.clone();
        exchange.request.body = Blob(api.write_request(&conversation, &model).to_string().into_bytes());
        self
    }

    /// The leg asked last answers with this stream, in its voice.
    pub(crate) fn sends(mut self, voice: u64, from: usize, bits: &[Bit], end: UpstreamEnd) -> Self {
        let at = self.tick();
        let exchange = self.history.steps[self.at].upstream.last_mut().expect("a call");
        let text: String = bits
            .iter()
            .filter_map(|bit| match bit {
                Bit::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let whole = if text.is_empty() { String::new() } else { whole(voice) };
        exchange.said = Said { voice: format!("voice{voice}"), from, whole, text, cassette: false };
        exchange.sent = vec![Chunk { at, data: Blob(stream(exchange.api.expect("an API"), bits)) }];
        exchange.end = end;
        exchange.ended_at = at;
        self
    }

    /// A whole answer of a leg, in its voice.
    pub(crate) fn answers(self, leg: &str, voice: u64) -> Self {
        self.ask(leg).sends(voice, 0, &[Bit::Begin(1), Bit::Text(whole(voice)), Bit::Done], UpstreamEnd::Complete)
    }

    /// The first `n` words of an answer, then a cut.
    pub(crate) fn breaks(self, leg: &str, voice: u64, n: u64, by: &By) -> Self {
        let effect = by.name();
        let mut bits = vec![Bit::Begin(1), Bit::Text(words(voice, 0..n))];
        if *by == By::ErrorEvent {
            bits.push(Bit::Error("Overloaded"));
        }
        let at = crate::scenario::At::Texts(n as u32);
        self.cut(leg, Cut { at, by: by.clone() }).ask(leg).sends(voice, 0, &bits, UpstreamEnd::Cut(effect.to_owned()))
    }

    /// The leg is asked to go on after the first `n` words of a voice, and says the rest.
    pub(crate) fn continues(self, leg: &str, voice: u64, n: u64) -> Self {
        let quoted = words(voice, 0..n);
        let from = quoted.chars().count();
        self.ask(leg)
            .edited(|conversation| {
                let text = format!("You were cut off. Go on after: {}", words(voice, 0..n));
                conversation.turns.push(Turn { role: Role::User, parts: vec![Part::text(text)], place: String::new() });
            })
            .last(|exchange| exchange.continuation = Continuation::UserMessage { quoted })
            .sends(voice, from, &[Bit::Begin(2), Bit::Text(words(voice, n..WORDS)), Bit::Done], UpstreamEnd::Complete)
    }

    /// The leg answers with an error status.
    pub(crate) fn fails(mut self, leg: &str, status: u16) -> Self {
        self = self.ask(leg);
        let at = self.tick();
        self.last(|exchange| {
            exchange.status = status;
            exchange.ended_at = at;
            let api = exchange.api.and_then(ApiId::spoken).expect("spoken");
            let body = api.error_body(&error(status, "Overloaded"), 1);
            exchange.sent = vec![Chunk { at, data: Blob(body) }];
        })
    }

    /// The leg asked last refuses the request by a rule.
    pub(crate) fn refuses(mut self, message: &str) -> Self {
        let at = self.tick();
        let error = error(400, message);
        self.last(|exchange| {
            exchange.status = 400;
            exchange.ended_at = at;
            exchange.refused = Some(Refusal { rule: "no-prefill".to_owned(), error, certain: true });
        })
    }

    fn heard(mut self, status: u16, kind: &str, body: Vec<u8>, end: ClientEnd) -> Self {
        let at = self.tick();
        let client = &mut self.history.steps[self.at].client;
        let headers: Headers = [("content-type", kind)].into_iter().collect();
        client.response = Some(ResponseHead { at, status, headers });
        client.chunks = vec![Chunk { at, data: Blob(body) }];
        client.end = end;
        client.ended_at = at;
        self
    }

    /// The client gets this stream.
    pub(crate) fn hears(self, bits: &[Bit], end: ClientEnd) -> Self {
        let id = self.history.steps[self.at].client.api;
        let kind = id.spoken().expect("spoken").framing().media_type();
        self.heard(200, kind, stream(id, bits), end)
    }

    /// The client gets a whole streamed answer.
    pub(crate) fn hears_answer(self, text: &str) -> Self {
        self.hears(&[Bit::Begin(1), Bit::Text(text.to_owned()), Bit::Done], ClientEnd::Complete)
    }

    /// The client gets an error status in its API's shape.
    pub(crate) fn hears_status(self, status: u16, message: &str) -> Self {
        let api = self.history.steps[self.at].client.api.spoken().expect("spoken");
        let body = api.error_body(&error(status, message), 1);
        self.heard(status, "application/json", body, ClientEnd::Complete)
    }

    /// The client gets this body.
    pub(crate) fn hears_body(self, status: u16, kind: &str, body: &str) -> Self {
        self.heard(status, kind, body.as_bytes().to_vec(), ClientEnd::Complete)
    }

    pub(crate) fn judged(&self) -> Judgement {
        judge(&self.history)
    }

    pub(crate) fn verdict(&self, check: &str) -> Verdict {
        let verdicts = self.judged().verdicts;
        verdicts.into_iter().find(|verdict| verdict.check == check).expect("a check of the catalogue")
    }

    /// Asserts values of checks: `fail`, or `fail: a part of the reason`.
    #[track_caller]
    pub(crate) fn check(&self, expect: &[(&str, &str)]) -> &Self {
        let judgement = self.judged();
        for (check, expected) in expect {
            let verdict = judgement.verdicts.iter().find(|verdict| verdict.check == *check).expect("a known check");
            let (value, reason) = expected.split_once(": ").unwrap_or((expected, ""));
            assert!(
                verdict.value.name() == value && verdict.reason.contains(reason),
                "{check}: expected {expected:?}, got {}: {:?}; outcomes {:?}",
                verdict.value.name(),
                verdict.reason,
                judgement.outcomes
            );
        }
        self
    }

    /// Asserts the outcome of the first step, as scenarios spell it, `?` for one that cannot be told; and the checks
    /// that fail or warn, each with a `!` for fail.
    #[track_caller]
    pub(crate) fn is(&self, outcome: &str, bad: &[&str]) -> &Self {
        let judgement = self.judged();
        let got = judgement.outcomes[0].map_or("?".to_owned(), |outcome| format!("{outcome:?}").to_lowercase());
        let found: Vec<String> = judgement
            .verdicts
            .iter()
            .filter_map(|verdict| match verdict.value.name() {
                "fail" => Some(format!("!{}", verdict.check)),
                "warn" => Some(verdict.check.clone()),
                "inconclusive" => Some(format!("?{}", verdict.check)),
                _ => None,
            })
            .collect();
        let reasons: Vec<_> =
            judgement.verdicts.iter().filter(|v| !v.reason.is_empty()).map(|v| (&v.check, &v.reason)).collect();
        assert_eq!((got.as_str(), found), (outcome, bad.iter().map(ToString::to_string).collect()), "{reasons:#?}");
        self
    }
}
