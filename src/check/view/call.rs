//! A request to a leg, and how far its answer got.

use serde_json::Value;

use crate::api::{Completion, Finding, Level, Part};
use crate::framing::Framing;
use crate::history::{Continuation, History, StepHistory, UpstreamEnd, UpstreamExchange};
use crate::scenario::{At, By, Millis, Obeys, Play, StepPlan};

/// How far an answer got on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Reach {
    /// No answer: an error status, or not even that.
    Nothing,
    /// The head of a 2xx; of a unary answer, any part of the body.
    Head,
    /// Events that precede content.
    Preamble,
    /// Some content.
    Content,
    /// All content, but no finish reason.
    LastContent,
    /// The finish reason, but no end mark.
    Finish,
    /// The end.
    Terminator,
}

impl Reach {
    /// In words, for a reason: "got as far as ...".
    pub(in crate::check) fn words(self) -> &'static str {
        match self {
            Self::Nothing => "no answer",
            Self::Head => "its head",
            Self::Preamble => "the events before its content",
            Self::Content => "a part of its content",
            Self::LastContent => "its last content, without a finish reason",
            Self::Finish => "its finish reason, without the end mark",
            Self::Terminator => "its end",
        }
    }
}

/// A request for a generation that reached a leg.
#[derive(Debug)]
pub(in crate::check) struct Call<'a> {
    /// Index in the step's upstream exchanges.
    pub(in crate::check) index: usize,
    pub(in crate::check) exchange: &'a UpstreamExchange,
    /// Place of the leg in the order in which legs are to be tried, 0 for the first: the shape's; in a pool that in
    /// which they were asked.
    pub(in crate::check) leg: Option<usize>,
    /// What the leg was to do.
    pub(in crate::check) play: Option<&'a Play>,
    /// What the leg said, read from the bytes that it sent.
    pub(in crate::check) completion: Completion,
    pub(in crate::check) findings: Vec<Finding>,
    /// Whether it answered with a stream.
    pub(in crate::check) stream: bool,
    pub(in crate::check) reach: Reach,
}

impl<'a> Call<'a> {
    pub(super) fn all(history: &'a History, plan: &'a StepPlan, step: &'a StepHistory) -> Vec<Self> {
        let shape = &history.case.shape;
        let generations = step.upstream.iter().enumerate();
        let generations = generations.filter(|(_, exchange)| !exchange.side_call && exchange.api.is_some());
        // No worker of a pool comes first but by being asked first.
        let mut asked: Vec<&str> = Vec::new();
        generations
            .enumerate()
            .map(|(turn, (index, exchange))| {
                if !asked.contains(&exchange.leg.as_str()) {
                    asked.push(&exchange.leg);
                }
                let known = shape.legs.iter().position(|leg| leg.name == exchange.leg);
                let in_turn = asked.iter().position(|leg| *leg == exchange.leg);
                let leg = if shape.pool { known.and(in_turn) } else { known };
                let script = plan.legs.iter().find(|leg| leg.name == exchange.leg);
                let attempt = if shape.pool { turn } else { exchange.attempt.max(1) as usize - 1 };
                // What is refused by a rule is not played.
                let script = script.filter(|_| exchange.refused.is_none());
                let play = script.and_then(|script| script.attempts.get(attempt).or(script.attempts.last()));
                Self::read(index, exchange, leg, play)
            })
            .collect()
    }

    fn read(index: usize, exchange: &'a UpstreamExchange, leg: Option<usize>, play: Option<&'a Play>) -> Self {
        let body: Vec<u8> = exchange.sent.iter().flat_map(|chunk| chunk.data.0.iter().copied()).collect();
        let api = exchange.api.and_then(crate::api::ApiId::spoken);
        let stream = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            // A line of JSON is both a stream and none.
            Some(b'{') => api.is_some_and(|api| {
                let lines = api.framing() == Framing::Ndjson;
                lines && api.read(&exchange.request).is_some_and(|conversation| conversation.stream)
            }),
            first => first.is_some(),
        };
        let mut call = Self {
            index,
            exchange,
            leg,
            play,
            completion: Completion::default(),
            findings: Vec::new(),
            stream,
            reach: Reach::Nothing,
        };
        if !(200..300).contains(&exchange.status) {
            return call;
        }
        call.reach = Reach::Head;
        match api {
            Some(api) if stream => {
                let mut reader = api.stream_reader();
                reader.feed(&body);
                let reading = reader.finish();
                call.completion = reading.completion;
                call.findings = reading.findings;
                call.reach = call.stream_reach();
            }
            Some(api) => {
                if let Ok(completion) = api.read_unary(&body) {
                    call.completion = completion;
                    call.reach = Reach::Terminator;
                }
            }
            None => {}
        }
        call
    }

    fn stream_reach(&self) -> Reach {
        let completion = &self.completion;
        let calls_a_tool = completion.parts.iter().any(|part| matches!(part, Part::ToolCall { .. }));
        // An end mark behind an error finishes nothing: vLLM sends one.
        let failed = completion.visible_error().is_some() && completion.finishes.is_empty();
        if completion.terminator.is_some() && !failed {
            Reach::Terminator
        } else if !completion.finishes.is_empty() {
            Reach::Finish
        } else if completion.deltas.is_empty() && !calls_a_tool {
            Reach::Preamble
        } else if self.said_everything() {
            Reach::LastContent
        } else {
            Reach::Content
        }
    }

    /// Whether the leg said all that it had to say, though it did not finish.
    fn said_everything(&self) -> bool {
        if self.play.and_then(|play| play.cut.as_ref()).is_some_and(|cut| cut.at == At::LastContent) {
            return true;
        }
        let said = &self.exchange.said;
        !said.text.is_empty() && self.rest_of_voice() == said.text
    }

    /// The text that this answer would have in all: the rest of the voice, for a leg that goes on.
    pub(in crate::check) fn rest_of_voice(&self) -> String {
        let said = &self.exchange.said;
        // A leg that goes on may note the whole of the voice or what is left of it. A damaged answer lacks a piece in
        // its middle: how far it agrees tells them apart.
        let rest: String = said.whole.chars().skip(said.from).collect();
        if agreed(&rest, &said.text) > agreed(&said.whole, &said.text) { rest } else { said.whole.clone() }
    }

    /// Whether the leg is behind the first.
    pub(in crate::check) fn is_fallback(&self) -> bool {
        self.leg != Some(0)
    }

    pub(in crate::check) fn name(&self) -> &'a str {
        &self.exchange.leg
    }

    /// Whether the answer was finished: with a finish reason at least.
    pub(in crate::check) fn finished(&self) -> bool {
        self.reach >= Reach::Finish
    }

    /// Whether it began to answer, and did not finish.
    pub(in crate::check) fn truncated(&self) -> bool {
        self.reach >= Reach::Head && !self.finished()
    }

    /// Whether the body came to a proper end on the wire.
    pub(in crate::check) fn ended_cleanly(&self) -> bool {
        match &self.exchange.end {
            UpstreamEnd::Complete => true,
            UpstreamEnd::Cut(effect) => effect == "eof" || effect == "error_event",
            UpstreamEnd::ProxyGone | UpstreamEnd::CaseOver => false,
        }
    }

    /// Whether the script has it fall silent for good.
    pub(in crate::check) fn stalls(&self) -> bool {
        let by = self.play.and_then(|play| play.cut.as_ref()).map(|cut| &cut.by);
        matches!(by, Some(By::Stall(stall)) if stall.r#for.is_none())
    }

    /// Whether the script damages an event. One that comes twice, or not at all, is what the leg said.
    pub(in crate::check) fn damages(&self) -> bool {
        let by = self.play.and_then(|play| play.cut.as_ref()).map(|cut| &cut.by);
        matches!(by, Some(By::BadJson | By::CutEvent | By::CutUtf8 | By::Oversize | By::AfterTerminator))
    }

    /// Whether something in its answer cannot be read: whoever gets that may give it up, however it ends.
    pub(in crate::check) fn damaged(&self) -> bool {
        self.damages() || self.stream && self.findings.iter().any(|finding| finding.level == Level::Must)
    }

    /// Whether it answered to its end, and readably.
    pub(in crate::check) fn whole(&self) -> bool {
        self.reach == Reach::Terminator && !self.damaged()
    }

    /// Whether it was asked to continue and its script has it disobey.
    pub(in crate::check) fn disobeys(&self) -> bool {
        super::is_recognised(&self.exchange.continuation) && self.play.is_some_and(|play| play.obeys != Obeys::Exactly)
    }

    pub(in crate::check) fn is_unrecognised(&self) -> bool {
        matches!(self.exchange.continuation, Continuation::Unrecognised { .. })
    }

    /// Every byte of the body.
    pub(in crate::check) fn body(&self) -> Vec<u8> {
        self.exchange.sent.iter().flat_map(|chunk| chunk.data.0.iter().copied()).collect()
    }

    /// The key that it was sent with.
    pub(in crate::check) fn key(&self) -> Option<String> {
        let api = self.exchange.api.and_then(crate::api::ApiId::spoken)?;
        api.presented_key(&self.exchange.request.target, &self.exchange.request.headers)
    }

    /// The error that the leg told: in the body of its error status, or in its stream.
    pub(in crate::check) fn error_message(&self) -> Option<String> {
        if let Some(refusal) = &self.exchange.refused {
            return Some(refusal.error.message.clone());
        }
        if self.reach > Reach::Nothing {
            return self.completion.errors.first().map(|error| error.message.clone());
        }
        let api = self.exchange.api.and_then(crate::api::ApiId::spoken)?;
        api.read_error(self.exchange.status, &self.body()).map(|error| error.message)
    }

    /// How long the leg asked to be left alone: by its header, or in Google's way in the body of its error.
    pub(in crate::check) fn retry_after(&self) -> Option<Millis> {
        if self.reach > Reach::Nothing {
            return None;
        }
        let scripted = self.play.and_then(|play| play.status.as_ref());
        let scripted = scripted.filter(|status| status.code == self.exchange.status);
        scripted.and_then(|status| status.retry_after).or_else(|| {
            let body: Value = serde_json::from_slice(&self.body()).ok()?;
            let details = body.pointer("/error/details")?.as_array()?;
            let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
            let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
            let millis = std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis();
            u64::try_from(millis).ok().map(Millis)
        })
    }

    /// A refusal, or a status that another try cannot change.
    pub(in crate::check) fn failed_for_good(&self) -> bool {
        self.exchange.refused.is_some() || matches!(self.exchange.status, 400 | 401 | 403 | 404 | 422)
    }
}

/// Characters that two texts begin with alike.
fn agreed(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count()
}
