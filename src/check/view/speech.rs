//! What the client heard, channel by channel, and who said it.

use serde_json::Value;

use super::attribute::{Segment, Source, attribute};
use super::flaws::{Flaw, flaws};
use super::{Call, ClientView, Form, every_two};
use crate::api::{Completion, Part, PieceKind};
use crate::check::{Run, Speaker};

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Channel {
    /// Text of the answer, a refusal too: where an API has no field for it, it is said as text.
    Text,
    /// Arguments of tool calls, joined, without blanks.
    Arguments,
    /// Reasoning.
    Thinking,
}

impl Channel {
    const ALL: [Self; 3] = [Self::Text, Self::Arguments, Self::Thinking];

    /// In words, for a reason.
    pub(in crate::check) fn words(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Arguments => "tool arguments",
            Self::Thinking => "thinking",
        }
    }

    /// What an answer says on this channel before byte `until`.
    pub(in crate::check) fn of(self, answer: &Completion, until: Option<usize>) -> String {
        let kinds: &[PieceKind] = match self {
            Self::Text => &[PieceKind::Text, PieceKind::Refusal],
            Self::Thinking => &[PieceKind::Thinking],
            Self::Arguments => return arguments(&answer.parts),
        };
        if let Some(until) = until {
            let heard = answer.deltas.iter().filter(|delta| kinds.contains(&delta.kind) && delta.offset < until);
            return heard.map(|delta| delta.text.as_str()).collect();
        }
        let parts = answer.parts.iter().filter_map(|part| match (self, part) {
            (Self::Text, Part::Text { text, .. } | Part::Refusal { text })
            | (Self::Thinking, Part::Thinking { text, .. }) => Some(text.as_str()),
            _ => None,
        });
        parts.collect()
    }
}

/// Arguments as they are compared: JSON written one way, blanks left out, no arguments at all for none.
fn arguments(parts: &[Part]) -> String {
    let calls = parts.iter().filter_map(|part| match part {
        Part::ToolCall { arguments, .. } => Some(arguments),
        _ => None,
    });
    let texts = calls.map(|arguments| match arguments {
        Value::String(text) => text.clone(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    });
    texts.collect::<String>().chars().filter(|c| !c.is_whitespace()).collect()
}

/// What was heard on one channel.
#[derive(Debug)]
pub(in crate::check) struct Heard {
    pub(in crate::check) channel: Channel,
    pub(in crate::check) text: Vec<char>,
    pub(in crate::check) sources: Vec<Source>,
    pub(in crate::check) segments: Vec<Segment>,
    pub(in crate::check) flaws: Vec<Flaw>,
}

impl Heard {
    /// Calls whose words the client got, blanks alone not counted, in the order in which they were heard.
    pub(in crate::check) fn calls(&self) -> Vec<usize> {
        let mut calls = Vec::new();
        for segment in &self.segments {
            let text = &self.text[segment.start..segment.start + segment.len];
            if let Some((number, _)) = segment.at
                && text.iter().any(|c| !c.is_whitespace())
                && calls.last() != Some(&self.sources[number].call)
            {
                calls.push(self.sources[number].call);
            }
        }
        calls
    }

    /// What the client lacks of the end of an answer that this call finished.
    pub(in crate::check) fn missing_end(&self, call: usize) -> Option<String> {
        let source = self.sources.iter().find(|source| source.call == call)?;
        let heard = self.segments.iter().rev().find_map(|segment| {
            let (number, offset) = segment.at?;
            let other = &self.sources[number];
            (other.voice == source.voice).then_some(other.from + offset + segment.len)
        });
        let missing: String = match heard {
            Some(heard) => source.text.iter().skip(heard.saturating_sub(source.from)).collect(),
            None => source.text.iter().collect(),
        };
        (!missing.is_empty()).then_some(missing)
    }
}

/// What the client heard.
#[derive(Debug)]
pub(in crate::check) struct Hearing {
    /// One for each channel.
    pub(in crate::check) channels: Vec<Heard>,
    /// Two legs play the same text: nothing can be attributed.
    pub(in crate::check) same_words: bool,
}

impl Hearing {
    pub(super) fn of(client: &ClientView<'_>, calls: &[Call<'_>]) -> Self {
        let until = match client.form {
            Form::Stream => client.raises.as_ref().map(|(offset, _)| *offset),
            _ => None,
        };
        let channels = Channel::ALL.into_iter().map(|channel| {
            let text: Vec<char> = channel.of(&client.answer, until).chars().collect();
            let sources = sources(channel, calls);
            let segments = attribute(&text, &sources);
            let flaws = flaws(&text, &segments, &sources);
            Heard { channel, text, sources, segments, flaws }
        });
        Self { channels: channels.collect(), same_words: same_words(calls) }
    }

    pub(in crate::check) fn text(&self) -> &Heard {
        &self.channels[0]
    }

    /// Calls whose content of any kind the client got, in the order of the calls.
    pub(in crate::check) fn delivered(&self) -> Vec<usize> {
        let mut calls: Vec<usize> = self.channels.iter().flat_map(Heard::calls).collect();
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// Whether the client got any content.
    pub(in crate::check) fn anything(&self) -> bool {
        self.channels.iter().any(|heard| heard.text.iter().any(|c| !c.is_whitespace()))
    }

    pub(in crate::check) fn flaws(&self) -> impl Iterator<Item = (&Heard, &Flaw)> {
        self.channels.iter().flat_map(|heard| heard.flaws.iter().map(move |flaw| (heard, flaw)))
    }

    /// The client's text with its speakers.
    pub(super) fn runs(&self, calls: &[Call<'_>]) -> Vec<Run> {
        let heard = self.text();
        let runs = heard.segments.iter().map(|segment| {
            let text = heard.text[segment.start..segment.start + segment.len].iter().collect();
            let speaker = segment.at.map(|(number, offset)| {
                let source = &heard.sources[number];
                let call = &calls[source.call];
                Speaker {
                    exchange: call.index,
                    leg: call.name().to_owned(),
                    voice: source.voice.clone(),
                    from: source.from + offset,
                }
            });
            Run { text, speaker }
        });
        runs.collect()
    }
}

fn sources(channel: Channel, calls: &[Call<'_>]) -> Vec<Source> {
    let sources = calls.iter().enumerate().filter_map(|(number, call)| {
        let sent = channel.of(&call.completion, None);
        let said = &call.exchange.said;
        let (voice, from, text) = if channel == Channel::Text {
            let voice = if said.voice.is_empty() { call.name() } else { &said.voice };
            let text = if call.damages() && !said.whole.is_empty() {
                // The damaged event was to be said: without it the answer is not whole.
                call.rest_of_voice()
            } else if said.text.starts_with(&sent) {
                said.text.clone()
            } else {
                sent
            };
            (voice.to_owned(), said.from, text)
        } else {
            (call.name().to_owned(), 0, sent)
        };
        (!text.is_empty()).then(|| Source { call: number, voice, from, text: text.chars().collect() })
    });
    sources.collect()
}

/// Whether two legs of different voices play the same text, or one the beginning of the other's.
fn same_words(calls: &[Call<'_>]) -> bool {
    let spoken = calls.iter().filter(|call| !call.exchange.said.text.trim().is_empty());
    let spoken: Vec<_> = spoken.map(|call| &call.exchange.said).collect();
    every_two(&spoken).any(|(one, other)| {
        one.voice != other.voice
            && (one.cassette || other.cassette)
            && (one.text.starts_with(&other.text) || other.text.starts_with(&one.text))
    })
}
