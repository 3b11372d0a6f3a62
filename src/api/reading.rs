//! Reading streams: what the APIs have in common, whatever frames their events.

use std::ops::Range;

use serde_json::Value;

use super::{Completion, Delta, Finding, FinishReason, Level, Part, PieceKind, Reading, Say, Start, StreamReader};
use crate::answer::{Mark, Piece, Stage};
use crate::{eventstream, ndjson, sse};

/// The JSON object that one server-sent event carries.
pub(super) fn event_json(event: &[u8]) -> Option<serde_json::Map<String, Value>> {
    let event = sse::Decoder::new().feed(event).into_iter().next()?;
    serde_json::from_str(&event.data).ok()
}

/// Findings that are kept of one stream.
const MAX_FINDINGS: usize = 200;

/// The decoder of a framing: bytes in, events out.
pub(super) trait Source: Default + Send + std::fmt::Debug {
    /// An event.
    type Event;
    /// What the framing itself demands.
    type Rule: Copy;

    /// Takes the next bytes and gives the events that they complete.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Self::Event>;

    /// What was found since it was last asked.
    fn take_findings(&mut self) -> Vec<Found<Self::Rule>>;

    /// The body is over: the event in which it ended, and what was found besides.
    fn finish(self) -> (Option<Self::Event>, Vec<Found<Self::Rule>>);

    /// Where an event stands in the body.
    fn place(event: &Self::Event, body: &[u8]) -> Range<usize>;

    /// Whether what a rule objects to is usual in this framing.
    fn is_usual(_rule: Self::Rule) -> bool {
        false
    }
}

/// A deviation from a framing; how strictly it counts is the API's.
#[derive(Debug)]
pub(super) struct Found<R> {
    rule: R,
    id: &'static str,
    offset: usize,
    message: String,
}

impl Source for sse::Decoder {
    type Event = sse::Event;
    type Rule = sse::Rule;

    fn feed(&mut self, bytes: &[u8]) -> Vec<sse::Event> {
        self.feed(bytes)
    }

    fn take_findings(&mut self) -> Vec<Found<sse::Rule>> {
        self.take_findings().into_iter().map(of_sse).collect()
    }

    fn finish(self) -> (Option<sse::Event>, Vec<Found<sse::Rule>>) {
        let tail = self.finish();
        (tail.unfinished, tail.findings.into_iter().map(of_sse).collect())
    }

    fn place(event: &sse::Event, body: &[u8]) -> Range<usize> {
        let mut end = event.span.end;
        // The LF of a CR LF belongs to the blank line that it ends.
        if body.get(end.wrapping_sub(1)) == Some(&b'\r') && body.get(end) == Some(&b'\n') {
            end += 1;
        }
        event.span.start..end
    }

    fn is_usual(rule: sse::Rule) -> bool {
        rule == sse::Rule::Comment
    }
}

fn of_sse(found: sse::Finding) -> Found<sse::Rule> {
    Found { rule: found.rule, id: found.rule.id(), offset: found.offset, message: found.message }
}

impl Source for eventstream::Decoder {
    type Event = eventstream::Message;
    type Rule = eventstream::Rule;

    fn feed(&mut self, bytes: &[u8]) -> Vec<eventstream::Message> {
        self.feed(bytes)
    }

    fn take_findings(&mut self) -> Vec<Found<eventstream::Rule>> {
        // What is damaged is the end of it all.
        Vec::new()
    }

    fn finish(self) -> (Option<eventstream::Message>, Vec<Found<eventstream::Rule>>) {
        let found = self.damage().map(|damage| Found {
            rule: damage.rule,
            id: damage.rule.id(),
            offset: damage.offset,
            message: damage.message.clone(),
        });
        (None, found.into_iter().collect())
    }

    fn place(event: &eventstream::Message, _body: &[u8]) -> Range<usize> {
        event.span.clone()
    }
}

impl Source for ndjson::Decoder {
    type Event = ndjson::Line;
    type Rule = ndjson::Rule;

    fn feed(&mut self, bytes: &[u8]) -> Vec<ndjson::Line> {
        self.feed(bytes)
    }

    fn take_findings(&mut self) -> Vec<Found<ndjson::Rule>> {
        let found = self.take_findings().into_iter();
        found.map(|f| Found { rule: f.rule, id: f.rule.id(), offset: f.offset, message: f.message }).collect()
    }

    fn finish(mut self) -> (Option<ndjson::Line>, Vec<Found<ndjson::Rule>>) {
        let line = ndjson::Decoder::finish(&mut self);
        // Half a character at the very end is truncation.
        let is_cut = |found: &Found<ndjson::Rule>| {
            line.as_ref().is_some_and(|line| found.rule == ndjson::Rule::Utf8 && line.span.contains(&found.offset))
        };
        let found = Source::take_findings(&mut self).into_iter().filter(|found| !is_cut(found)).collect();
        (line, found)
    }

    fn place(event: &ndjson::Line, _body: &[u8]) -> Range<usize> {
        event.span.clone()
    }
}

/// The rules of an API's framing.
pub(super) type RuleOf<G> = <<G as Grammar>::Source as Source>::Rule;

/// The grammar of one API's stream: a state machine over events.
pub(super) trait Grammar: Default + Send + std::fmt::Debug {
    /// What frames its events.
    type Source: Source;

    /// Takes one event.
    fn step(&mut self, event: &<Self::Source as Source>::Event, seen: &mut Seen) -> Vec<Say>;

    /// The body ended inside this event.
    fn unfinished(&mut self, _event: &<Self::Source as Source>::Event, _seen: &mut Seen) {}

    /// The body is over.
    fn end(&mut self, seen: &mut Seen);

    /// How strictly a rule of the framing binds here: MUST where an official SDK of this API trips over it.
    fn level(rule: RuleOf<Self>) -> Level;

    /// Whether what a rule of the framing objects to is usual here.
    fn ignores(rule: RuleOf<Self>) -> bool {
        Self::Source::is_usual(rule)
    }
}

/// What was seen of a stream so far.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) completion: Completion,
    pub(super) findings: Vec<Finding>,
    /// How far the stream has got.
    pub(super) stage: Stage,
    /// What the event at hand carries.
    pub(super) piece: Option<Piece>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { completion: Completion::default(), findings: Vec::new(), stage: Stage::Preamble, piece: None }
    }
}

impl Seen {
    /// Notes a deviation.
    pub(super) fn find(&mut self, rule: &str, level: Level, offset: usize, message: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { rule: rule.to_owned(), level, offset, message: message.into() });
        }
    }

    /// The stream has got this far; it never goes back.
    pub(super) fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }

    /// A message begins.
    pub(super) fn start(&mut self, offset: usize, id: Option<&str>, model: Option<&str>) {
        self.completion.starts.push(Start { offset, id: id.map(str::to_owned), model: model.map(str::to_owned) });
        self.name(id, model);
    }

    /// An id and a model are named.
    pub(super) fn name(&mut self, id: Option<&str>, model: Option<&str>) {
        for (list, value) in [(&mut self.completion.ids, id), (&mut self.completion.models, model)] {
            if let Some(value) = value
                && !list.iter().any(|known| known == value)
                && list.len() < 100
            {
                list.push(value.to_owned());
            }
        }
    }

    /// Content: a delta that is not empty, added to the part with this number.
    pub(super) fn content(&mut self, offset: usize, kind: PieceKind, part: usize, more: &str) {
        self.reach(Stage::Content);
        self.completion.deltas.push(Delta { offset, kind, text: more.to_owned() });
        self.piece.get_or_insert_with(|| Piece { kind, text: more.to_owned() });
        if kind == PieceKind::Text {
            self.completion.text.push_str(more);
        }
        self.append(part, more);
    }

    /// Adds to a part what is no part of the answer that is followed (further choices).
    pub(super) fn append(&mut self, part: usize, more: &str) {
        match self.completion.parts.get_mut(part) {
            Some(Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text }) => text.push_str(more),
            Some(Part::ToolCall { arguments: Value::String(text), .. }) => text.push_str(more),
            _ => {}
        }
    }

    /// Begins a part and gives its number.
    pub(super) fn part(&mut self, part: Part) -> usize {
        self.completion.parts.push(part);
        self.completion.parts.len() - 1
    }

    /// A part of an answer in one piece.
    pub(super) fn whole(&mut self, kind: PieceKind, mut part: Part, text: &str) {
        if let Part::ToolCall { arguments: Value::String(said), .. } = &mut part {
            // What did not parse is added as it was written.
            said.clear();
        }
        let part = self.part(part);
        if !text.is_empty() {
            self.content(0, kind, part, text);
        }
    }

    /// The arguments of a tool call are whole; `false` if they are not JSON.
    pub(super) fn close_call(&mut self, part: usize) -> bool {
        if let Some(Part::ToolCall { arguments, .. }) = self.completion.parts.get_mut(part)
            && let Value::String(text) = &*arguments
        {
            *arguments = super::body::parse_arguments(text);
            return !arguments.is_string();
        }
        true
    }

    /// The answer says why it ended.
    pub(super) fn finish(&mut self, offset: usize, reason: FinishReason, raw: &str) {
        self.reach(Stage::Finish);
        self.completion.finishes.push(super::Finish { offset, reason, raw: raw.to_owned() });
    }

    /// The end mark came.
    pub(super) fn terminator(&mut self, offset: usize) {
        self.reach(Stage::Terminator);
        self.completion.terminator.get_or_insert(offset);
    }
}

/// Reads a stream by its grammar.
#[derive(Debug)]
pub(super) struct Reader<G: Grammar> {
    source: G::Source,
    grammar: G,
    seen: Seen,
}

impl<G: Grammar> Default for Reader<G> {
    fn default() -> Self {
        Self { source: G::Source::default(), grammar: G::default(), seen: Seen::default() }
    }
}

impl<G: Grammar> Reader<G> {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&<G::Source as Source>::Event, Vec<Say>, &mut Seen)) {
        let events = self.source.feed(bytes);
        note::<G>(self.source.take_findings(), &mut self.seen);
        for event in events {
            let says = self.grammar.step(&event, &mut self.seen);
            each(&event, says, &mut self.seen);
            self.seen.piece = None;
        }
    }
}

/// Notes what the framing objects to.
fn note<G: Grammar>(found: Vec<Found<RuleOf<G>>>, seen: &mut Seen) {
    for found in found.into_iter().filter(|found| !G::ignores(found.rule)) {
        seen.find(found.id, G::level(found.rule), found.offset, found.message);
    }
}

impl<G: Grammar + 'static> StreamReader for Reader<G> {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Say> {
        let mut said = Vec::new();
        self.take(bytes, |_, says, _| said.extend(says));
        said
    }

    fn so_far(&self) -> &Completion {
        &self.seen.completion
    }

    fn finish(self: Box<Self>) -> Reading {
        let Self { source, mut grammar, mut seen } = *self;
        let (unfinished, found) = source.finish();
        note::<G>(found, &mut seen);
        if let Some(event) = &unfinished {
            grammar.unfinished(event, &mut seen);
        }
        grammar.end(&mut seen);
        let mut findings = seen.findings;
        findings.sort_by_key(|finding| finding.offset);
        Reading { completion: seen.completion, findings }
    }
}

/// Where the events of a body stand and what they say.
pub(super) fn marks<G: Grammar>(body: &[u8]) -> Vec<Mark> {
    let mut marks = Vec::new();
    Reader::<G>::default().take(body, |event, _, seen| {
        let Range { start, end } = G::Source::place(event, body);
        marks.push(Mark { start, end, stage: seen.stage, piece: seen.piece.take() });
    });
    marks
}
