//! Where a drawn cut falls: from a share of the answer to a position that it has.

use std::sync::Arc;

use super::draft::{Place, share};
use crate::answer::{AnswerScript, Lexicon, Rendition, speak};
use crate::api::{Api, ApiId, EncodeContext, PieceKind};
use crate::fault::compile;
use crate::scenario::{AnswerPlan, At, Barrier, By, Cut, Obeys, Pace, Play};

/// The cut at that share of what a leg of an API answers; by `close`, or at the head, where it cannot be as drawn.
pub(super) fn cut(script: &AnswerScript, api: ApiId, stream: bool, place: Place, by: &By) -> Cut {
    let head = Cut { at: At::Head, by: By::Close };
    let Some(api) = api.spoken() else { return head };
    let rendition = rendition(script, api, stream);
    let at = at(place, stream, &rendition);
    let wanted = Cut { at, by: by.clone() };
    let closed = Cut { at, by: By::Close };
    [wanted, closed].into_iter().find(|cut| fits(&rendition, api, cut)).unwrap_or(head)
}

/// The answer on the wire, as the loader of scenarios counts it: no voice and no model changes a position.
fn rendition(script: &AnswerScript, api: &dyn Api, stream: bool) -> Rendition {
    let spoken = speak(script, Lexicon::new(0).voice(0), &[], 0);
    let context = EncodeContext { model: String::new(), include_usage: false, seed: 0, created: 0, input_tokens: 1 };
    if stream { api.render_stream(&spoken, &context) } else { api.render_unary(&spoken, &context) }
}

fn at(place: Place, stream: bool, rendition: &Rendition) -> At {
    let count = |wanted: &dyn Fn(PieceKind) -> bool| {
        rendition.marks.iter().filter(|mark| mark.piece.as_ref().is_some_and(|piece| wanted(piece.kind))).count()
    };
    let bytes = |raw| At::Bytes(share(raw, rendition.body().len()) as u64);
    let nth = |raw, count| share(raw, count) as u32;
    match place {
        Place::Head => At::Head,
        Place::Bytes(raw) => bytes(raw),
        // A unary answer has no other positions.
        Place::Texts(raw) | Place::Blanks(raw) | Place::Pieces(raw) | Place::Events(raw) if !stream => bytes(raw),
        _ if !stream => At::Head,
        Place::Preamble => At::Preamble,
        Place::Texts(raw) => At::Texts(nth(raw, count(&|kind| kind == PieceKind::Text))),
        Place::Blanks(raw) => {
            let blanks = behind_blanks(rendition);
            let chosen = blanks.get(share(raw, blanks.len()) - 1);
            At::Texts(chosen.map_or_else(|| nth(raw, count(&|kind| kind == PieceKind::Text)), |chosen| *chosen))
        }
        Place::Pieces(raw) => At::Pieces(nth(raw, count(&|_| true))),
        Place::Events(raw) => At::Events(nth(raw, rendition.marks.len())),
        Place::LastContent => At::LastContent,
        Place::Finish => At::Finish,
        Place::Terminator => At::Terminator,
    }
}

/// Deltas of text that end with a blank, counted from 1.
fn behind_blanks(rendition: &Rendition) -> Vec<u32> {
    let pieces = rendition.marks.iter().filter_map(|mark| mark.piece.as_ref());
    let texts = (1..).zip(pieces.filter(|piece| piece.kind == PieceKind::Text));
    texts.filter(|(_, piece)| piece.text.ends_with(char::is_whitespace)).map(|(number, _)| number).collect()
}

/// Where the client leaves, in a stream of which nothing is known yet.
pub(super) fn leave(place: Place, stream: bool) -> At {
    match place {
        _ if !stream => At::Head,
        Place::Preamble => At::Preamble,
        Place::Texts(raw) | Place::Blanks(raw) | Place::Pieces(raw) => At::Texts(share(raw, 40) as u32),
        Place::Events(raw) => At::Events(share(raw, 40) as u32),
        Place::Bytes(raw) => At::Bytes(share(raw, 2_000) as u64),
        Place::Head | Place::LastContent | Place::Finish | Place::Terminator => At::Head,
    }
}

fn fits(rendition: &Rendition, api: &dyn Api, cut: &Cut) -> bool {
    let script =
        AnswerScript { summary: None, parts: Vec::new(), repeat: None, chunk: None, finish: None, output_tokens: None };
    let play = Play {
        answer: AnswerPlan::Script { name: String::new(), script: Arc::new(script) },
        status: None,
        cut: Some(cut.clone()),
        edits: Vec::new(),
        pace: Pace::Instant,
        barrier: Barrier::Seen,
        obeys: Obeys::Exactly,
    };
    compile(rendition, &play, api, b"").is_ok()
}
