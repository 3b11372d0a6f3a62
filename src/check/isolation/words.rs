//! `isolation.words`: whose words are in what the client got, and in what the legs were asked.
//!
//! Every word of a run is invented and can be decoded back to its voice. By chance, another word can look like one:
//! of the strings of seven letters that have the shape of a word, one in 15,000,000 / 24n is a word of n voices (for
//! a thousand voices, one in 600), of eight one in 8,000, of nine up to one in 35. That a given text has two that are
//! words of one and the same voice is another thousand times less likely. So a lone word is not enough, unless it is
//! one of the few unique words (one in a million), or two of one voice are found.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::answer::{Lexicon, word_shapes};
use crate::api::{Completion, Part};
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::view::StepView;
use crate::check::{Evidence, Level};
use crate::history::{ClientExchange, Control, History, RunWords};
use crate::wire::{Headers, Request};

/// `isolation.words`.
pub(in crate::check) const WORDS: Check = Check {
    judge: Judge::Case(words),
    info: CheckInfo {
        id: "isolation.words",
        level: Level::Must,
        requirement: "No word of another case reaches this case's client or legs.",
        rationale: "What one user was told, or asked, in another's answer is the worst that a proxy can do.",
        passes: "Every invented word that the client or a leg got is one of this case.",
        fails: "A word of another case's answer in the client's text, arguments, errors or headers; another client's \
                words in a leg's request.",
        sources: &[],
    },
};

/// A word that belongs to another case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Foreign {
    /// The voice; 0 is that of the unique words.
    pub(crate) voice: u64,
    /// Number of the word in its voice.
    pub(crate) number: u64,
    /// The word.
    pub(crate) word: String,
    /// `client`, or `upstream 2`, with the step where there are several.
    pub(crate) exchange: String,
}

fn words(history: &History) -> Found {
    let Some(run) = &history.words else {
        return Found::not_exercised("the history does not say whose words are whose");
    };
    let found = foreign(history);
    let owner = |foreign: &Foreign| match run.owners.get(&owner_key(foreign)) {
        Some(owner) => format!("`{owner}`"),
        None if foreign.voice >= run.others_from => "a neighbour, a control or a plain request".to_owned(),
        None => "another case".to_owned(),
    };
    let evidence = |foreign: &Foreign| Evidence {
        exchange: foreign.exchange.clone(),
        path: None,
        expected: None,
        got: Some(format!("`{}`, word {} of {}", foreign.word, foreign.number, owner(foreign))),
    };
    let mut by_voice: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for foreign in &found {
        by_voice.entry(foreign.voice).or_default().insert(&foreign.word);
    }
    let certain = |foreign: &&Foreign| foreign.voice == 0 || by_voice[&foreign.voice].len() > 1;
    if let Some(first) = found.iter().find(certain) {
        let reason = format!("{} got `{}`, a word of {}", first.exchange, first.word, owner(first));
        return Found::fail(reason).with_all(found.iter().filter(certain).map(evidence));
    }
    if let Some(first) = found.first() {
        let reason = format!(
            "{} got `{}`, which is a word of {}, but one alone may be chance",
            first.exchange,
            first.word,
            owner(first)
        );
        return Found::inconclusive(reason).with_all(found.iter().map(evidence));
    }
    Found::pass()
}

/// The key of a word's owner: a voice is one case's, the unique words are one by one.
pub(crate) fn owner_key(foreign: &Foreign) -> String {
    if foreign.voice == 0 { format!("0/{}", foreign.number) } else { foreign.voice.to_string() }
}

/// Every word in what the client and the legs got that the run gave to another case, and that nothing of this case
/// said: not its client, its legs or cassettes, nor its controls.
pub(crate) fn foreign(history: &History) -> Vec<Foreign> {
    let Some(run) = &history.words else { return Vec::new() };
    let mut found = foreign_to(history, run, "");
    // What a neighbour's own legs said is its own; voices and unique words are told apart by that alone.
    let others = RunWords { own_voices: Vec::new(), own_uniques: Vec::new(), ..run.clone() };
    for (number, neighbour) in history.beside.iter().enumerate() {
        found.extend(foreign_to(neighbour, &others, &format!("neighbour {}: ", number + 1)));
    }
    found
}

fn foreign_to(history: &History, run: &RunWords, whose: &str) -> Vec<Foreign> {
    let steps = StepView::of(history);
    let mut own = Texts::default();
    own.add(&history.unique);
    for step in &steps {
        own.request(&step.client.exchange.request);
        for call in &step.calls {
            own.completion(&call.completion);
            own.add(&call.exchange.said.whole);
        }
        for exchange in &step.step.upstream {
            let sent: Vec<u8> = exchange.sent.iter().flat_map(|chunk| chunk.data.0.iter().copied()).collect();
            own.bytes(&sent);
        }
        step.step.controls.values().for_each(|control| own.control(control));
    }
    let mut found = BTreeSet::new();
    let mut take = |exchange: String, texts: &Texts| {
        for word in texts.words.difference(&own.words) {
            if let Some((voice, number)) = decode(run, word) {
                found.insert(Foreign { voice, number, word: word.clone(), exchange: exchange.clone() });
            }
        }
    };
    for step in &steps {
        let mut heard = Texts::default();
        heard.completion(&step.client.answer);
        heard.client(step.client.exchange);
        take(format!("{whose}{}", step.client_name()), &heard);
        for (index, exchange) in step.step.upstream.iter().enumerate() {
            let mut asked = Texts::default();
            asked.request(&exchange.request);
            take(format!("{whose}{}", step.upstream(index)), &asked);
        }
    }
    found.into_iter().collect()
}

/// The voice and number of a word that the run gave to someone else.
fn decode(run: &RunWords, word: &str) -> Option<(u64, u64)> {
    let (voice, number) = Lexicon::new(run.seed).whose(word)?;
    if voice == 0 {
        return (number < run.uniques && !run.own_uniques.contains(&number)).then_some((voice, number));
    }
    let used = voice < run.voices || (run.others_from..run.others_to).contains(&voice);
    (used && !run.own_voices.contains(&voice)).then_some((voice, number))
}

/// Words of a text that have the shape of invented ones.
#[derive(Debug, Default)]
struct Texts {
    words: BTreeSet<String>,
}

impl Texts {
    fn add(&mut self, text: &str) {
        self.words.extend(word_shapes(text).map(str::to_owned));
    }

    /// JSON says the same in several spellings; what is none is text.
    fn bytes(&mut self, bytes: &[u8]) {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => self.value(&value),
            Err(_) => self.add(&String::from_utf8_lossy(bytes)),
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::String(text) => match serde_json::from_str::<Value>(text) {
                // Arguments are JSON inside a text.
                Ok(inner) => self.value(&inner),
                Err(_) => self.add(text),
            },
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    self.add(name);
                    self.value(field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn headers(&mut self, headers: &Headers) {
        headers.iter().for_each(|(_, value)| self.add(value));
    }

    fn request(&mut self, request: &Request) {
        self.add(&request.target);
        self.headers(&request.headers);
        self.bytes(&request.body.0);
    }

    fn client(&mut self, exchange: &ClientExchange) {
        exchange.response.iter().for_each(|head| self.headers(&head.headers));
        self.bytes(&exchange.body());
    }

    /// In a stream, words may be cut into several events: here they are whole.
    fn completion(&mut self, completion: &Completion) {
        completion.parts.iter().for_each(|part| self.part(part));
        completion.errors.iter().for_each(|error| self.add(&error.message));
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text { text, .. } | Part::Thinking { text, .. } | Part::Refusal { text } => self.add(text),
            Part::ToolCall { name, arguments, .. } => {
                self.add(name);
                self.value(arguments);
            }
            Part::ToolResult { parts, .. } => parts.iter().for_each(|part| self.part(part)),
            Part::Other(value) => self.value(value),
            Part::Image { .. } => {}
        }
    }

    fn control(&mut self, control: &Control) {
        if let Control::Done { request, unique, client } = control {
            self.add(unique);
            self.request(request);
            self.request(&client.request);
            self.client(client);
            if let Some(api) = client.api.spoken() {
                let mut reader = api.stream_reader();
                reader.feed(&client.body());
                self.completion(&reader.finish().completion);
            }
        }
    }
}
