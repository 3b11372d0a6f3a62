//! `lifecycle.survives`: whether the proxy serves on.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::history::{History, Survival};

/// `lifecycle.survives`.
pub(in crate::check) const SURVIVES: Check = Check {
    judge: Judge::Case(survives),
    info: CheckInfo {
        id: "lifecycle.survives",
        level: Level::Must,
        requirement: "After the case, the proxy still serves a plain request.",
        rationale: "One broken stream must not cost the next user's.",
        passes: "The plain request is answered.",
        fails: "It is not.",
        sources: &[],
    },
};

fn survives(history: &History) -> Found {
    match &history.survived {
        Some(Survival::Served) => Found::pass(),
        Some(Survival::Failed(why)) => Found::fail(format!("a plain request after the case was not served: {why}")),
        None => Found::not_exercised("no plain request was tried"),
    }
}
