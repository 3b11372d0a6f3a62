//! Whether a request asks a leg to go on from what was said: decided by content, never by a proxy's words.
//!
//! What counts is what the request has beyond a *reference*: the control's request, or the client's own where there
//! is no control. Offsets are characters, not bytes.

mod quote;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use quote::{Run, best_reading};

use crate::api::compare::{join_turns, without_words};
use crate::api::{Api, Conversation, Part, Role, Turn};
use crate::history::Continuation;

/// What one voice has said so far in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoiceText {
    /// Whose voice: the name of a leg.
    pub leg: String,
    /// The whole text of its answer.
    pub whole: String,
    /// The text said so far, by whichever legs spoke this voice: a beginning of `whole`.
    pub said: String,
    /// Where else a client may have stood: characters at which earlier pieces ended, as far back as the proxy declares
    /// to hold pieces back.
    pub borders: Vec<usize>,
    /// Characters at which its pieces end.
    pub pieces: Vec<usize>,
    /// Whether its answer can be gone on with: plain text. A cassette, a tool call and thinking never are.
    pub continues: bool,
}

/// A request to a leg, and what is needed to tell whether it asks to continue.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// API of the request: whether a trailing assistant turn is a prefill is the vendor's matter.
    pub api: &'a dyn Api,
    /// The leg that is asked; if its own answer does not continue, it never does.
    pub leg: &'a str,
    /// The request.
    pub request: &'a Conversation,
    /// The control's request, or the client's own.
    pub reference: &'a Conversation,
    /// Every voice of the case.
    pub voices: &'a [VoiceText],
    /// Words to take out of both requests: the case's unique word and the control's.
    pub unique: &'a [String],
}

/// What a request turned out to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Whether, and how, it asks to continue.
    pub continuation: Continuation,
    /// Whose voice is to be gone on with; `None`: the leg's own, from the start.
    pub voice: Option<String>,
    /// Character offset in that voice at which to go on.
    pub from: usize,
}

impl Recognised {
    fn anew(continuation: Continuation) -> Self {
        Self { continuation, voice: None, from: 0 }
    }

    fn unrecognised(reason: impl Into<String>) -> Self {
        Self::anew(Continuation::Unrecognised { reason: reason.into() })
    }
}

/// Decides whether a request asks to continue, and from where.
pub fn recognise(asked: &Asked<'_>) -> Recognised {
    let request = without_words(asked.request, asked.unique);
    let reference = without_words(asked.reference, asked.unique);
    let beyond = Beyond::new(&request, &reference);

    let found = match prefill(asked, &request, &reference, &beyond) {
        Some(found) => found,
        None => user_message(asked, &request, &beyond),
    };
    let able = |leg: &str| asked.voices.iter().all(|voice| voice.leg != leg || voice.continues);
    match &found.voice {
        Some(voice) if !able(voice) => {
            Recognised::unrecognised(format!("the answer of `{voice}` is none that can be continued"))
        }
        Some(_) if !able(asked.leg) => {
            Recognised::unrecognised(format!("the answer of `{}` is none that continues another", asked.leg))
        }
        _ => found,
    }
}

/// What a request has beyond its reference.
#[derive(Debug)]
struct Beyond {
    /// Text of each addition, with who speaks it.
    texts: Vec<(Role, String)>,
    /// Whether something stands after the client's last turn.
    added_after: bool,
}

impl Beyond {
    fn new(request: &Conversation, reference: &Conversation) -> Self {
        let (request, reference) = (join_turns(&request.turns), join_turns(&reference.turns));
        let mut texts = Vec::new();
        let mut added_after = false;
        let mut taken = vec![false; reference.len()];
        let last = reference.iter().rposition(|turn| turn.role != Role::System);
        let mut seen_last = false;
        // Equal turns first, so that an addition never takes the place of a turn that is there unchanged.
        let mut equal: Vec<Option<usize>> = vec![None; request.len()];
        let mut next = 0;
        for (index, turn) in request.iter().enumerate() {
            if let Some(at) = (next..reference.len()).find(|&at| same(turn, &reference[at])) {
                equal[index] = Some(at);
                taken[at] = true;
                next = at + 1;
            }
        }
        for (index, turn) in request.iter().enumerate() {
            if let Some(at) = equal[index] {
                seen_last |= Some(at) == last;
                continue;
            }
            let text = all_text(turn);
            let extended = (0..reference.len()).find(|&at| {
                !taken[at] && reference[at].role == turn.role && {
                    let before = all_text(&reference[at]);
                    !before.is_empty() && text.contains(&before)
                }
            });
            if let Some(at) = extended {
                taken[at] = true;
                seen_last |= Some(at) == last;
                let (before, after) = text.split_once(&all_text(&reference[at])).unwrap_or_default();
                added_after |= Some(at) == last && !after.trim().is_empty();
                texts.extend([before, after].map(|text| (turn.role, text.to_owned())));
            } else {
                added_after |= seen_last;
                texts.push((turn.role, text));
            }
        }
        if !seen_last {
            // The client's last turn itself was changed: count turns instead.
            let spoken = |turns: &[Turn]| turns.iter().filter(|turn| turn.role != Role::System).count();
            added_after |= spoken(&request) > spoken(&reference);
        }
        Self { texts, added_after }
    }
}

/// Whether two joined turns are one and the same, ids aside.
fn same(a: &Turn, b: &Turn) -> bool {
    let shape = |turn: &Turn| turn.parts.iter().map(std::mem::discriminant).collect::<Vec<_>>();
    a.role == b.role && shape(a) == shape(b) && all_text(a) == all_text(b)
}

/// Every text of a turn, results of tools included.
fn all_text(turn: &Turn) -> String {
    fn collect(parts: &[Part], out: &mut String) {
        for part in parts {
            match part {
                Part::Text { text, .. } | Part::Refusal { text } => out.push_str(text),
                Part::ToolResult { parts, .. } => collect(parts, out),
                Part::Image { .. } | Part::Thinking { .. } | Part::ToolCall { .. } | Part::Other(_) => {}
            }
        }
    }
    let mut out = String::new();
    collect(&turn.parts, &mut out);
    out
}

/// A trailing assistant turn that the vendor's model goes on from; `None` if it is none, or quotes no voice.
fn prefill(asked: &Asked<'_>, request: &Conversation, reference: &Conversation, beyond: &Beyond) -> Option<Recognised> {
    let joined = Conversation { turns: join_turns(&request.turns), ..request.clone() };
    let text = asked.api.prefill(&joined)?;
    if !beyond.added_after {
        return None;
    }
    // The client may have sent a prefill of its own, which the addition then extends.
    let reference = join_turns(&reference.turns);
    let own = reference.last().filter(|turn| turn.role == Role::Assistant).map(Turn::text).unwrap_or_default();
    let text = text.strip_prefix(&own).unwrap_or(&text);
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        return Some(Recognised::anew(Continuation::Prefill { quoted: String::new() }));
    }
    let fits = |voice: &&VoiceText| voice.whole.starts_with(trimmed);
    let voice = asked
        .voices
        .iter()
        .filter(fits)
        .max_by_key(|voice| (voice.said.starts_with(trimmed), std::cmp::Reverse(voice.said.len())))?;
    // Blanks at the end that are quoted as they were said are not spoken again.
    let exact = text.bytes().zip(voice.whole.bytes()).take_while(|(a, b)| a == b).count();
    let end = (trimmed.len()..=exact).rev().find(|&end| voice.whole.is_char_boundary(end)).unwrap_or(trimmed.len());
    let quoted = &voice.whole[..end];
    Some(Recognised {
        continuation: Continuation::Prefill { quoted: quoted.to_owned() },
        voice: Some(voice.leg.clone()),
        from: quoted.chars().count(),
    })
}

/// A quotation anywhere in what the request has beyond its reference.
fn user_message(asked: &Asked<'_>, request: &Conversation, beyond: &Beyond) -> Recognised {
    let trailing_assistant = request.last().is_some_and(|turn| turn.role == Role::Assistant);
    let mut places = BTreeSet::new();
    let mut longest: Option<Run> = None;
    for (role, text) in &beyond.texts {
        // A trailing assistant turn alone is history: the model is not asked for anything.
        if *role == Role::Assistant && trailing_assistant {
            continue;
        }
        for run in best_reading(text, asked.voices) {
            places.insert((run.voice, run.end, run.ambiguous));
            if longest.as_ref().is_none_or(|best| run.end - run.start > best.end - best.start) {
                longest = Some(run);
            }
        }
    }
    match longest {
        Some(run) if places.len() == 1 && !run.ambiguous => {
            let voice = &asked.voices[run.voice];
            let quoted = voice.said.chars().skip(run.start).take(run.end - run.start).collect();
            Recognised {
                continuation: Continuation::UserMessage { quoted },
                voice: Some(voice.leg.clone()),
                from: run.end,
            }
        }
        Some(_) => Recognised::unrecognised("what was said is quoted from more than one place"),
        None if !beyond.added_after => Recognised::anew(Continuation::None),
        None if trailing_assistant => Recognised::unrecognised(format!(
            "it ends with an assistant turn that {} does not take for a prefill of what was said",
            asked.api.id()
        )),
        None => Recognised::unrecognised("it adds turns that quote nothing of what was said"),
    }
}
