//! The one message that the client gets, whichever legs speak it.

use serde_json::Value;

use super::continuation::Owed;
use super::edits::edit_say;
use super::failure::Failure;
use super::front::{Gateway, now};
use super::hearing::is_empty;
use super::outlet::Outlet;
use super::relay::Job;
use super::sabotage::Mischief;
use crate::api::{Api, ApiError, EncodeContext, FinishReason, Say, StreamWriter, Usage, Written};
use crate::proxy::AfterContent;
use crate::wire::Headers;

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
    gateway: &'a Gateway,
    api: &'static dyn Api,
    context: EncodeContext,
    outlet: Outlet,
    /// Present once the message has begun.
    writer: Option<Box<dyn StreamWriter>>,
    pub(super) delivered: Delivered,
    /// What was said but must wait until the answer is whole.
    held: Option<Vec<Say>>,
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
            include_usage: include_usage.and_then(Value::as_bool).unwrap_or_default() && gateway.sabotage.tells_usage(),
            seed: gateway.seed(),
            created: now(),
            input_tokens: 0,
        };
        Self {
            gateway,
            api: job.api,
            context,
            outlet,
            writer: None,
            delivered: Delivered::default(),
            held: (gateway.promise.after_content == AfterContent::BufferAll).then(Vec::new),
            late: Vec::new(),
            spent: Usage::default(),
            spending: Usage::default(),
            seam: Seam::No,
            mischief: Mischief::default(),
        }
    }

    /// The next leg is asked.
    pub(super) fn next_leg(&mut self) {
        if let Some(held) = &mut self.held {
            held.clear();
        }
        self.gateway.sabotage.next_leg(&mut self.mischief, &self.delivered.text);
        self.spent = self.usage();
        self.spending = Usage::default();
        self.seam = Seam::No;
    }

    /// The leg begins; `owed` if it goes on from what was delivered.
    pub(super) fn owes(&mut self, owed: Option<String>) {
        self.seam = owed.map_or(Seam::No, |owed| Seam::Ahead(Owed(owed)));
    }

    /// The tokens that the leg at hand reports, in its API's own words.
    pub(super) fn spend(&mut self, usage: &Value) {
        self.spending = Usage::read(usage).unwrap_or_default();
    }

    fn usage(&self) -> Usage {
        Usage { input: self.spent.input + self.spending.input, output: self.spent.output + self.spending.output }
    }

    /// Hands on what a leg says.
    pub(super) async fn say(&mut self, say: Say) {
        match &mut self.held {
            Some(held) => held.push(say),
            None => self.tell(say).await,
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

    /// Begins the message, once.
    pub(super) async fn begin(&mut self) {
        if self.writer.is_some() {
            return;
        }
        self.context.input_tokens = self.usage().input;
        let mut writer = self.api.stream_writer(&self.context);
        let written = writer.begin();
        self.writer = Some(writer);
        let headers = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")];
        self.outlet.begin(headers.into_iter().collect::<Headers>());
        self.send(written).await;
    }

    async fn send(&mut self, written: Vec<Written>) {
        let sabotage = &self.gateway.sabotage;
        for event in sabotage.written(&self.mischief, self.api.id(), written) {
            self.outlet.send(sabotage.delayed(&mut self.late, event.bytes)).await;
        }
    }

    /// The answer is whole.
    pub(super) async fn finish(mut self, reason: FinishReason) {
        for say in self.held.take().unwrap_or_default() {
            self.tell(say).await;
        }
        self.begin().await;
        let sabotage = &self.gateway.sabotage;
        let (reason, usage) = (sabotage.reason(reason), sabotage.usage(self.usage(), self.spending));
        let written = self.writer.as_mut().map(|writer| writer.finish(reason, usage)).unwrap_or_default();
        self.send(sabotage.ending(written)).await;
        self.outlet.send(self.late).await;
    }

    /// All is lost: an error response, or an error event if the message has begun.
    pub(super) async fn fail(mut self, mut error: ApiError, retry_after: Option<&str>) {
        let Some(writer) = &mut self.writer else {
            return self.gateway.fail(self.api, self.outlet, error, retry_after);
        };
        let sabotage = &self.gateway.sabotage;
        sabotage.broke(&self.context.model);
        sabotage.spoil(&self.gateway.config, &mut error);
        let written = sabotage.error_events(self.api, &mut **writer, &error);
        self.send(written).await;
        self.outlet.send(self.late).await;
    }
}
