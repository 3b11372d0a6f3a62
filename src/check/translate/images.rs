//! `translate.images`: images, by what they show.

use serde_json::{Value, json};

use super::pair::Pair;
use super::talk::Picture;
use super::{Translation, judge};
use crate::api::Conversation;
use crate::api::compare::{Difference, DifferenceKind, List, lists};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.images`.
pub(in crate::check) const IMAGES: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client sent no image", compare)),
    info: CheckInfo {
        id: "translate.images",
        level: Level::Should,
        requirement: "Images reach each leg: the same bytes or address, in their order, where they stood in the text.",
        rationale: "A model asked about an image that it does not see answers all the same.",
        passes: "The same images; an address that was fetched and put in, where the API or the proxy wants it so.",
        fails: "An image lost, replaced by its address in the text, moved to another place, or given another type.",
        sources: &[],
    },
};

fn compare(pair: &Pair<'_>) -> Translation {
    let mut out = Translation::of(!pair.asked.pictures.is_empty());
    let (expected, mut got) = (pair.asked.pictures.clone(), pair.told.pictures.clone());
    inlined(&expected, &mut got, &mut out);
    lists(
        &mut out.differences,
        &expected,
        &got,
        &List {
            path: &|_, at| format!("images[{at}]"),
            alike: &|_, _| true,
            value: &shown,
            changed: &|out, path, a, b| {
                if a.digest != b.digest {
                    out.push(changed(path.to_owned(), shown(a), shown(b)));
                } else if kind(a) != kind(b) {
                    out.push(changed(format!("{path}.media_type"), json!(a.media_type), json!(b.media_type)));
                }
            },
        },
    );
    if out.differences.is_empty() {
        places(pair, &expected, &got, &mut out);
    }
    if pair.same_api() {
        let (expected, got) = (details(&pair.client), details(&pair.control));
        if expected != got {
            out.differences.push(changed("images.detail".to_owned(), json!(expected), json!(got)));
        }
    }
    out
}

fn changed(path: String, expected: Value, got: Value) -> Difference {
    Difference { path, kind: DifferenceKind::Changed, expected: Some(expected), got: Some(got) }
}

/// What was fetched from an address cannot be known here.
fn inlined(expected: &[Picture], got: &mut [Picture], out: &mut Translation) {
    let address = |picture: &Picture| !picture.url.starts_with("data:");
    for (asked, told) in expected.iter().zip(got) {
        if address(asked) && !address(told) {
            *told = Picture { after: told.after, of_tool: told.of_tool, ..asked.clone() };
            out.excuse("an image was fetched and put in");
        }
    }
}

fn places(pair: &Pair<'_>, expected: &[Picture], got: &[Picture], out: &mut Translation) {
    let same_text = pair.asked.said == pair.told.said;
    for (at, (asked, told)) in expected.iter().zip(got).enumerate() {
        if asked.of_tool && !told.of_tool && !pair.to.features().images_in_results {
            out.excuse("the leg's API has no images in results of tools, so the user shows them");
        } else if asked.of_tool != told.of_tool || same_text && !asked.of_tool && asked.after != told.after {
            out.differences.push(Difference {
                path: format!("images[{at}]"),
                kind: DifferenceKind::Reordered,
                expected: Some(json!(format!("behind {} characters", asked.after))),
                got: Some(json!(format!("behind {} characters", told.after))),
            });
        }
    }
}

/// Types by what they mean.
fn kind(picture: &Picture) -> String {
    let kind = picture.media_type.to_ascii_lowercase();
    if kind == "image/jpg" { "image/jpeg".to_owned() } else { kind }
}

fn shown(picture: &Picture) -> Value {
    json!({"digest": picture.digest, "media_type": picture.media_type})
}

/// How closely each image is to be looked at; `auto` is what is meant anyway.
fn details(conversation: &Conversation) -> Vec<&Value> {
    let details = conversation.rest.iter().filter(|(path, value)| path.ends_with("/detail") && **value != "auto");
    details.map(|(_, value)| value).collect()
}
