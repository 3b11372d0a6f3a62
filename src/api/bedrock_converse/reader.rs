//! Reading a stream message by message.

use super::grammar::ConverseGrammar;
use crate::answer::Mark;
use crate::api::reading::Seen;
use crate::api::{Completion, Level, Reading, Say, StreamReader};
use crate::eventstream::{Decoder, Message};

/// Reads a stream by its grammar.
#[derive(Debug, Default)]
pub(super) struct ConverseReader {
    decoder: Decoder,
    grammar: ConverseGrammar,
    seen: Seen,
}

impl ConverseReader {
    fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&Message, Vec<Say>, &mut Seen)) {
        for message in self.decoder.feed(bytes) {
            let says = self.grammar.step(&message, &mut self.seen);
            each(&message, says, &mut self.seen);
            self.seen.piece = None;
        }
    }
}

impl StreamReader for ConverseReader {
    fn feed(&mut self, bytes: &[u8]) -> Vec<Say> {
        let mut said = Vec::new();
        self.take(bytes, |_, says, _| said.extend(says));
        said
    }

    fn so_far(&self) -> &Completion {
        &self.seen.completion
    }

    fn finish(self: Box<Self>) -> Reading {
        let Self { decoder, grammar, mut seen } = *self;
        grammar.end(&mut seen);
        if let Some(damage) = decoder.damage() {
            seen.find(damage.rule.id(), Level::Must, damage.offset, damage.message.clone());
        }
        let mut findings = seen.findings;
        findings.sort_by_key(|finding| finding.offset);
        Reading { completion: seen.completion, findings }
    }
}

/// Where the messages of a body stand and what they say.
pub(super) fn marks(body: &[u8]) -> Vec<Mark> {
    let mut marks = Vec::new();
    ConverseReader::default().take(body, |message, _, seen| {
        let (start, end) = (message.span.start, message.span.end);
        marks.push(Mark { start, end, stage: seen.stage, piece: seen.piece.take() });
    });
    marks
}
