//! `translate.cache`: marks up to which a vendor is to keep the request.

use serde_json::{Value, json};

use super::pair::Pair;
use super::talk::Mark;
use super::{Translation, judge};
use crate::api::Conversation;
use crate::api::compare::{Difference, DifferenceKind, List, lists};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.cache`.
pub(in crate::check) const CACHE: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client gave no cache hint", compare)),
    info: CheckInfo {
        id: "translate.cache",
        level: Level::Should,
        requirement: "Cache hints reach each leg whose API has them, behind the same content.",
        rationale: "Without its hints a long conversation is paid for in full on every turn.",
        passes: "The same marks; none where the leg's API has no such thing.",
        fails: "A mark lost, moved to other content, or added where the client gave none.",
        sources: &[],
    },
};

fn compare(pair: &Pair<'_>) -> Translation {
    let (expected, got) = (&pair.asked.marks, &pair.told.marks);
    let mut out = Translation::of(!expected.is_empty() || !special(&pair.client).is_empty());
    if !pair.to.features().cache_marks {
        if out.exercised {
            out.excuse(format!("{} has no cache hints", pair.to.id()));
        }
        return out;
    }
    lists(
        &mut out.differences,
        expected,
        got,
        &List {
            path: &|marks, at| path(marks, at),
            alike: &|a, b| a.area == b.area,
            value: &|mark| json!(mark.anchor),
            changed: &|out, path, a, b| {
                if a != b {
                    let (expected, got) = (Some(json!(a.anchor)), Some(json!(b.anchor)));
                    out.push(Difference { path: path.to_owned(), kind: DifferenceKind::Changed, expected, got });
                }
            },
        },
    );
    if pair.same_api() && out.differences.is_empty() {
        let (expected, got) = (special(&pair.client), special(&pair.control));
        if expected != got {
            out.differences.push(Difference {
                path: "cache".to_owned(),
                kind: DifferenceKind::Changed,
                expected: Some(json!(expected)),
                got: Some(json!(got)),
            });
        }
    }
    let added = |found: &Difference| found.kind == DifferenceKind::Added;
    if pair.declares("cache_hints") && out.differences.iter().any(added) {
        out.differences.retain(|found| !added(found));
        out.excuse("the proxy declares that it adds cache hints");
    }
    out
}

/// The n-th mark of its area.
fn path(marks: &[Mark], at: usize) -> String {
    let area = marks[at].area;
    let number = marks[..at].iter().filter(|mark| mark.area == area).count();
    format!("cache.{area}[{number}]")
}

/// Marks that say more than that they are one (for how long), or that stand where a neutral form has none.
fn special(conversation: &Conversation) -> Vec<&Value> {
    let marks = conversation.rest.iter().filter(|(path, _)| path.ends_with("/cache_control"));
    let tools = conversation.tools.iter().filter_map(|tool| tool.rest.get("cache_control"));
    marks.map(|(_, value)| value).chain(tools).filter(|value| !value.is_null()).collect()
}
