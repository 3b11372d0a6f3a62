//! What happens: which legs there are, what each does, and whether the client stays.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::draft::{Act, Answer, Place, Script, Story, Trouble};
use super::answer::answer;
use super::or;
use crate::scenario::{By, Edit, Millis, Pace, Stall, Status};

/// Statuses of real providers.
const STATUSES: [u16; 13] = [500, 503, 429, 502, 504, 529, 400, 401, 403, 404, 408, 413, 422];

fn place() -> BoxedStrategy<Place> {
    prop_oneof![
        4 => any::<u16>().prop_map(Place::Texts),
        3 => any::<u16>().prop_map(Place::Blanks),
        3 => any::<u16>().prop_map(Place::Pieces),
        3 => any::<u16>().prop_map(Place::Events),
        4 => any::<u16>().prop_map(Place::Bytes),
        1 => Just(Place::Head),
        1 => Just(Place::Preamble),
        1 => Just(Place::LastContent),
        1 => Just(Place::Finish),
        1 => Just(Place::Terminator),
    ]
    .boxed()
}

fn effect() -> BoxedStrategy<By> {
    prop_oneof![
        3 => Just(By::Close),
        2 => Just(By::ErrorEvent),
        2 => Just(By::Eof),
        2 => Just(By::Reset),
        1 => Just(By::BadJson),
        1 => (50_u64..300).prop_map(|pause| By::Stall(Stall { r#for: Some(Millis(pause)) })),
    ]
    .boxed()
}

fn status() -> BoxedStrategy<Trouble> {
    let later = or(None, 20, Just(Some(Millis(1_000))));
    (select(&STATUSES[..]), later)
        .prop_map(|(code, retry_after)| {
            let retry_after = retry_after.filter(|_| matches!(code, 429 | 503));
            Trouble::Status(Status { code, retry_after })
        })
        .boxed()
}

fn trouble() -> BoxedStrategy<Trouble> {
    let cut = (place(), effect()).prop_map(|(place, by)| Trouble::Cut(place, by));
    prop_oneof![1 => status(), 3 => cut].boxed()
}

fn edits() -> BoxedStrategy<Vec<Edit>> {
    let edit = prop_oneof![
        2 => (1_u32..80).prop_map(|n| vec![Edit::Split(n)]),
        2 => (2_u32..12).prop_map(|n| vec![Edit::Merge(n)]),
        1 => Just(vec![Edit::Crlf]),
        1 => Just(vec![Edit::Comments]),
        1 => (1_u32..80).prop_map(|n| vec![Edit::Crlf, Edit::Comments, Edit::Split(n)]),
    ];
    or(Vec::new(), 30, edit)
}

/// An act that fails in `share` of 100 cases.
fn act(share: u32) -> BoxedStrategy<Act> {
    let pace = prop_oneof![92 => Just(Pace::Instant), 4 => Just(Pace::LockStep), 4 => Just(Pace::Every(Millis(2)))];
    (answer(), or(Trouble::None, share, trouble()), edits(), pace)
        .prop_map(|(answer, trouble, edits, pace)| Act { answer, trouble, edits, pace })
        .boxed()
}

fn script(share: u32) -> BoxedStrategy<Script> {
    let later = or(None, 10, act(30).prop_map(Some));
    (act(share), later).prop_map(|(first, later)| Script { first, later }).boxed()
}

/// What happens.
pub(super) fn story() -> BoxedStrategy<Story> {
    let leave = (place(), select(vec![By::Close, By::Reset]));
    let legs = (script(80), script(25), script(10)).prop_map(|(a, b, c)| vec![a, b, c]);
    (any::<u16>(), legs, or(None, 4, leave.prop_map(Some)))
        .prop_map(|(pair, mut legs, leave)| {
            if leave.is_some() {
                // Long enough that there is something to cancel.
                legs[0].first = Act { answer: Answer::Named("long-text"), pace: Pace::Every(Millis(10)), ..Act::PLAIN };
            }
            Story { pair, legs, leave }
        })
        .boxed()
}
