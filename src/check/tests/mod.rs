//! Each check, proved both ways on histories made by hand.

mod endings;
mod errors;
mod requests;
mod streams;

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
