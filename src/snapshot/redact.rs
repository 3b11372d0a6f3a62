//! Placeholders for what differs from run to run.

use std::fmt::Write as _;

use serde_json::Value;

use super::volatile::{self, Ids};
use crate::haystack::Haystack;
use crate::history::{Continuation, History, StepHistory, UpstreamExchange};
use crate::scenario::ShapeLeg;

/// Letters that a run of a voice has at least: one of its words.
const LEAST: usize = 7;

/// Replaces what differs from run to run by placeholders; doing it twice changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Exact values with their placeholders, the longest first.
    values: Vec<(String, String)>,
    /// What each leg's voice says, by leg.
    voices: Vec<(String, Vec<char>)>,
    /// The text that the request quotes, if it asks to continue.
    quoted: Option<String>,
    ids: Ids,
}

impl Redactor {
    /// For a request of a step.
    pub fn new(history: &History, step: &StepHistory, exchange: &UpstreamExchange) -> Self {
        let mut values = vec![(history.unique.clone(), "<unique>".to_owned())];
        let proxy = &history.proxy;
        // With one key for all legs, it is the asked leg's.
        let own = proxy.legs.iter().filter(|leg| leg.name == exchange.leg);
        let others = proxy.legs.iter().filter(|leg| leg.name != exchange.leg);
        let keys = own.chain(others).flat_map(|leg| [&leg.key, &leg.spare_key].map(|key| (leg, key)));
        values.extend(keys.map(|(leg, key)| (key.clone(), format!("<key:{}>", leg.name))));
        values.extend(proxy.other_keys.values().map(|key| (key.to_string(), "<key:another route>".to_owned())));
        values.extend(proxy.decoys.iter().map(|(what, value)| (value.clone(), format!("<{what}>"))));
        if let Some(route) = route(history, step) {
            values.push((route, "<route>".to_owned()));
        }
        values.retain(|(value, _)| value.len() >= 4);
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        let quoted = match &exchange.continuation {
            Continuation::Prefill { quoted } | Continuation::UserMessage { quoted } => Some(quoted.trim().to_owned()),
            Continuation::None | Continuation::Unrecognised { .. } => None,
        };
        Self { values, voices: voices(step), quoted: quoted.filter(|text| !text.is_empty()), ids: Ids::default() }
    }

    /// Redacts every string of a JSON value; keys stay as they are.
    pub fn json(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.json(item)),
            Value::Object(fields) => {
                for (name, field) in fields.iter_mut() {
                    // How a model is spelled is what a snapshot is about.
                    if name == "model"
                        && let Value::String(text) = field
                    {
                        *text = self.values(text);
                    } else {
                        self.json(field);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Redacts a text.
    pub fn text(&mut self, text: &str) -> String {
        if let Some(whole) = self.quotation(text) {
            return whole;
        }
        let text = self.values(text);
        let text = self.outside_placeholders(&text, |plain| self.runs(plain));
        let mut ids = std::mem::take(&mut self.ids);
        let text = self.outside_placeholders(&text, |plain| volatile::replace(plain, &mut ids));
        self.ids = ids;
        text
    }

    /// Exact values alone.
    pub fn values(&self, text: &str) -> String {
        let haystack = Haystack::of(text);
        let mut text = text.to_owned();
        for (value, placeholder) in self.values.iter().filter(|(value, _)| haystack.contains(value)) {
            text = self.outside_placeholders(&text, |plain| plain.replace(value, placeholder));
        }
        text
    }

    /// Applies `edit` to what stands outside of placeholders, so that nothing is redacted twice.
    fn outside_placeholders(&self, text: &str, mut edit: impl FnMut(&str) -> String) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((start, end)) = self.placeholder(rest) {
            out.push_str(&edit(&rest[..start]));
            out.push_str(&rest[start..end]);
            rest = &rest[end..];
        }
        out.push_str(&edit(rest));
        out
    }

    /// The first placeholder that this redactor writes; tags of the request's own are none.
    fn placeholder(&self, text: &str) -> Option<(usize, usize)> {
        text.match_indices('<').find_map(|(start, _)| {
            let end = start + text[start..].find('>')? + 1;
            let all = &text[start..end];
            let ours = self.values.iter().any(|(_, placeholder)| placeholder == all)
                || volatile::is_placeholder(all)
                || self.is_range(&all[1..all.len() - 1]);
            ours.then_some((start, end))
        })
    }

    /// `primary:0..23`.
    fn is_range(&self, inner: &str) -> bool {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        inner.rsplit_once(':').is_some_and(|(leg, range)| {
            self.voices.iter().any(|(voice, _)| voice == leg)
                && range.split_once("..").is_some_and(|(from, to)| number(from) && number(to))
        })
    }

    /// A text that is nothing but what the request quotes, however short.
    fn quotation(&self, text: &str) -> Option<String> {
        let quoted = self.quoted.as_deref()?;
        if text.trim() != quoted {
            return None;
        }
        let chars: Vec<char> = quoted.chars().collect();
        let (leg, _) = self.voices.iter().find(|(_, voice)| voice.starts_with(&chars))?;
        Some(text.replacen(quoted, &format!("<{leg}:0..{}>", chars.len()), 1))
    }

    /// Runs of a voice, blanks at their ends left outside.
    fn runs(&self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < chars.len() {
            // Inside a word of the request, letters agree with a voice by chance alone.
            let inside = at > 0 && chars[at - 1].is_alphanumeric();
            let best = if inside { None } else { self.longest(&chars[at..]) };
            if let Some((leg, from, len)) = best {
                let _ = write!(out, "<{leg}:{from}..{}>", from + len);
                at += len;
            } else {
                out.push(chars[at]);
                at += 1;
            }
        }
        out
    }

    fn longest(&self, rest: &[char]) -> Option<(&str, usize, usize)> {
        let first = rest.first().filter(|c| !c.is_whitespace())?;
        let mut best: Option<(&str, usize, usize)> = None;
        for (leg, voice) in &self.voices {
            let starts = voice.iter().enumerate().filter(|(_, c)| *c == first).map(|(from, _)| from);
            for from in starts {
                let same = rest.iter().zip(&voice[from..]).take_while(|(a, b)| a == b).count();
                let len = whole_words(rest, same);
                let letters = rest[..len].iter().filter(|c| c.is_alphabetic()).count();
                if letters >= LEAST && best.is_none_or(|(_, _, longest)| len > longest) {
                    best = Some((leg, from, len));
                }
            }
        }
        best
    }
}

/// How much of the first `same` characters is a run: a word that goes on otherwise in the request agrees with the voice
/// by its first letters alone, and blanks at the end stay outside.
fn whole_words(rest: &[char], same: usize) -> usize {
    let mut len = same;
    if rest.get(len).is_some_and(|c| c.is_alphanumeric()) {
        len -= rest[..len].iter().rev().take_while(|c| c.is_alphanumeric()).count();
    }
    len - rest[..len].iter().rev().take_while(|c| c.is_whitespace()).count()
}

/// The name by which the client asked for its route: it differs from slot to slot.
fn route(history: &History, step: &StepHistory) -> Option<String> {
    let body = step.client.request.json()?;
    let model = body.get("model")?.as_str()?.to_owned();
    let own = |leg: &ShapeLeg| leg.model.model == model || leg.model.to_string() == model;
    let real = history.case.shape.legs.iter().any(own);
    (!real).then_some(model)
}

/// What each voice says in a step. A cassette's words are the same in every run, and are left as they are.
fn voices(step: &StepHistory) -> Vec<(String, Vec<char>)> {
    let mut out: Vec<(String, Vec<char>)> = Vec::new();
    for exchange in &step.upstream {
        let said = &exchange.said;
        if said.cassette || said.from > 0 || said.voice.is_empty() {
            continue;
        }
        let text = if said.whole.len() >= said.text.len() { &said.whole } else { &said.text };
        let voice: Vec<char> = text.chars().collect();
        match out.iter_mut().find(|(leg, _)| *leg == said.voice) {
            Some((_, known)) if voice.len() > known.len() => *known = voice,
            Some(_) => {}
            None => out.push((said.voice.clone(), voice)),
        }
    }
    out
}
