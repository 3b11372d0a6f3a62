//! Shrinking: from a drawn case that fails to a small one that fails in the same way.
//!
//! It is asked for the next candidate and told whether that one still fails, so whoever plays the candidates may take
//! their time. Whole parts are made plain first; what is left is proptest's tree, made simpler step by step.

use std::collections::HashMap;

use super::draft::{Act, Answer, Draft, Place, Reply, Trouble};
use super::draw::{PLAIN, Tree};
use crate::scenario::{By, Pace};

/// Steps of the tree in which nothing new comes up, at most.
const IDLE: usize = 3_000;

/// Makes one part of a case plain.
type Plain = fn(&mut Draft);

/// The parts, those that matter least first.
const PLAIN_PARTS: &[Plain] = &[
    |draft| draft.request = plain_request(draft),
    |draft| draft.story.pair = 0,
    |draft| draft.request.params.clear(),
    |draft| draft.request.rounds.clear(),
    |draft| draft.request.tools.clear(),
    |draft| draft.request.thoughts = false,
    |draft| draft.request.usage = false,
    |draft| draft.request.system = None,
    |draft| draft.request.last = vec![PLAIN.into()],
    |draft| draft.request.stream = true,
    |draft| draft.story.leave = None,
    |draft| draft.story.legs.iter_mut().skip(1).for_each(|leg| leg.first = Act::PLAIN),
    |draft| draft.story.legs.iter_mut().for_each(|leg| leg.later = None),
    |draft| draft.story.legs[0].first.answer = Answer::Plain,
    |draft| draft.story.legs[1].first.answer = Answer::Plain,
    |draft| draft.story.legs[2].first.answer = Answer::Plain,
    |draft| draft.story.legs.iter_mut().for_each(|leg| leg.first.edits.clear()),
    |draft| draft.story.legs.iter_mut().for_each(|leg| leg.first.pace = Pace::Instant),
    |draft| draft.story.legs[0].first.trouble = Trouble::None,
    |draft| draft.story.legs[1].first.trouble = Trouble::None,
    |draft| draft.story.legs[2].first.trouble = Trouble::None,
    |draft| cut(draft, |place, _| *place = Place::Texts(u16::MAX / 5)),
    |draft| cut(draft, |place, _| *place = Place::Head),
    |draft| cut(draft, |_, by| *by = By::Close),
    |draft| cut(draft, |_, by| *by = By::ErrorEvent),
    |draft| said(draft, |said| said.thinking = (0, false)),
    |draft| said(draft, |said| said.calls.clear()),
    |draft| said(draft, |said| said.text = super::draft::Text::Words(2)),
    |draft| said(draft, |said| said.chunk = 0),
    |draft| said(draft, |said| said.length = false),
    |draft| {
        for round in &mut draft.request.rounds {
            PLAIN.clone_into(&mut round.user);
            if let Reply::Text(text) = &mut round.reply {
                "Well.".clone_into(text);
            }
        }
    },
];

fn plain_request(draft: &Draft) -> super::draft::Request {
    super::draft::Request { stream: draft.request.stream, ..Draft::plain().request }
}

fn cut(draft: &mut Draft, change: impl Fn(&mut Place, &mut By)) {
    for leg in &mut draft.story.legs {
        if let Trouble::Cut(place, by) = &mut leg.first.trouble {
            change(place, by);
        }
    }
}

fn said(draft: &mut Draft, change: impl Fn(&mut super::draft::Said)) {
    for leg in &mut draft.story.legs {
        if let Answer::Said(said) = &mut leg.first.answer {
            change(said);
        }
    }
}

/// A case on its way to a small one.
pub(super) struct Shrinker<C> {
    tree: Tree,
    /// Parts that are made plain, by index.
    plain: Vec<usize>,
    /// The next part to try.
    next: usize,
    /// What a draft is played as; candidates that are the same need no second play.
    play: fn(&C, &Draft) -> Option<String>,
    context: C,
    known: HashMap<String, bool>,
    /// The smallest one that fails.
    best: Draft,
    best_text: String,
    asked: Asked,
    /// Plays that are left.
    left: usize,
}

/// What the last candidate was made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    Part,
    Tree,
}

impl<C> Shrinker<C> {
    /// Begins with a tree whose current case fails.
    pub(super) fn new(tree: Tree, context: C, play: fn(&C, &Draft) -> Option<String>, plays: usize) -> Option<Self> {
        let best = tree.current();
        let best_text = play(&context, &best)?;
        let known = HashMap::from([(best_text.clone(), true)]);
        let (plain, next, asked) = (Vec::new(), 0, Asked::Nothing);
        Some(Self { tree, plain, next, play, context, known, best, best_text, asked, left: plays })
    }

    /// The smallest case so far.
    pub(super) fn best(&self) -> &Draft {
        &self.best
    }

    /// The next case to play, and as what; `None` when it can be made no smaller, or the plays are used up.
    pub(super) fn next(&mut self) -> Option<(Draft, String)> {
        let mut idle = 0;
        while self.left > 0 && idle < IDLE {
            idle += 1;
            let draft = self.candidate()?;
            let text = (self.play)(&self.context, &draft);
            match text.as_ref().map(|text| (text, self.known.get(text))) {
                // A case that cannot be written fails nothing.
                None => self.learn(&draft, None, false),
                Some((text, Some(fails))) => {
                    let (text, fails) = (text.clone(), *fails);
                    self.learn(&draft, Some(text), fails);
                }
                Some((_, None)) => {
                    self.left -= 1;
                    return text.map(|text| (draft, text));
                }
            }
        }
        None
    }

    /// Takes whether the candidate of [`next`](Self::next) fails in the same way.
    pub(super) fn told(&mut self, draft: &Draft, text: String, fails: bool) {
        self.known.insert(text.clone(), fails);
        self.learn(draft, Some(text), fails);
    }

    fn candidate(&mut self) -> Option<Draft> {
        if self.next < PLAIN_PARTS.len() {
            self.asked = Asked::Part;
            return Some(self.draft(Some(self.next)));
        }
        if self.asked != Asked::Tree && !self.tree.simplify() {
            return None;
        }
        self.asked = Asked::Tree;
        Some(self.draft(None))
    }

    fn draft(&self, part: Option<usize>) -> Draft {
        let mut draft = self.tree.current();
        for part in self.plain.iter().copied().chain(part) {
            PLAIN_PARTS[part](&mut draft);
        }
        draft
    }

    fn learn(&mut self, draft: &Draft, text: Option<String>, fails: bool) {
        if fails && let Some(text) = text {
            self.best = draft.clone();
            self.best_text = text;
        }
        match self.asked {
            Asked::Part => {
                if fails {
                    self.plain.push(self.next);
                }
                self.next += 1;
                self.asked = Asked::Nothing;
            }
            Asked::Tree => {
                let more = if fails { self.tree.simplify() } else { self.tree.complicate() };
                if !more {
                    self.left = 0;
                }
            }
            Asked::Nothing => {}
        }
    }

    /// The smallest case as it was played.
    pub(super) fn text(&self) -> &str {
        &self.best_text
    }
}
