//! What our client, at the other side of the proxy, has got of what a leg says: barrier and gate.

use std::borrow::Cow;
use std::time::Duration;

use crate::history::BarrierEnd;
use crate::progress::{Decoded, Progress};

/// Shortest word that is looked for alone; with less, what stands before it is looked for too.
const TELLING: usize = 4;
/// How far back that goes.
const TAIL: usize = 12;

/// What a leg has sent of its text.
#[derive(Debug)]
pub(super) struct Heard<'a> {
    whole: &'a str,
    /// What the voice had said before: a rest that is short is found with it.
    before: &'a str,
    /// Bytes of the text after each delta that was sent.
    deltas: Vec<usize>,
    characters: usize,
}

impl<'a> Heard<'a> {
    pub(super) fn new(before: &'a str, whole: &'a str) -> Self {
        Self { whole, before, deltas: Vec::new(), characters: 0 }
    }

    /// So many characters are out.
    pub(super) fn sent(&mut self, characters: usize) {
        if characters > self.characters {
            let from = self.deltas.last().copied().unwrap_or(0);
            let more = characters - self.characters;
            let bytes: usize = self.whole[from..].chars().take(more).map(char::len_utf8).sum();
            self.deltas.push(from + bytes);
            self.characters = characters;
        }
    }

    /// The text that is out.
    pub(super) fn text(&self) -> &'a str {
        &self.whole[..self.deltas.last().copied().unwrap_or(0)]
    }

    /// The text after the first `n` deltas.
    fn after(&self, n: usize) -> &'a str {
        &self.whole[..n.checked_sub(1).map_or(0, |last| self.deltas[last])]
    }
}

/// Our client.
#[derive(Clone, Debug)]
pub(super) struct Audience {
    pub(super) progress: Progress,
    /// Longest wait.
    pub(super) limit: Duration,
    /// Deltas that the proxy may hold back.
    pub(super) lock_step: usize,
    /// Whether a barrier waits for it: it gets a stream, and the proxy hands on what comes.
    pub(super) follows: bool,
    /// What the voice had said before this answer.
    pub(super) before: String,
    /// The words are recorded ones, and so not unique.
    pub(super) cassette: bool,
}

impl Audience {
    /// Waits until the client has everything.
    pub(super) async fn barrier(&self, heard: &Heard<'_>, beyond: &str) -> BarrierEnd {
        let text = heard.text();
        if (text.trim().is_empty() && beyond.trim().is_empty()) || !self.follows {
            return BarrierEnd::None;
        }
        let arrived = |got: &Decoded| self.has(&got.text, heard.before, text) && got.beyond.contains(beyond.trim());
        let seen = self.progress.wait(self.limit, arrived).await;
        if seen { BarrierEnd::Seen } else { BarrierEnd::TimedOut }
    }

    /// Waits until the client has all but the last deltas that may be held back; gives how many it lacks if it has
    /// not in time.
    pub(super) async fn gate(&self, heard: &Heard<'_>) -> Option<u32> {
        let sent = heard.deltas.len();
        let text = heard.after(sent.saturating_sub(self.lock_step));
        if self.progress.wait(self.limit, |got| self.has(&got.text, heard.before, text)).await {
            return None;
        }
        let got = self.progress.text();
        let has = (0..=sent).rev().find(|&n| self.has(&got, heard.before, heard.after(n))).unwrap_or(0);
        u32::try_from(sent - has).ok()
    }

    /// Whether a text has arrived: the last word of it, for words are unique.
    fn has(&self, got: &str, before: &str, text: &str) -> bool {
        let text = text.trim_end();
        if text.is_empty() {
            true
        } else if self.cassette {
            got.chars().count() >= text.chars().count()
        } else {
            got.rfind(last_word(before, text).as_ref()).is_some()
        }
    }
}

/// The last word of a text, or more of its end where that is too short to be unique.
fn last_word<'a>(before: &str, text: &'a str) -> Cow<'a, str> {
    let word = text.rfind(char::is_whitespace).map_or(text, |blank| text[blank..].trim_start());
    if word.chars().count() >= TELLING {
        return Cow::Borrowed(word);
    }
    let all = format!("{before}{text}");
    let from = all.char_indices().rev().take(TAIL).last().map_or(0, |(at, _)| at);
    Cow::Owned(all[from..].trim_start().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Say;

    fn audience(progress: &Progress, lock_step: usize) -> Audience {
        let limit = Duration::from_millis(50);
        Audience { progress: progress.clone(), limit, lock_step, follows: true, before: String::new(), cassette: false }
    }

    fn heard<'a>(text: &'a str, sent: &[usize]) -> Heard<'a> {
        let mut heard = Heard::new("", text);
        for characters in sent {
            heard.sent(*characters);
        }
        heard
    }

    #[test]
    fn the_last_word_is_long_enough_to_be_unique() {
        assert_eq!(last_word("", "kalome tirasa"), "tirasa");
        assert_eq!(last_word("pode", "kalome"), "kalome");
        assert_eq!(last_word("", "kalome tirasa ti"), "me tirasa ti");
        assert_eq!(last_word("", "a"), "a");
        assert_eq!(last_word("kalome tira", "sa"), "alome tirasa");
    }

    #[test]
    fn deltas_end_at_characters() {
        let heard = heard("né zu", &[2, 2, 5]);
        assert_eq!((heard.after(0), heard.after(1), heard.after(2)), ("", "né", "né zu"));
        assert_eq!(heard.text(), "né zu");
    }

    #[tokio::test(start_paused = true)]
    async fn a_barrier_waits_for_the_last_word() {
        let progress = Progress::default();
        let heard = heard("kalome tirasa", &[6, 13]);
        assert_eq!(audience(&progress, 0).barrier(&heard, "").await, BarrierEnd::TimedOut);
        progress.set("kalome");
        assert_eq!(audience(&progress, 0).barrier(&heard, "").await, BarrierEnd::TimedOut);
        progress.set("what kalome tirasa");
        assert_eq!(audience(&progress, 0).barrier(&heard, "").await, BarrierEnd::Seen);
        let blind = Audience { follows: false, ..audience(&progress, 0) };
        assert_eq!(blind.barrier(&heard, "").await, BarrierEnd::None);
        assert_eq!(audience(&progress, 0).barrier(&Heard::new("", "kalome"), "").await, BarrierEnd::None);
    }

    #[tokio::test]
    async fn a_barrier_waits_for_arguments_too() {
        let progress = Progress::default();
        let heard = Heard::new("", "");
        assert_eq!(audience(&progress, 0).barrier(&heard, "{\"ci").await, BarrierEnd::TimedOut);
        progress.hear(&[Say::Arguments("{\"ci".to_owned())]);
        assert_eq!(audience(&progress, 0).barrier(&heard, "{\"ci").await, BarrierEnd::Seen);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_tells_how_many_deltas_the_client_lacks() {
        let progress = Progress::default();
        let heard = heard("kalome tirasa podenu", &[6, 13, 20]);
        assert_eq!(audience(&progress, 0).gate(&heard).await, Some(3));
        progress.set("kalome");
        assert_eq!(audience(&progress, 0).gate(&heard).await, Some(2));
        assert_eq!(audience(&progress, 2).gate(&heard).await, None);
        assert_eq!(audience(&progress, 3).gate(&heard).await, None);
        progress.set("kalome tirasa podenu");
        assert_eq!(audience(&progress, 0).gate(&heard).await, None);
    }
}
