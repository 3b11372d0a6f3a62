//! Barrier and gate with a client that is scripted.

use std::time::{Duration, Instant};

use super::super::testing::{Client, Left, binding, case, chat, legs};
use super::super::{Legs, Session};
use crate::history::BarrierEnd;
use crate::progress::Progress;
use crate::proxy::LegBy;

async fn followed(yaml: &str, patience: f64, holds_back: bool, lock_step: u32) -> (Legs, Session, Progress) {
    let legs = legs(LegBy::Prefix, 1).await;
    let binding = super::super::Binding { lock_step, patience, holds_back, ..binding(&case(yaml), "uniquewordx") };
    let session = legs.begin("s", binding);
    let progress = Progress::default();
    session.begin_step(0, Some(progress.clone()));
    (legs, session, progress)
}

const CUT: &str = "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: close}}}\n";

#[tokio::test]
async fn a_cut_waits_until_the_client_has_what_was_sent() {
    let (legs, session, progress) = followed(CUT, 1.0, false, 0).await;
    let mut client = Client::connect(&legs.host(0)).await;
    client.post("/s/primary/v1/chat/completions", &chat("Hello.")).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(session.case_for_tests().speeches()["primary"].said().split_whitespace().count(), 5);
    let asked = Instant::now();
    progress.set(&session.case_for_tests().speeches()["primary"].said());
    let got = client.response().await;
    assert_eq!(got.left, Left::Fin);
    assert!(
        (Duration::from_millis(45)..Duration::from_millis(250)).contains(&asked.elapsed()),
        "{:?}",
        asked.elapsed()
    );
    assert!(session.quiet(Duration::ZERO).await);
    assert_eq!(session.end_step()[0].barrier, BarrierEnd::Seen);
}

#[tokio::test]
async fn a_barrier_gives_up_and_says_so() {
    let (legs, session, _progress) = followed(CUT, 0.1, false, 0).await;
    let started = Instant::now();
    assert_eq!(Client::connect(&legs.host(0)).await.ask("primary", "Hello.").await.left, Left::Fin);
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert!(session.quiet(Duration::ZERO).await);
    assert_eq!(session.end_step()[0].barrier, BarrierEnd::TimedOut);
}

#[tokio::test]
async fn there_is_no_barrier_where_nobody_can_follow() {
    let before_text = CUT.replace("{texts: 5}", "preamble");
    let race = CUT.replace("primary: {", "primary: {barrier: none, ");
    for (yaml, holds_back) in [(CUT, true), (&before_text, false), (&race, false)] {
        let (legs, session, _progress) = followed(yaml, 1.0, holds_back, 0).await;
        let started = Instant::now();
        assert_eq!(Client::connect(&legs.host(0)).await.ask("primary", "Hello.").await.left, Left::Fin);
        assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
        assert!(session.quiet(Duration::ZERO).await);
        assert_eq!(session.end_step()[0].barrier, BarrierEnd::None);
    }
}

const LOCK_STEP: &str = "client: openai-chat\nlegs: {primary: {answer: short-text, pace: lock_step}}\n";

/// Follows the leg with a client that always lacks the last `behind` deltas.
async fn lock_step(behind: usize, k: u32) -> crate::history::UpstreamExchange {
    let (legs, session, progress) = followed(LOCK_STEP, 0.1, false, k).await;
    let mut client = Client::connect(&legs.host(0)).await;
    client.patience = Duration::from_secs(2);
    let follow = async {
        loop {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let said = session.case_for_tests().speeches()["primary"].said();
            let words: Vec<_> = said.split_inclusive(' ').collect();
            progress.set(&words[..words.len().saturating_sub(behind)].concat());
        }
    };
    let got = tokio::select! {
        got = client.ask("primary", "Hello.") => got,
        () = follow => unreachable!(),
    };
    assert_eq!(got.left, Left::Whole);
    assert!(session.quiet(Duration::ZERO).await);
    session.end_step().remove(0)
}

#[tokio::test]
async fn the_gate_stays_shut_for_a_client_that_keeps_up() {
    let exchange = lock_step(0, 0).await;
    assert!(exchange.gated);
    assert_eq!(exchange.gate_opened, None);
    let exchange = lock_step(2, 2).await;
    assert_eq!(exchange.gate_opened, None);
}

#[tokio::test]
async fn the_gate_opens_once_for_a_client_that_does_not() {
    let started = Instant::now();
    let exchange = lock_step(2, 0).await;
    assert_eq!(exchange.gate_opened, Some(1));
    assert!(started.elapsed() < Duration::from_millis(900), "it opens once: {:?}", started.elapsed());
}
