//! Texts and bodies, in all their forms.

use super::find::{Finder, Hit};
use super::forms::{self, fill};
use super::{DEPTH, Found, Redactor, stream};
use crate::coding::{self, Coding, CodingError};
use crate::framing::Framing;

/// How often a text is searched again: what was filled may show what it covered.
const ROUNDS: usize = 4;

/// A body, and what can be read of it.
pub(super) enum Body {
    /// As it came, with what was found filled.
    Same(Vec<Vec<u8>>),
    /// Without its coding: something was found in it, and it cannot be coded as it was.
    Decoded(Vec<Vec<u8>>),
}

impl Redactor {
    /// Fills every secret in a text that is no stream.
    pub(super) fn text(&self, text: &mut [u8], place: &str, found: &mut Found) {
        self.rounds(text, None, place, found);
    }

    /// Fills every secret in a body that came in these pieces.
    pub(super) fn body(&self, head: Head<'_>, pieces: Vec<Vec<u8>>, place: &str, found: &mut Found) -> Body {
        let is_gzip = pieces.iter().find(|piece| !piece.is_empty()).is_some_and(|first| Coding::is_gzip(first));
        let encoding = if is_gzip && !coding::is_coded(head.encoding) { "gzip" } else { head.encoding };
        if !coding::is_coded(encoding) {
            return Body::Same(self.pieces(head, pieces, place, found));
        }
        match coding::decode(encoding, &pieces, coding::MOST) {
            Ok(decoded) => {
                let before = decoded.pieces.clone();
                let mut inside = Found::default();
                let cleaned = self.pieces(head, decoded.pieces, place, &mut inside);
                if cleaned == before {
                    return Body::Same(pieces);
                }
                inside.words.into_iter().for_each(|words| found.say(words));
                found.say(format!("the {encoding} coding of the {place}, for what was found in it"));
                Body::Decoded(cleaned)
            }
            // Recorders keep the header over bodies that they decoded.
            Err(CodingError::Damaged(_)) if std::str::from_utf8(&pieces.concat()).is_ok() => {
                Body::Same(self.pieces(head, pieces, place, found))
            }
            Err(why) => {
                found.unread(format!("{place}: {why}"));
                Body::Same(pieces)
            }
        }
    }

    /// Fills every secret in pieces that are one text.
    fn pieces(&self, head: Head<'_>, pieces: Vec<Vec<u8>>, place: &str, found: &mut Found) -> Vec<Vec<u8>> {
        let mut body = pieces.concat();
        let framing = framing(head.content_type, &body);
        self.rounds(&mut body, framing, place, found);
        // In the file a piece stands on lines of its own, where what goes on in the next may look like a secret that ends.
        if framing != Some(Framing::EventStream) {
            let mut rest = body.as_mut_slice();
            for piece in &pieces {
                let (alone, behind) = rest.split_at_mut(piece.len());
                clean(&self.plain, alone, DEPTH, place, found);
                rest = behind;
            }
            self.rounds(&mut body, framing, place, found);
        }
        let mut at = 0;
        let cut = |piece: Vec<u8>| {
            at += piece.len();
            body[at - piece.len()..at].to_vec()
        };
        pieces.into_iter().map(cut).collect()
    }

    fn rounds(&self, text: &mut [u8], framing: Option<Framing>, place: &str, found: &mut Found) {
        for _ in 0..ROUNDS {
            let before = text.to_vec();
            let mut clean = |text: &mut [u8], depth: usize| clean(&self.finder, text, depth, place, found);
            if let Some(framing) = framing {
                let said = stream::said(framing, text);
                let mut events = |text: &mut [u8], said: &[stream::Said]| {
                    for view in stream::joined(text, said) {
                        view.cleaned(text, |inner| clean(inner, DEPTH - 1));
                    }
                };
                events(text, &said);
                if framing == Framing::EventStream {
                    stream::in_bytes(text, &said, events);
                }
            }
            clean(text, DEPTH);
            if *text == *before {
                return;
            }
            if framing == Some(Framing::EventStream) {
                stream::sealed(text, &before);
            }
        }
    }
}

/// What the headers say of a body.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head<'h> {
    pub(super) encoding: &'h str,
    pub(super) content_type: &'h str,
}

fn framing(content_type: &str, body: &[u8]) -> Option<Framing> {
    let starts = |mark: &[u8]| body.starts_with(mark);
    let is_sse = || starts(b"data:") || starts(b"event:") || starts(b": ");
    Framing::of(content_type).or_else(|| is_sse().then_some(Framing::Sse))
}

/// Fills every secret in a text and in the forms that it holds, the innermost first.
pub(super) fn clean(finder: &Finder, text: &mut [u8], depth: usize, place: &str, found: &mut Found) {
    if let Some(depth) = depth.checked_sub(1) {
        let views = [forms::unescaped as fn(&[u8]) -> Option<forms::View>, forms::percent_decoded];
        for read in views {
            if let Some(view) = read(text) {
                view.cleaned(text, |inner| clean(finder, inner, depth, place, found));
            }
        }
        forms::in_base64(text, &mut |inner| clean(finder, inner, depth, place, found));
    }
    let hits = finder.find(text);
    for (at, hit) in hits.iter().enumerate() {
        let covers = |other: &Hit<'_>| other.range.start <= hit.range.start && hit.range.end <= other.range.end;
        // The kinds that tell most come first.
        if !hits[..at].iter().any(covers) {
            found.add(hit.what, place);
        }
        fill(text, hit.range.clone());
    }
}
