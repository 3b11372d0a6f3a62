//! Whether a script fits its answer: a cut past the end, or in something that is no stream, does not load.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::{AnswerPlan, Play};
use crate::answer::{Lexicon, Rendition, from_cassette, speak};
use crate::api::{Api, ApiId, EncodeContext, ToolDefinition};
use crate::fault::{CompileError, compile};

/// Renditions by answer, exchange, API and whether they stream: the cases of a file share a few. Counts of events do
/// not depend on the voice, nor on the seed.
#[derive(Debug, Default)]
pub(super) struct Renditions(RefCell<HashMap<Key, Option<Rc<Rendition>>>>);

type Key = (String, usize, ApiId, bool);

/// What is asked for: the tools that the client offers, whether it streams, and which exchange of a cassette it gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) tools: &'a [ToolDefinition],
    pub(super) stream: bool,
    pub(super) turn: usize,
}

impl Renditions {
    /// What a play's answer looks like on the wire, as the leg first sends it; `None` where that is not known yet.
    fn of(&self, play: &Play, api: ApiId, asked: Asked<'_>) -> Option<Rc<Rendition>> {
        let name = match &play.answer {
            AnswerPlan::Script { name, .. } => name.clone(),
            AnswerPlan::Cassette { path, .. } => format!("cassette {path}"),
        };
        let spoken = api.spoken()?;
        let render = || render(play, spoken, asked).map(Rc::new);
        self.0.borrow_mut().entry((name, asked.turn, api, asked.stream)).or_insert_with(render).clone()
    }
}

fn render(play: &Play, api: &dyn Api, asked: Asked<'_>) -> Option<Rendition> {
    match &play.answer {
        AnswerPlan::Script { script, .. } => {
            let spoken = speak(script, Lexicon::new(0).voice(0), asked.tools, 0);
            let context =
                EncodeContext { model: String::new(), include_usage: false, seed: 0, created: 0, input_tokens: 1 };
            Some(if asked.stream { api.render_stream(&spoken, &context) } else { api.render_unary(&spoken, &context) })
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
pub(super) fn check(renditions: &Renditions, play: &Play, api: ApiId, asked: Asked<'_>) -> Result<(), Misfit> {
    let stream = asked.stream;
    if play.status.is_some() {
        return Ok(());
    }
    let is_cassette = matches!(play.answer, AnswerPlan::Cassette { .. });
    if play.cut.is_none() && !is_cassette {
        return Ok(());
    }
    let Some(rendition) = renditions.of(play, api, asked) else { return Ok(()) };
    // An error status is unary whatever was asked for.
    if is_cassette && (200..300).contains(&rendition.status) && rendition.stream != stream {
        let (holds, asks) = if stream { ("no stream", "one") } else { ("a stream", "none") };
        return Err(Misfit::Streaming(format!("the cassette holds {holds}, but the client asks for {asks}")));
    }
    match (&play.cut, api.spoken()) {
        (Some(_), Some(spoken)) => {
            let error = spoken.error_event(&spoken.status_error(500), 0, b"");
            compile(&rendition, play, &error).map(|_| ()).map_err(|error| match error {
                CompileError::NeedsAStream { .. } | CompileError::NothingToDamage { .. } => {
                    Misfit::Effect(error.to_string())
                }
                _ => Misfit::Position(error.to_string()),
            })
        }
        _ => Ok(()),
    }
}
