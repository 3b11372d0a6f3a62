//! Attribution: which leg said each character that the client got.
//!
//! A voice's words are unique, so a character belongs to a place in a voice. Cassettes are attributed the same way,
//! by exact match. The text is taken from left to right: as long as the source at hand goes on, it is followed; where
//! it does not, the source that explains most of what follows is taken.

use std::cmp::Ordering;
use std::collections::HashMap;

/// Text that a leg sent.
#[derive(Clone, Debug)]
pub(in crate::check) struct Source {
    /// Index in the step's calls.
    pub(in crate::check) call: usize,
    /// Whose words.
    pub(in crate::check) voice: String,
    /// Character of the voice at which the text begins.
    pub(in crate::check) from: usize,
    pub(in crate::check) text: Vec<char>,
}

/// A piece of the client's text that one call spoke without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) struct Segment {
    /// First character in the client's text.
    pub(in crate::check) start: usize,
    pub(in crate::check) len: usize,
    /// Source and first character in it; `None` if no leg said this.
    pub(in crate::check) at: Option<(usize, usize)>,
}

/// Characters other than blanks that a match needs where nothing else speaks for it.
const SURE: usize = 6;
/// Length of the pieces by which matches are looked up.
const GRAM: usize = 3;
/// Places of one piece that are looked at: a bound on texts that repeat themselves.
const MOST_PLACES: usize = 256;

/// Splits the client's text into segments.
pub(super) fn attribute(text: &[char], sources: &[Source]) -> Vec<Segment> {
    let index = Index::new(sources);
    let mut out: Vec<Segment> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let last = out.last().and_then(|segment| segment.at.map(|(source, offset)| (source, offset + segment.len)));
        let Some(Match { source, offset, len, .. }) = index.best(text, at, last) else {
            match out.last_mut() {
                Some(segment) if segment.at.is_none() => segment.len += 1,
                _ => out.push(Segment { start: at, len: 1, at: None }),
            }
            at += 1;
            continue;
        };
        let back = out.last().map_or(0, |segment| stolen(text, at, segment, &sources[source].text, offset));
        if let Some(segment) = out.last_mut() {
            segment.len -= back;
            if segment.len == 0 {
                out.pop();
            }
        }
        out.push(Segment { start: at - back, len: len + back, at: Some((source, offset - back)) });
        at += len;
    }
    out
}

/// How many characters before a match belong to it, though the segment before could explain them too: blanks and
/// punctuation, up to the start of the source.
fn stolen(text: &[char], at: usize, before: &Segment, source: &[char], offset: usize) -> usize {
    let most = offset.min(before.len).min(8);
    let back = (1..=most)
        .take_while(|back| text[at - back] == source[offset - back] && !text[at - back].is_alphanumeric())
        .count();
    // Foreign characters never go to a leg by this.
    if before.at.is_some() && back == offset { back } else { 0 }
}

/// A place of a source that says what the text says.
#[derive(Clone, Copy)]
struct Match {
    source: usize,
    offset: usize,
    len: usize,
    /// How likely the place is, of places that explain as much.
    rank: u8,
}

struct Index<'a> {
    sources: &'a [Source],
    grams: HashMap<[char; GRAM], Vec<(usize, usize)>>,
}

impl<'a> Index<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let mut grams: HashMap<[char; GRAM], Vec<(usize, usize)>> = HashMap::new();
        for (number, source) in sources.iter().enumerate() {
            for (offset, gram) in source.text.windows(GRAM).enumerate() {
                let gram = [gram[0], gram[1], gram[2]];
                let places = grams.entry(gram).or_default();
                if places.len() < MOST_PLACES {
                    places.push((number, offset));
                }
            }
        }
        Self { sources, grams }
    }

    /// The match that explains most of the text from `at` on. `last` is where the segment before ended.
    fn best(&self, text: &[char], at: usize, last: Option<(usize, usize)>) -> Option<Match> {
        let rest = &text[at..];
        let next = last.map(|(source, offset)| {
            let source = &self.sources[source];
            (source.call, source.voice.as_str(), source.from + offset)
        });
        let mut best: Option<Match> = None;
        let mut look = |number: usize, offset: usize| {
            let source = &self.sources[number];
            let len = rest.iter().zip(&source.text[offset..]).take_while(|(a, b)| a == b).count();
            if len == 0 {
                return;
            }
            let goes_on = next.is_some_and(|(_, voice, place)| voice == source.voice && place == source.from + offset);
            let begins = offset == 0;
            let whole = len == rest.len() || len == source.text.len() - offset;
            let sure = rest[..len].iter().filter(|c| !c.is_whitespace()).count();
            let enough =
                sure >= SURE || whole && (goes_on || begins || sure >= 2) || (goes_on || begins) && len >= GRAM;
            if !enough {
                return;
            }
            let later = next.is_some_and(|(call, _, _)| source.call > call);
            // Of two tries in one voice, the one that said just this and no more.
            let exact = len == rest.len() && len == source.text.len();
            let rank = if goes_on { 4 } else { u8::from(begins) * (1 + u8::from(later) + u8::from(exact)) };
            // Of tries that said the same in one voice, the last: after a whole answer nobody tries again.
            let retried = |best: Match| exact && self.sources[best.source].voice == source.voice;
            let beats = |best: Match| match (len, rank).cmp(&(best.len, best.rank)) {
                Ordering::Equal => retried(best),
                order => order == Ordering::Greater,
            };
            if best.is_none_or(beats) {
                best = Some(Match { source: number, offset, len, rank });
            }
        };
        if rest.len() >= GRAM {
            for (number, offset) in self.grams.get(&[rest[0], rest[1], rest[2]]).into_iter().flatten() {
                look(*number, *offset);
            }
        }
        // Ends that are shorter than a piece, and the places that are likely, whatever repeats itself.
        for (number, source) in self.sources.iter().enumerate() {
            if !source.text.is_empty() {
                look(number, 0);
            }
            let place = next
                .filter(|(_, voice, _)| *voice == source.voice)
                .and_then(|(_, _, place)| place.checked_sub(source.from));
            if let Some(offset) = place.filter(|offset| *offset <= source.text.len()) {
                look(number, offset);
            }
            if rest.len() < GRAM {
                for offset in source.text.len().saturating_sub(rest.len())..source.text.len() {
                    look(number, offset);
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(call: usize, voice: &str, from: usize, text: &str) -> Source {
        Source { call, voice: voice.to_owned(), from, text: text.chars().collect() }
    }

    /// Segments as `call@offset:text`, `?` for none.
    fn check(sources: &[Source], text: &str, expect: &[&str]) {
        let chars: Vec<char> = text.chars().collect();
        let got: Vec<String> = attribute(&chars, sources)
            .iter()
            .map(|segment| {
                let text: String = chars[segment.start..segment.start + segment.len].iter().collect();
                match segment.at {
                    Some((number, offset)) => {
                        format!("{}@{}:{text}", sources[number].call, sources[number].from + offset)
                    }
                    None => format!("?:{text}"),
                }
            })
            .collect();
        assert_eq!(got, expect, "{text:?}");
    }

    const A: &str = "malvoru benetik corudam dopelin";
    const B: &str = "vushagi wotrezo xylqana";

    #[test]
    fn one_leg() {
        let sources = [source(0, "a", 0, A)];
        check(&sources, A, &[&format!("0@0:{A}")]);
        check(&sources, "malvoru benetik", &["0@0:malvoru benetik"]);
        check(&sources, "", &[]);
        check(&sources, "m", &["0@0:m"]);
        check(&sources, "x", &["?:x"]);
    }

    #[test]
    fn what_is_lost_or_doubled_shows_as_a_jump() {
        let sources = [source(0, "a", 0, A)];
        check(&sources, "malvoru corudam dopelin", &["0@0:malvoru ", "0@16:corudam dopelin"]);
        check(&sources, "malvoru malvoru benetik", &["0@0:malvoru ", "0@0:malvoru benetik"]);
        check(&sources, "malvoru benetik corudam dopel in", &["0@0:malvoru benetik corudam dopel", "?: ", "0@29:in"]);
    }

    #[test]
    fn a_continuation_goes_on_in_the_voice() {
        let sources = [source(0, "a", 0, "malvoru benetik"), source(1, "a", 15, " corudam dopelin")];
        check(&sources, A, &["0@0:malvoru benetik", "1@15: corudam dopelin"]);
        check(&sources, "malvoru benetikcorudam dopelin", &["0@0:malvoru benetik", "1@16:corudam dopelin"]);
        check(&sources, "malvoru benetik  corudam dopelin", &["0@0:malvoru benetik", "?: ", "1@15: corudam dopelin"]);
    }

    #[test]
    fn text_that_was_sent_but_lost_in_a_race_does_not_mislead() {
        let sources = [source(0, "a", 0, "malvoru benetik corudam"), source(1, "a", 7, " benetik corudam dopelin")];
        check(&sources, A, &["0@0:malvoru benetik corudam", "1@23: dopelin"]);
        let sources = [source(0, "a", 0, "malvoru benetik corudam"), source(1, "b", 0, " vushagi wotrezo")];
        check(&sources, "malvoru benetik vushagi wotrezo", &["0@0:malvoru benetik", "1@0: vushagi wotrezo"]);
    }

    #[test]
    fn of_two_tries_the_one_that_said_just_this() {
        let sources = [source(0, "a", 0, "malvoru benetik corudam"), source(1, "a", 0, "malvoru benetik")];
        check(&sources, "malvoru benetik", &["1@0:malvoru benetik"]);
        check(&sources, "malvoru benetik cor", &["0@0:malvoru benetik cor"]);
        check(&sources, "malvoru", &["0@0:malvoru"]);
        let sources = [source(0, "a", 0, A), source(1, "a", 0, A)];
        check(&sources, A, &[&format!("1@0:{A}")]);
        let other_voice = [source(0, "a", 0, A), source(1, "b", 0, A)];
        check(&other_voice, A, &[&format!("0@0:{A}")]);
    }

    #[test]
    fn another_leg_and_strangers() {
        let sources = [source(0, "a", 0, "malvoru benetik"), source(1, "b", 0, B)];
        check(&sources, &format!("malvoru benetik{B}"), &["0@0:malvoru benetik", &format!("1@0:{B}")]);
        check(&sources, "Sorry, vushagi", &["?:Sorry, ", "1@0:vushagi"]);
        check(
            &sources,
            "malvoru benetik [error: the upstream died]",
            &["0@0:malvoru benetik", "?: [error: the upstream died]"],
        );
    }

    #[test]
    fn punctuation_that_both_legs_say_belongs_to_the_one_that_goes_on() {
        let sources = [source(0, "a", 0, "{\"city\":\"malvoru"), source(1, "b", 0, "{\"city\":\"vushagi\"}")];
        check(&sources, "{\"city\":\"vushagi\"}", &["1@0:{\"city\":\"vushagi\"}"]);
        check(
            &sources,
            "{\"city\":\"mal{\"city\":\"vushagi\"}",
            &["0@0:{\"city\":\"mal", "1@0:{\"city\":\"vushagi\"}"],
        );
    }

    #[test]
    fn a_tail_too_short_to_tell_is_said_by_whoever_goes_on() {
        let sources = [source(0, "a", 0, "malvoru benetik"), source(1, "a", 7, " benetik corudam d")];
        check(&sources, "malvoru benetik c", &["0@0:malvoru benetik", "1@15: c"]);
        check(&sources, "malvoru benetik d", &["0@0:malvoru benetik", "?: d"]);
        // The start of a source is enough, and so is its end.
        check(&sources, "mal zzz", &["0@0:mal", "?: zzz"]);
        let sources = [source(0, "a", 0, "malvoru benetik"), source(1, "b", 0, B)];
        check(&sources, "malvoru tikvushagi", &["0@0:malvoru ", "0@12:tik", "1@0:vushagi"]);
        check(&sources, "malvoru eti zzz", &["0@0:malvoru ", "?:eti zzz"]);
        check(&sources, "malvoru ikz", &["0@0:malvoru ", "?:ikz"]);
    }

    #[test]
    fn of_equal_places_the_likeliest_is_taken() {
        let call = "{\"q\":1}";
        // The start of an answer, rather than a place inside another.
        let sources = [source(0, "a", 0, "benetik malvoru"), source(1, "b", 0, "malvoru dopelin")];
        check(&sources, "malvoru", &["1@0:malvoru"]);
        // A leg that was asked later, rather than one that was asked before.
        let sources = [
            source(0, "a", 0, &format!("{call} malvoru")),
            source(1, "b", 0, B),
            source(2, "c", 0, &format!("{call} dopelin")),
        ];
        check(&sources, &format!("{B}{call}"), &[&format!("1@0:{B}"), &format!("2@0:{call}")]);
        // The one that speaks is not asked later than itself.
        let spoken = format!("{call} vushagi");
        let sources = [source(0, "a", 0, &format!("{call} malvoru")), source(1, "b", 0, &spoken)];
        check(&sources, &format!("{spoken}{call}"), &[&format!("1@0:{spoken}"), &format!("0@0:{call}")]);
        let sources = [source(0, "a", 0, call), source(1, "b", 0, B), source(2, "c", 0, call)];
        check(&sources, &format!("{B}{call}"), &[&format!("1@0:{B}"), &format!("2@0:{call}")]);
        // Or than the one that speaks.
        let sources = [source(1, "b", 0, &format!("{call} vushagi")), source(2, "c", 0, call)];
        let spoken = format!("{call} vushagi");
        check(&sources, &format!("{spoken}{call}"), &[&format!("1@0:{spoken}"), &format!("2@0:{call}")]);
        // Whoever goes on with a voice, rather than whoever begins with the same words.
        let sources =
            [source(0, "a", 0, "malvoru benetik"), source(1, "b", 0, " corudam"), source(2, "a", 15, " corudam")];
        check(&sources, "malvoru benetik corudam", &["0@0:malvoru benetik", "2@15: corudam"]);
        // A beginning, rather than a place in the middle; and of two beginnings the first.
        let sources = [source(0, "a", 0, "no malvoru"), source(1, "b", 0, "malvoru"), source(2, "c", 0, "malvoru")];
        check(&sources, "malvoru", &["1@0:malvoru"]);
    }

    #[test]
    fn a_blank_belongs_to_whoever_said_it() {
        let sources = [source(0, "a", 0, "malvoru benetik"), source(1, "b", 0, "xvushagi wotrezo")];
        check(&sources, "malvoru vushagi", &["0@0:malvoru ", "1@1:vushagi"]);
        let sources = [source(0, "a", 0, "malvoru benetik"), source(1, "b", 0, " vushagi wotrezo")];
        check(&sources, "malvoru vushagi", &["0@0:malvoru", "1@0: vushagi"]);
    }

    #[test]
    fn long_texts_are_quick() {
        let words: Vec<String> = (0..20_000).map(|n| format!("w{n:x}zq")).collect();
        let long = words.join(" ");
        let sources = [source(0, "a", 0, &long)];
        let text: Vec<char> = long.chars().collect();
        assert_eq!(attribute(&text, &sources).len(), 1);
        let foreign: Vec<char> = "lorem ipsum ".repeat(10_000).chars().collect();
        assert_eq!(attribute(&foreign, &sources).len(), 1);
    }
}
