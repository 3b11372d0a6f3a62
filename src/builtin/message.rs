//! The one message that the client gets, whichever legs speak it.

use std::collections::VecDeque;

use bytes::Bytes;
use serde_json::Value;

use super::cache::{Kept, stream_headers};
use super::continuation::Owed;
use super::edits::edit_say;
use super::failure::{Cause, Failure};
use super::front::{Gateway, now};
use super::hearing::{Heard, is_empty};
use super::outlet::Outlet;
use super::passthrough::{Passing, passes, tell_failure};
use super::relay::Job;
use super::sabotage::Mischief;
use super::speech::Speech;
use super::{AnswerEdit, Cache, Leg};
use crate::api::{Api, ApiId, EncodeContext, FinishReason, Say, StreamWriter, Usage, Written};
use crate::proxy::{AfterContent, AfterError, IdAtSeam, UsageChoice};

/// What the client has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    /// Text.
    pub(super) text: String,
    /// Anything but text: thoughts, a tool call, a refusal.
    pub(super) beyond_text: bool,
}

impl Delivered {
    pub(super) fn is_nothing(&self) -> bool {
        self.text.is_empty() && !self.beyond_text
    }
}

/// A message in the making.
pub(super) struct Message<'a> {
    job: &'a Job,
    gateway: &'a Gateway,
    api: &'static dyn Api,
    context: EncodeContext,
    outlet: Outlet,
    /// Present once the message has begun.
    writer: Option<Box<dyn StreamWriter>>,
    pub(super) delivered: Delivered,
    /// What was said and must wait.
    held: VecDeque<Say>,
    /// How much of it waits, unless the answer is whole.
    holds: usize,
    /// The leg's stream, where it is handed on as it comes.
    passing: Option<Passing>,
    /// What the client was sent, where it is kept.
    sent: Option<Vec<Bytes>>,
    /// Events that wait for the end, by defect.
    late: Vec<u8>,
    /// Tokens of the legs that are done with.
    spent: Usage,
    /// Tokens of the leg at hand.
    spending: Usage,
    seam: Seam,
    /// What defects remember of this answer.
    mischief: Mischief,
}

/// Whether the leg at hand goes on from another.
#[derive(Debug)]
enum Seam {
    No,
    /// Nothing was heard behind it yet.
    Ahead(Owed),
    Behind(Owed),
}

impl<'a> Message<'a> {
    pub(super) fn new(job: &'a Job, outlet: Outlet) -> Self {
        let include_usage = job.asked.rest.get("/stream_options").and_then(|options| options.get("include_usage"));
        let gateway = &job.gateway;
        let context = EncodeContext {
            model: job.route.name.clone(),
            include_usage: include_usage.and_then(Value::as_bool).unwrap_or_default()
                && gateway.promise.usage != UsageChoice::None
                && gateway.sabotage.tells_usage(),
            seed: gateway.seed(),
            created: now(),
            input_tokens: 0,
        };
        let promise = &gateway.promise;
        let holds_all = promise.after_content == AfterContent::BufferAll;
        Self {
            job,
            gateway,
            api: job.api,
            context,
            outlet,
            writer: None,
            delivered: Delivered::default(),
            held: VecDeque::new(),
            holds: if holds_all { usize::MAX } else { promise.buffer as usize },
            passing: None,
            sent: (promise.cache == Cache::Exact).then(Vec::new),
            late: Vec::new(),
            spent: Usage::default(),
            spending: Usage::default(),
            seam: Seam::No,
            mischief: Mischief::default(),
        }
    }

    /// The next leg is asked.
    pub(super) fn next_leg(&mut self) {
        self.held.clear();
        self.gateway.sabotage.next_leg(&mut self.mischief, &self.delivered.text);
        self.spent =
            Usage { input: self.spent.input + self.spending.input, output: self.spent.output + self.spending.output };
        self.spending = Usage::default();
        self.seam = Seam::No;
    }

    /// Hands on what a leg says; gives why its answer ended, if that was whole.
    pub(super) async fn hear(&mut self, leg: &Leg, mut speech: Speech) -> Result<FinishReason, Failure> {
        self.begins(leg, speech.owed.take());
        if self.gateway.sabotage.begins_early() {
            self.begin().await;
        }
        loop {
            let heard = speech.next().await;
            if let Some(usage) = speech.usage() {
                self.spend(usage);
            }
            match heard {
                Heard::Event(event) => self.hand_on(&event).await,
                Heard::Said(say) => self.say(say).await,
                Heard::Failed(failure) => return self.ended(speech, failure).await,
                Heard::Done => return self.ended(speech, Failure::truncated()).await,
            }
        }
    }

    /// The leg is done: whether its answer is whole.
    async fn ended(&mut self, mut speech: Speech, failure: Failure) -> Result<FinishReason, Failure> {
        let reason = speech.ended(failure)?;
        if self.passing.as_ref().is_some_and(Passing::is_exact) {
            self.hand_on(&speech.rest().await).await;
        }
        Ok(reason)
    }

    /// The leg begins; `owed` if it goes on from what was delivered.
    fn begins(&mut self, leg: &Leg, owed: Option<String>) {
        let promise = &self.gateway.promise;
        if promise.edits_answers(AnswerEdit::ModelName) {
            self.context.model.clone_from(&leg.model);
        }
        let passes = self.writer.is_none() && passes(promise, self.api, leg);
        self.passing = passes.then(|| Passing::new(promise.passthrough, self.api.framing()));
        self.seam = owed.map_or(Seam::No, |owed| Seam::Ahead(Owed(owed)));
    }

    /// The tokens that the leg at hand reports, in its API's own words.
    fn spend(&mut self, usage: &Value) {
        self.spending = Usage::read(usage).unwrap_or_default();
    }

    /// The tokens that the client is told.
    fn usage(&self) -> Usage {
        match self.gateway.promise.usage {
            UsageChoice::Sum => Usage {
                input: self.spent.input + self.spending.input,
                output: self.spent.output + self.spending.output,
            },
            UsageChoice::Last => self.spending,
            UsageChoice::None => Usage::default(),
        }
    }

    /// Hands on an event as it came, where that is promised.
    async fn hand_on(&mut self, event: &[u8]) {
        let event = self.passing.as_mut().and_then(|passing| passing.event(event));
        if let Some(event) = event.map(|event| self.gateway.sabotage.passed(event)) {
            self.deliver(event).await;
        }
    }

    /// Hands on what a leg says.
    pub(super) async fn say(&mut self, say: Say) {
        if self.passing.is_some() {
            return self.pass(&say).await;
        }
        self.held.push_back(say);
        while self.held.len() > self.holds
            && let Some(say) = self.held.pop_front()
        {
            self.tell(say).await;
        }
    }

    /// Notes what an event says that is handed on as it came; with the first content all that waited goes out.
    async fn pass(&mut self, say: &Say) {
        if is_empty(say) {
            return;
        }
        match say {
            Say::Text(text) => self.delivered.text.push_str(text),
            _ => self.delivered.beyond_text = true,
        }
        self.pass_all().await;
    }

    async fn pass_all(&mut self) {
        let waiting = self.passing.as_mut().map(|passing| passing.begin(self.api, &mut self.outlet));
        for event in waiting.into_iter().flatten() {
            self.deliver(event).await;
        }
    }

    async fn tell(&mut self, say: Say) {
        let Some(say) = self.gateway.sabotage.heard(&mut self.mischief, say) else { return };
        let Some(say) = self.behind_seam(say).await else { return };
        // What is masked was said all the same: a leg that goes on has to know it.
        if let Say::Text(text) = &say {
            self.delivered.text.push_str(text);
        }
        let Some(say) = edit_say(&self.gateway.promise, say) else { return };
        self.delivered.beyond_text |= !matches!(say, Say::Text(_));
        self.begin().await;
        let written = self.writer.as_mut().map(|writer| writer.say(&say)).unwrap_or_default();
        self.send(written).await;
    }

    /// What of this the client is to hear; a leg that goes on is the same speaker, whose thoughts are over.
    async fn behind_seam(&mut self, say: Say) -> Option<Say> {
        let (first, owed) = match &mut self.seam {
            Seam::No => return Some(say).filter(|say| !is_empty(say)),
            Seam::Ahead(owed) => (true, owed),
            Seam::Behind(owed) => (false, owed),
        };
        let text = match &say {
            Say::Text(text) => owed.settle(text).to_owned(),
            Say::Thinking(_) | Say::Signature(_) => return None,
            _ => return Some(say),
        };
        if text.is_empty() {
            return None;
        }
        if !first {
            return Some(Say::Text(text));
        }
        self.seam = Seam::Behind(std::mem::take(owed));
        self.change_speaker();
        if self.gateway.sabotage.starts_again() {
            let mut writer = self.api.stream_writer(&self.context);
            let written = writer.begin();
            self.writer = Some(writer);
            self.send(written).await;
        }
        Some(Say::Text(self.gateway.sabotage.at_seam(&self.delivered.text, text)))
    }

    /// Whether the client has anything of the message.
    pub(super) fn has_begun(&self) -> bool {
        self.writer.is_some()
    }

    /// The finish that a defect invents for this failure.
    pub(super) fn invented_finish(&self, failure: &Failure) -> Option<FinishReason> {
        self.gateway.sabotage.finishes(&self.mischief, failure).filter(|_| !self.delivered.is_nothing())
    }

    /// Behind a seam the id may be another, and so may the model, where every event tells them.
    fn change_speaker(&mut self) {
        let promise = &self.gateway.promise;
        let changes = promise.id_at_seam == IdAtSeam::Change;
        if self.api.id() != ApiId::OpenaiChat || !(changes || promise.edits_answers(AnswerEdit::ModelName)) {
            return;
        }
        if changes {
            self.context.seed = self.gateway.seed();
        }
        let mut writer = self.api.stream_writer(&self.context);
        // It has begun already.
        drop(writer.begin());
        self.writer = Some(writer);
    }

    /// Begins the message, once.
    async fn begin(&mut self) {
        if self.writer.is_some() {
            return;
        }
        self.context.input_tokens = self.usage().input;
        let mut writer = self.api.stream_writer(&self.context);
        let written = writer.begin();
        self.writer = Some(writer);
        self.outlet.begin(stream_headers(self.api));
        self.send(written).await;
    }

    async fn send(&mut self, written: Vec<Written>) {
        let sabotage = &self.gateway.sabotage;
        for event in sabotage.written(&self.mischief, self.api.id(), written) {
            let bytes = sabotage.delayed(&mut self.late, event.bytes);
            self.deliver(bytes).await;
        }
    }

    async fn deliver(&mut self, event: Vec<u8>) {
        if let Some(sent) = &mut self.sent {
            sent.push(event.clone().into());
        }
        self.outlet.send(event).await;
    }

    /// The answer is whole.
    pub(super) async fn finish(mut self, reason: FinishReason) {
        if self.passing.is_some() {
            self.pass_all().await;
            return self.keep();
        }
        for say in std::mem::take(&mut self.held) {
            self.tell(say).await;
        }
        self.begin().await;
        let sabotage = &self.gateway.sabotage;
        let (reason, usage) = (sabotage.reason(reason), sabotage.usage(self.usage(), self.spending));
        let written = self.writer.as_mut().map(|writer| writer.finish(reason, usage)).unwrap_or_default();
        self.send(sabotage.ending(self.api.id(), written)).await;
        let late = std::mem::take(&mut self.late);
        self.deliver(late).await;
        self.keep();
    }

    /// Keeps the answer for a request that comes again.
    fn keep(&mut self) {
        if let Some(sent) = self.sent.take() {
            self.gateway.answers.keep(self.job, Kept::Stream(sent));
        }
    }

    /// All is lost: an error response, or an error event if the message has begun.
    pub(super) async fn fail(mut self, failure: &Failure) {
        if self.passing.as_ref().is_some_and(Passing::has_begun) {
            // The upstream's own error is out already; whatever else broke breaks here, too.
            if failure.cause != Cause::Refused {
                self.outlet.break_off().await;
            }
            return;
        }
        let Some(writer) = &mut self.writer else {
            return tell_failure(self.job, self.outlet, failure);
        };
        let mut error = failure.shown_in(self.api);
        let sabotage = &self.gateway.sabotage;
        error = sabotage.with_key(&self.job.route, error);
        sabotage.broke(&self.context.model);
        sabotage.spoil(&self.gateway.config, &mut error);
        let written = sabotage.error_events(self.api, &mut **writer, &error);
        self.send(written).await;
        self.outlet.send(self.late).await;
        if self.gateway.promise.after_error == AfterError::Terminator && self.api.id() == ApiId::OpenaiChat {
            // Elsewhere the error itself is the end.
            self.outlet.send(b"data: [DONE]\n\n".to_vec()).await;
        }
    }
}
