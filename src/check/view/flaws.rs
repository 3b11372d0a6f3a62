//! Where the client's text is not what the legs said.

use super::attribute::{Segment, Source};

/// How blanks differ where one call's text ends and another's begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Seam {
    /// The request to go on was trimmed, so that the blanks were said again.
    SaidAgain,
    /// The proxy dropped or added blanks itself.
    Changed,
}

/// A place where the client's text is not what the legs said. Places are characters of the client's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::check) enum Flaw {
    /// Text of a voice is missing.
    Lost { at: usize, text: String },
    /// Text of a voice comes again.
    Doubled { at: usize, text: String },
    /// Text of another voice, or of another answer, follows.
    Spliced { at: usize, from: String, to: String },
    /// No leg said this.
    Foreign { at: usize, text: String },
    /// Blanks differ at a seam.
    SeamBlank { at: usize, seam: Seam },
    /// Blanks differ at the start or the end of the answer.
    EdgeBlank { at: usize },
}

/// A piece of one voice, with neighbouring segments of it joined.
struct Piece<'a> {
    start: usize,
    voice: &'a str,
    from: usize,
    to: usize,
    /// The call whose words come first, and the one whose words come last.
    calls: (usize, usize),
}

fn blank(text: &[char]) -> bool {
    text.iter().all(|c| c.is_whitespace())
}

/// The characters `from..to` of a voice, as far as any call said them.
fn said(sources: &[Source], voice: &str, from: usize, to: usize) -> Vec<char> {
    let of = |place: usize| {
        let mut found = sources.iter().filter(|source| source.voice == voice);
        found.find_map(|source| place.checked_sub(source.from).and_then(|offset| source.text.get(offset)).copied())
    };
    (from..to).filter_map(of).collect()
}

/// Every flaw of the order of what was heard; a missing end is no matter of this.
pub(super) fn flaws(text: &[char], segments: &[Segment], sources: &[Source]) -> Vec<Flaw> {
    let mut out = Vec::new();
    let mut last: Option<Piece<'_>> = None;
    let mut strange: Option<Segment> = None;
    for segment in segments {
        let Some((number, offset)) = segment.at else {
            let heard = &text[segment.start..segment.start + segment.len];
            strange = Some(*segment);
            if !blank(heard) {
                out.push(Flaw::Foreign { at: segment.start, text: heard.iter().collect() });
            } else if last.is_none() || segment.start + segment.len == text.len() {
                out.push(Flaw::EdgeBlank { at: segment.start });
            }
            continue;
        };
        let source = &sources[number];
        let from = source.from + offset;
        let piece = Piece {
            start: segment.start,
            voice: &source.voice,
            from,
            to: from + segment.len,
            calls: (source.call, source.call),
        };
        let blanks_between = strange.take().filter(|strange| blank(&text[strange.start..strange.start + strange.len]));
        match &last {
            None => start(&mut out, &piece, sources),
            Some(before) if before.voice != piece.voice => {
                if before.start == 0 && blank(&text[..piece.start]) {
                    out.push(Flaw::EdgeBlank { at: 0 });
                    start(&mut out, &piece, sources);
                } else {
                    let (from, to) = (before.voice.to_owned(), piece.voice.to_owned());
                    out.push(Flaw::Spliced { at: piece.start, from, to });
                }
            }
            Some(before) => joint(&mut out, text, before, &piece, sources, blanks_between),
        }
        last = Some(match last {
            Some(before) if before.voice == piece.voice && before.to == piece.from => {
                Piece { to: piece.to, calls: (before.calls.0, piece.calls.1), ..before }
            }
            _ => piece,
        });
    }
    out
}

fn start(out: &mut Vec<Flaw>, piece: &Piece<'_>, sources: &[Source]) {
    let missing = said(sources, piece.voice, 0, piece.from);
    // A leg that goes on from what nobody said in this case has its own start.
    if missing.is_empty() {
        return;
    }
    out.push(if blank(&missing) {
        Flaw::EdgeBlank { at: piece.start }
    } else {
        Flaw::Lost { at: piece.start, text: missing.iter().collect() }
    });
}

fn joint(
    out: &mut Vec<Flaw>,
    text: &[char],
    before: &Piece<'_>,
    piece: &Piece<'_>,
    sources: &[Source],
    blanks_between: Option<Segment>,
) {
    let at = piece.start;
    let seam = before.calls.1 != piece.calls.0;
    if piece.from > before.to {
        let missing = said(sources, piece.voice, before.to, piece.from);
        let lost = Flaw::Lost { at, text: missing.iter().collect() };
        out.push(if seam && blank(&missing) { Flaw::SeamBlank { at, seam: Seam::Changed } } else { lost });
    } else if piece.from < before.to {
        let again: Vec<char> = said(sources, piece.voice, piece.from, before.to.min(piece.to));
        out.push(if seam && blank(&again) {
            Flaw::SeamBlank { at, seam: Seam::SaidAgain }
        } else {
            Flaw::Doubled { at, text: again.iter().collect() }
        });
    } else if let Some(between) = blanks_between {
        let heard = text[between.start..between.start + between.len].iter().collect();
        let changed = Flaw::SeamBlank { at: between.start, seam: Seam::Changed };
        out.push(if seam { changed } else { Flaw::Foreign { at: between.start, text: heard } });
    }
}

#[cfg(test)]
mod tests {
    use super::super::attribute::attribute;
    use super::*;

    fn source(call: usize, voice: &str, from: usize, text: &str) -> Source {
        Source { call, voice: voice.to_owned(), from, text: text.chars().collect() }
    }

    #[track_caller]
    fn check(sources: &[Source], text: &str, expect: &[Flaw]) {
        let text: Vec<char> = text.chars().collect();
        assert_eq!(flaws(&text, &attribute(&text, sources), sources), expect, "{text:?}");
    }

    fn lost(at: usize, text: &str) -> Flaw {
        Flaw::Lost { at, text: text.to_owned() }
    }

    fn spliced(at: usize) -> Flaw {
        Flaw::Spliced { at, from: "a".to_owned(), to: "b".to_owned() }
    }

    const A: &str = "malvoru benetik";
    const B: &str = "vushagi wotrezo xylqana";

    #[test]
    fn blanks_of_another_voice_are_no_content() {
        let edge = Flaw::EdgeBlank { at: 0 };
        check(&[source(0, "a", 0, " "), source(1, "b", 0, B)], &format!(" {B}"), std::slice::from_ref(&edge));
        // Of several calls, too.
        let blanks = [source(0, "a", 0, " "), source(1, "a", 1, "\n"), source(2, "b", 0, B)];
        check(&blanks, &format!(" \n{B}"), &[edge]);
        check(&[source(0, "a", 0, A), source(1, "b", 0, B)], &format!("{A}{B}"), &[spliced(A.len())]);
    }

    #[test]
    fn a_voice_that_has_spoken_is_compared_with_itself() {
        // Behind the splice what is missing is missing of the same voice, wherever that began.
        for from in [0, 7] {
            let sources = [source(0, "a", 0, A), source(1, "b", from, B)];
            check(&sources, "malvoruvushagi xylqana", &[spliced(7), lost(15, "wotrezo ")]);
        }
        // A call that goes on with another's words has its own behind them.
        let goes_on = [source(0, "a", 0, A), source(1, "a", A.len(), " corudam dopelin")];
        check(&goes_on, &format!("{A} corudamdopelin"), &[lost(23, " ")]);
        check(&goes_on, &format!("{A}corudam dopelin"), &[Flaw::SeamBlank { at: 15, seam: Seam::Changed }]);
    }

    #[test]
    fn a_blank_that_nobody_said_is_foreign_within_a_call() {
        let foreign = Flaw::Foreign { at: 8, text: "\n".to_owned() };
        check(&[source(0, "a", 0, A)], "malvoru \nbenetik", &[foreign]);
    }
}
