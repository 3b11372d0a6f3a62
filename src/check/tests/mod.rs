//! Each check, proved both ways on histories made by hand.

mod asked;
mod contents;
mod details;
mod endings;
mod errors;
mod failures;
mod fallbacks;
mod lines;
mod policies;
mod requests;
mod routes;
mod streams;
mod told;
mod wholes;

use super::*;

#[test]
fn every_check_gives_one_verdict_in_the_catalogues_order() {
    let lab = testing::Lab::chat().answers("primary", 0).hears_answer(&testing::whole(0));
    let judgement = lab.judged();
    let ids: Vec<&str> = judgement.verdicts.iter().map(|verdict| verdict.check.as_str()).collect();
    assert_eq!(ids, CATALOGUE.iter().map(|check| check.id).collect::<Vec<_>>());
    for verdict in &judgement.verdicts {
        assert_ne!(verdict.reason, "this check is not made yet", "{}", verdict.check);
        let plain_pass = verdict.value == Value::Pass;
        assert!(plain_pass || !verdict.reason.is_empty(), "{}: {:?} without a reason", verdict.check, verdict.value);
    }
}

#[test]
fn the_catalogue_explains_itself() {
    for check in CATALOGUE {
        assert!(info(check.id).is_some_and(|found| found == check), "{}: an id twice", check.id);
        for text in [check.requirement, check.rationale, check.passes, check.fails] {
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text:?}", check.id);
        }
        assert!(!check.family().is_empty());
    }
}

mod anything {
    use proptest::prelude::*;

    use super::testing::{Bit, Lab, whole, words};
    use crate::check::CATALOGUE;
    use crate::history::{ClientEnd, Continuation, UpstreamEnd};
    use crate::scenario::By;
    use crate::wire::Blob;

    fn ends() -> impl Strategy<Value = ClientEnd> {
        prop_oneof![
            Just(ClientEnd::Complete),
            Just(ClientEnd::Broken("reset".to_owned())),
            Just(ClientEnd::Left),
            Just(ClientEnd::TimedOut(30_000)),
            Just(ClientEnd::NoResponse("closed".to_owned())),
        ]
    }

    fn damaged(mut bytes: Vec<u8>, cut: usize, flips: &[(usize, u8)]) -> Vec<u8> {
        for (at, byte) in flips {
            let length = bytes.len().max(1);
            if let Some(place) = bytes.get_mut(at % length) {
                *place = *byte;
            }
        }
        bytes.truncate(cut);
        bytes
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        /// Whatever crossed the wire, there is one verdict per check, and the speakers' runs are the client's text.
        #[test]
        fn is_judged(
            status in prop_oneof![Just(200_u16), 100..600_u16],
            cuts in (0..9_000_usize, 0..9_000_usize),
            flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
            said in 0..24_u64,
            end in ends(),
            messages in any::<bool>(),
        ) {
            let lab = if messages { Lab::messages() } else { Lab::chat() };
            let bits = [Bit::Begin(1), Bit::Text(format!("{}{}", words(0, 0..said), whole(1))), Bit::Done];
            let mut lab = lab
                .breaks("primary", 0, 5, &By::Close)
                .answers("fallback", 1)
                .last(|exchange| exchange.continuation = Continuation::Prefill { quoted: words(0, 0..5) })
                .last(|exchange| exchange.end = UpstreamEnd::ProxyGone)
                .hears(&bits, end);
            let step = &mut lab.history.steps[0];
            let client = &mut step.client;
            client.chunks[0].data = Blob(damaged(client.body(), cuts.0, &flips));
            client.response.as_mut().expect("a head").status = status;
            let sent = &mut step.upstream[1].sent[0].data;
            *sent = Blob(damaged(sent.0.clone(), cuts.1, &flips));
            let judgement = lab.judged();
            prop_assert_eq!(judgement.verdicts.len(), CATALOGUE.len());
            let heard: String = judgement.texts[0].iter().map(|run| run.text.as_str()).collect();
            prop_assert!(status / 100 == 2 || heard.is_empty());
        }
    }
}
