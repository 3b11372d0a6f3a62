//! Whether a script fits its answer: a cut past the end, or in something that is no stream, does not load.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{AnswerPlan, At, Cut, Every, Play, ShapeLeg};
use crate::answer::{Lexicon, Rendition, from_cassette, speak};
use crate::api::{Api, ApiId, EncodeContext, ToolDefinition};
use crate::fault::{CompileError, compile};

/// Renditions by answer, exchange, API and whether they stream: the cases of a file share a few. Counts of events and
/// lengths do not depend on the voice, nor on the seed.
#[derive(Debug, Default)]
pub(super) struct Renditions(RefCell<HashMap<Key, Option<Rc<Rendition>>>>);

type Key = (String, usize, String, ApiId, bool);

/// What is asked for: the tools that the client offers, whether it streams, and which exchange of a cassette it gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) tools: &'a [ToolDefinition],
    pub(super) stream: bool,
    pub(super) turn: usize,
}

impl Renditions {
    /// What a play's answer looks like on the wire, as the leg first sends it; `None` where that is not known yet.
    fn of(&self, play: &Play, (vendor, api): (&str, ApiId), asked: Asked<'_>) -> Option<Rc<Rendition>> {
        let name = match &play.answer {
            AnswerPlan::Script { name, .. } => name.clone(),
            AnswerPlan::Cassette { path, .. } => format!("cassette {path}"),
        };
        let spoken = api.spoken_by(vendor)?;
        let render = || render(play, spoken, asked, &context("", false)).map(Rc::new);
        self.0
            .borrow_mut()
            .entry((name, asked.turn, vendor.to_owned(), api, asked.stream))
            .or_insert_with(render)
            .clone()
    }
}

/// What an answer is rendered with before anybody has asked for it.
fn context(model: &str, include_usage: bool) -> EncodeContext {
    EncodeContext { model: model.to_owned(), include_usage, seed: 0, created: 1_700_000_000, input_tokens: 100 }
}

fn render(play: &Play, api: &dyn Api, asked: Asked<'_>, context: &EncodeContext) -> Option<Rendition> {
    match &play.answer {
        AnswerPlan::Script { script, .. } => {
            let spoken = speak(script, Lexicon::new(0).voice(0), asked.tools, 0);
            Some(if asked.stream { api.render_stream(&spoken, context) } else { api.render_unary(&spoken, context) })
        }
        AnswerPlan::Cassette { cassette, .. } => cassette
            .exchanges
            .get(asked.turn)
            .or(cassette.exchanges.last())
            .map(|exchange| from_cassette(exchange, api)),
    }
}

/// What is wrong with a play that the leg of an API is to perform.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// The cut's position does not fit, for this reason.
    Position(String),
    /// The cut's effect does not fit, for this reason.
    Effect(String),
    /// The answer is recorded as a stream and asked for as none, or the other way round.
    Streaming(String),
}

/// Checks a play against its answer.
pub(super) fn check(
    renditions: &Renditions,
    play: &Play,
    (vendor, api): (&str, ApiId),
    asked: Asked<'_>,
) -> Result<(), Misfit> {
    let stream = asked.stream;
    if play.status.is_some() {
        return Ok(());
    }
    let is_cassette = matches!(play.answer, AnswerPlan::Cassette { .. });
    if play.cut.is_none() && !is_cassette {
        return Ok(());
    }
    let Some(rendition) = renditions.of(play, (vendor, api), asked) else { return Ok(()) };
    // An error status is unary whatever was asked for.
    if is_cassette && (200..300).contains(&rendition.status) && rendition.stream != stream {
        let (holds, asks) = if stream { ("no stream", "one") } else { ("a stream", "none") };
        return Err(Misfit::Streaming(format!("the cassette holds {holds}, but the client asks for {asks}")));
    }
    match (&play.cut, api.spoken_by(vendor)) {
        (Some(_), Some(spoken)) => {
            let error = spoken.error_event(&spoken.status_error(500), 0, b"");
            compile(&rendition, play, spoken, &error).map(|_| ()).map_err(|error| match error {
                CompileError::NeedsAStream { .. }
                | CompileError::NothingThere { .. }
                | CompileError::BeforeTheHead { .. } => Misfit::Effect(error.to_string()),
                _ => Misfit::Position(error.to_string()),
            })
        }
        _ => Ok(()),
    }
}

/// The last point at which a play's answer can be cut: of the longest rendition that a proxy can ask for, for one may
/// ask for usage in the stream and another may not. `None` where that is not known yet.
pub(super) fn extent(play: &Play, leg: &ShapeLeg, asked: Asked<'_>, every: Every) -> Option<u64> {
    let api = leg.api.spoken_by(&leg.model.vendor)?;
    let rendition = render(play, api, asked, &context(&leg.model.model, true))?;
    let most = match every {
        Every::Event => rendition.marks.len() as u64,
        Every::Byte => rendition.body().len() as u64,
    };
    let fits = |at: u64| {
        let cut = play.cut.as_ref().map(|cut| Cut { at: point(every, at), by: cut.by.clone() });
        compile(&rendition, &Play { cut, ..play.clone() }, api, b"").is_ok()
    };
    // An effect that needs something behind the cut has no place at the very end.
    (1..=most).rev().find(|at| fits(*at))
}

/// A point of a sweep as a position.
pub(super) fn point(every: Every, at: u64) -> At {
    match every {
        Every::Event => At::Events(u32::try_from(at).unwrap_or(u32::MAX)),
        Every::Byte => At::Bytes(at),
    }
}
