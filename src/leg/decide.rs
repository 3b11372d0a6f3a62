//! What a leg answers to a request, decided without a socket.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reply;
use super::rest::Speech;
use super::seed::seed;
use super::session::LegBinding;
use crate::answer::{Lexicon, Rendition, Spoken, from_cassette, speak};
use crate::api::{Api, Conversation, EncodeContext};
use crate::cassette::RecordedEnd;
use crate::continuation::{self, Recognised, VoiceText};
use crate::fault::{self, CompileError, End, Plan, Step};
use crate::history::{Continuation, Refusal, Said};
use crate::rules::{Incoming, RuleBook};
use crate::scenario::{AnswerPlan, At, Cut, Edit, Every, Play, ShapeLeg};
use crate::wire::Request;

/// A request to a leg, and what the leg knows when it comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) leg: &'a LegBinding,
    /// The API of the path.
    pub(super) api: &'static dyn Api,
    pub(super) request: &'a Request,
    pub(super) play: &'a Play,
    /// From 1.
    pub(super) attempt: u32,
    /// What each leg of the case has said, and would say, by name.
    pub(super) speeches: &'a BTreeMap<String, Speech>,
    /// The control's request, or the client's own.
    pub(super) reference: &'a Conversation,
    /// Unique words, the control's among them.
    pub(super) unique: &'a [String],
    /// The key that must be presented; `None`: any or none. In a run keys are evidence, for the checks to judge.
    pub(super) key: Option<&'a str>,
    pub(super) rules: &'a RuleBook,
    /// Deltas that the proxy declares to hold back.
    pub(super) holds: usize,
    /// Seed of ids and padding; the same request in the same case gets the same bytes.
    pub(super) seed: u64,
    /// Unix seconds.
    pub(super) created: u64,
}

/// What a leg does, and how the history tells it.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub(super) plan: Plan,
    pub(super) refused: Option<Refusal>,
    pub(super) also_matched: Vec<String>,
    pub(super) continuation: Continuation,
    /// Whose words, from where; no text is out yet.
    pub(super) said: Said,
    /// The leg's own words, if it speaks them.
    pub(super) speech: Option<Speech>,
}

/// What a barrier waits beyond the text, for events that carry none.
const SETTLE: std::time::Duration = std::time::Duration::from_millis(50);

/// What a leg would say of its own accord.
#[derive(Debug)]
enum Own {
    Spoken(Spoken),
    Recorded(Rendition, RecordedEnd),
}

impl Asked<'_> {
    /// Decides.
    pub(super) fn decide(&self) -> Decision {
        let ruling = self.rules.judge(&Incoming {
            api: self.api.id(),
            model: &self.leg.model,
            models: &self.leg.models,
            target: &self.request.target,
            headers: &self.request.headers,
            body: &self.request.body.0,
            expected_key: self.key,
        });
        let body = self.request.json();
        let conversation = self.api.read(self.request).unwrap_or_default();
        let own = self.own(&conversation);
        let speech = own.speech();
        let recognised = self.recognise(&conversation, &speech);

        let mut decision = Decision {
            plan: reply::error(self.api, &self.request.target, &self.api.status_error(400), self.seed),
            refused: ruling.refusal,
            also_matched: ruling.also,
            continuation: recognised.continuation.clone(),
            said: Said::default(),
            speech: None,
        };
        if let Some(refusal) = &decision.refused {
            decision.plan = reply::error(self.api, &self.request.target, &refusal.error, self.seed);
            if let Some(body) = ruling.body {
                decision.plan = reply::written(decision.plan, body);
            }
        } else if !body.as_ref().is_some_and(Value::is_object) {
            // The plan is an error already: none of these APIs takes anything but an object.
        } else if let Some(status) = &self.play.status {
            let target = &self.request.target;
            decision.plan = match status.retry_after {
                Some(after) => reply::error_with_wait(self.api, target, status.code, after, self.seed),
                None => reply::error(self.api, target, &self.api.status_error(status.code), self.seed),
            };
        } else {
            self.answer(&mut decision, own, speech, &recognised, &conversation, body.as_ref());
        }
        decision
    }

    /// Whether the answer is long enough for the cut that is asked for; else why not.
    pub(super) fn fits(&self) -> Result<(), String> {
        let conversation = self.api.read(self.request).unwrap_or_default();
        match self.own(&conversation) {
            Own::Spoken(spoken) => {
                let rendition = self.render(&spoken, &conversation, None);
                fault::compile(&rendition, self.play, self.api, b"").map(|_| ()).map_err(|error| error.to_string())
            }
            Own::Recorded(..) => Ok(()),
        }
    }

    /// The whole answer to this request, uncut.
    fn rendition(&self) -> Rendition {
        let body = self.request.json();
        let conversation = body.as_ref().map(|body| self.api.read_request(body)).unwrap_or_default();
        match self.own(&conversation) {
            Own::Spoken(spoken) => self.render(&spoken, &conversation, body.as_ref()),
            Own::Recorded(rendition, _) => rendition,
        }
    }

    fn own(&self, conversation: &Conversation) -> Own {
        match &self.play.answer {
            AnswerPlan::Script { script, .. } => {
                Own::Spoken(speak(script, self.leg.voice, &conversation.tools, self.seed))
            }
            AnswerPlan::Cassette { cassette, .. } => {
                let last = cassette.exchanges.len().saturating_sub(1);
                let turn = (self.attempt as usize).saturating_sub(1).min(last);
                match cassette.exchanges.get(turn) {
                    Some(exchange) => Own::Recorded(from_cassette(exchange, self.api), exchange.response.end),
                    None => Own::Spoken(Spoken::default()),
                }
            }
        }
    }

    fn recognise(&self, conversation: &Conversation, own: &Speech) -> Recognised {
        let voice = |(leg, speech): (&String, &Speech)| VoiceText {
            leg: leg.clone(),
            whole: speech.whole(),
            said: speech.said(),
            borders: speech.borders(self.holds),
            pieces: speech.pieces().collect(),
            continues: speech.continues,
        };
        let mut speeches = self.speeches.clone();
        let said =
            speeches.get(&self.leg.name).filter(|known| known.deltas == own.deltas).map_or(0, |known| known.said);
        speeches.insert(self.leg.name.clone(), Speech { said, ..own.clone() });
        let voices: Vec<_> = speeches.iter().map(voice).collect();
        continuation::recognise(&continuation::Asked {
            api: self.api,
            leg: &self.leg.name,
            request: conversation,
            reference: self.reference,
            voices: &voices,
            unique: self.unique,
        })
    }

    fn answer(
        &self,
        decision: &mut Decision,
        own: Own,
        speech: Speech,
        recognised: &Recognised,
        conversation: &Conversation,
        body: Option<&Value>,
    ) {
        let goes_on = recognised.voice.as_ref().and_then(|voice| {
            let quoted = if *voice == self.leg.name { Some(&speech) } else { self.speeches.get(voice) };
            quoted.map(|quoted| (voice, quoted))
        });
        let (rendition, recorded_end) = match (goes_on, own) {
            (Some((voice, quoted)), Own::Spoken(_)) => {
                let (spoken, from) = quoted.go_on(self.play.obeys, recognised.from);
                decision.said = Said { voice: voice.clone(), from, whole: spoken.text(), ..Said::default() };
                (self.render(&spoken, conversation, body), RecordedEnd::Complete)
            }
            (_, Own::Spoken(spoken)) => {
                decision.said = self.said(speech.whole(), false);
                decision.speech = Some(speech);
                (self.render(&spoken, conversation, body), RecordedEnd::Complete)
            }
            (_, Own::Recorded(rendition, end)) => {
                decision.said = self.said(speech.whole(), true);
                decision.speech = Some(speech);
                (rendition, end)
            }
        };
        decision.plan = self.compile(&rendition, recorded_end);
        if !rendition.stream && decision.plan.end == End::Complete && decision.plan.body() == rendition.body() {
            // A unary answer has no marks: its text is out when all of it is.
            let characters = decision.said.whole.chars().count();
            decision.plan.text.clone_from(&decision.said.whole);
            if let Some(Step::Send { text, .. }) = decision.plan.steps.last_mut() {
                *text = characters;
            }
        }
        let accepts = self.request.headers.get("accept-encoding").is_some_and(fault::accepts_gzip);
        if accepts && self.play.edits.contains(&Edit::Gzip) {
            fault::gzip(&mut decision.plan);
        }
    }

    fn said(&self, whole: String, cassette: bool) -> Said {
        Said { voice: self.leg.name.clone(), whole, cassette, ..Said::default() }
    }

    fn render(&self, spoken: &Spoken, conversation: &Conversation, body: Option<&Value>) -> Rendition {
        let include_usage =
            body.and_then(|body| body.pointer("/stream_options/include_usage")).and_then(Value::as_bool);
        let context = EncodeContext {
            model: if self.leg.model.model.is_empty() {
                conversation.model.clone()
            } else {
                self.leg.model.model.clone()
            },
            include_usage: include_usage.unwrap_or_default(),
            seed: self.seed,
            created: self.created,
            input_tokens: input_tokens(&self.request.body.0),
        };
        if conversation.stream {
            self.api.as_asked(&self.request.target, self.api.render_stream(spoken, &context))
        } else {
            self.api.render_unary(spoken, &context)
        }
    }

    /// Compiles the script. A cut that this answer is too short for (a short rest) or that a unary answer does not
    /// know is not what the scenario is about: the first is left out, the second is put into the middle of the body.
    fn compile(&self, rendition: &Rendition, recorded_end: RecordedEnd) -> Plan {
        let error = self.api.status_error(overloaded(self.api));
        let event = self.api.error_event(&error, self.seed, &fault::before_the_cut(rendition, self.play, self.api));
        let compiled = fault::compile(rendition, self.play, self.api, &event).or_else(|error| {
            let cut = match (error, &self.play.cut) {
                (CompileError::Unary { .. }, Some(cut)) => {
                    Some(Cut { at: At::Bytes(rendition.body().len() as u64 / 2), by: cut.by.clone() })
                }
                _ => None,
            };
            fault::compile(rendition, &Play { cut, ..self.play.clone() }, self.api, &event)
        });
        let whole = || fault::compile(rendition, &Play { cut: None, ..self.play.clone() }, self.api, &event);
        let Ok(mut plan) = compiled.or_else(|_| whole()) else {
            return reply::error(self.api, &self.request.target, &self.api.status_error(500), self.seed);
        };
        if self.play.cut.is_none() && recorded_end != RecordedEnd::Complete {
            break_as_recorded(&mut plan, self.play, recorded_end);
        }
        plan
    }
}

/// A recorded break is a cut at the end of what was recorded.
fn break_as_recorded(plan: &mut Plan, play: &Play, end: RecordedEnd) {
    if play.barrier == crate::scenario::Barrier::Seen && !plan.body().is_empty() {
        plan.steps.push(Step::Barrier { settle: SETTLE, beyond: String::new() });
    }
    plan.end = if end == RecordedEnd::Reset { End::Reset } else { End::Close };
    // The recording does not say how long the whole was: longer than what came.
    plan.length += 1;
}

impl Own {
    fn speech(&self) -> Speech {
        match self {
            Self::Spoken(spoken) => Speech::of(spoken),
            Self::Recorded(rendition, _) => {
                Speech { deltas: vec![rendition.text()], said: 0, continues: false, finish: None }
            }
        }
    }
}

/// What each leg of a step says on its first attempt, by name, for voices that are quoted before they spoke.
pub(super) fn first_speeches(legs: &[LegBinding], step: &crate::scenario::StepPlan) -> BTreeMap<String, Speech> {
    let speech = |leg: &LegBinding| {
        let play = step.legs.iter().find(|plan| plan.name == leg.name)?.attempts.first()?;
        let speech = match &play.answer {
            AnswerPlan::Script { script, .. } => {
                Speech::of(&speak(script, leg.voice, &step.client.conversation.tools, seed(&[&leg.name])))
            }
            AnswerPlan::Cassette { cassette, .. } => {
                let api = leg.speaks()?;
                let rendition = from_cassette(cassette.exchanges.first()?, api);
                Own::Recorded(rendition, RecordedEnd::Complete).speech()
            }
        };
        Some((leg.name.clone(), speech))
    };
    legs.iter().filter_map(speech).collect()
}

/// Events or bytes of what a leg answers to a request, uncut: the last point at which a sweep can cut it.
pub fn extent(play: &Play, leg: &ShapeLeg, request: &Request, every: Every) -> Option<u64> {
    let binding = LegBinding {
        name: leg.name.clone(),
        ordinal: 0,
        api: leg.api,
        model: leg.model.clone(),
        models: Vec::new(),
        key: None,
        voice: Lexicon::new(0).voice(0),
    };
    let asked = Asked {
        leg: &binding,
        api: binding.speaks()?,
        request,
        play,
        attempt: 1,
        speeches: &BTreeMap::new(),
        reference: &Conversation::default(),
        unique: &[],
        key: None,
        rules: RuleBook::bundled(),
        holds: 0,
        seed: 0,
        created: 1_700_000_000,
    };
    let rendition = asked.rendition();
    Some(match every {
        Every::Event => rendition.marks.len() as u64,
        Every::Byte => rendition.body().len() as u64,
    })
}

/// The status with which a vendor breaks a stream off.
fn overloaded(api: &dyn Api) -> u16 {
    match api.id() {
        crate::api::ApiId::AnthropicMessages => 529,
        _ => 500,
    }
}

/// Tokens of a request, near enough for usage.
pub(super) fn input_tokens(body: &[u8]) -> u64 {
    (body.len() as u64 / 4).max(1)
}
