//! `crossfade list` and `crossfade lint`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::args::{LintArgs, ListArgs};
use super::files::{self, Place};
use super::{Failure, print, proxy};
use crate::answer;
use crate::baseline::Baseline;
use crate::config::{Config, FILE_NAME};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::proxy::Bundle;
use crate::rules::{ChoiceError, RuleBook, RuleChoice};
use crate::runner::{Exit, describe_launches, skip_reason};
use crate::scenario::Case;

/// Lists the cases that would run, or the launches that they take.
pub(super) fn list(args: &ListArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let chosen = files::choose(&place, &args.select, true)?;
    let mut proxy_args = args.proxy.clone();
    if args.launches && proxy_args.proxy.is_none() && place.config.proxy.is_none() {
        proxy_args.proxy = Some("builtin".to_owned());
    }
    let choice = proxy::choose(&place, &proxy_args, Path::new(""))?;
    let mut text = String::new();
    if let (true, Some(choice)) = (args.launches, &choice) {
        text.push_str(&describe_launches(&chosen.cases, &choice.target));
    } else {
        for case in &chosen.cases {
            let target = choice.as_ref().map(|choice| &choice.target);
            let _ = match target.and_then(|target| skip_reason(case, target)) {
                Some(reason) => writeln!(text, "{} (skip: {reason})", case.id()),
                None => writeln!(text, "{}", case.id()),
            };
        }
    }
    print(&text);
    Ok(if chosen.cases.is_empty() { Exit::NothingJudged } else { Exit::AsExpected })
}

/// Loads files and says what is wrong with them.
pub(super) fn lint(args: &LintArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let (mut errors, mut scenarios) = (Vec::new(), Vec::new());
    let mut other = 0;
    for path in &args.paths {
        match kind(path) {
            Some(load) => match load(path) {
                Ok(()) => other += 1,
                Err(error) => errors.push(error),
            },
            None => scenarios.push(path.clone()),
        }
    }
    let mut sources: BTreeMap<String, SourceFile> = BTreeMap::new();
    let cases = match files::load(&place, &scenarios, &mut sources) {
        Ok(cases) => {
            for hint in hints(&place, &cases, &sources)? {
                log::warn!("{hint}");
            }
            cases.len()
        }
        Err(found) => {
            errors.extend(found);
            0
        }
    };
    if !errors.is_empty() {
        return Err(Failure::load(&errors, false));
    }
    let mut parts = Vec::new();
    if !scenarios.is_empty() {
        parts.push(format!("{} with {}", count(sources.len(), "scenario file"), count(cases, "case")));
    }
    if other > 0 {
        parts.push(count(other, "other file"));
    }
    let verb = if parts.len() == 1 && (sources.len() == 1 || other == 1) { "loads" } else { "load" };
    print(&format!("{} {verb}\n", parts.join(" and ")));
    Ok(Exit::AsExpected)
}

/// Models that no rule knows, where one that rules know is spelt nearly so.
fn hints(place: &Place, cases: &[Case], sources: &BTreeMap<String, SourceFile>) -> Result<BTreeSet<String>, Failure> {
    let book = place.rules()?;
    let mut hints = BTreeSet::new();
    for case in cases {
        for leg in &case.shape.legs {
            let Some(meant) = book.near_miss(&leg.model) else { continue };
            let source = sources.get(&case.file);
            let at = source.and_then(|source| Some(source.position(source.text().find(&leg.model.model)?)));
            let at = at.map_or_else(|| case.file.clone(), |(line, column)| format!("{}:{line}:{column}", case.file));
            let vendor = &leg.model.vendor;
            hints.insert(format!("{at}: no rule knows `{}`; did you mean `{vendor}/{meant}`?", leg.model));
        }
    }
    Ok(hints)
}

/// Loads a rule file, and tries its examples.
fn rules(path: &Path) -> Result<(), Diagnostic> {
    let choice = RuleChoice { files: vec![path.to_owned()], ..RuleChoice::default() };
    let book = RuleBook::chosen(&choice).map_err(|error| match error {
        ChoiceError::File(error) => *error,
        ChoiceError::Unknown { list, .. } => Diagnostic::of_file(path.display().to_string(), list),
    })?;
    let wrong = book.packs().pop().map(|pack| book.prove(pack)).unwrap_or_default();
    match wrong.as_slice() {
        [] => Ok(()),
        wrong => Err(Diagnostic::of_file(path.display().to_string(), wrong.join("\n"))),
    }
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

type Load = fn(&Path) -> Result<(), Diagnostic>;

/// How a file is loaded that is clearly no scenario.
fn kind(path: &Path) -> Option<Load> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    if name == FILE_NAME {
        return Some(|path| Config::load(path).map(drop));
    }
    if !path.is_file() {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with('#') && *line != "---")?;
    let has = |key: &str| text.lines().any(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
    match first {
        _ if first.starts_with("cassette:") => Some(|path| crate::cassette::load(path).map(drop)),
        _ if first.starts_with("rules_format:") => Some(rules),
        _ if first.trim_start().starts_with("- ") || first.trim() == "[]" => {
            Some(|path| Baseline::load(path).map(drop))
        }
        _ if has("legs") => None,
        _ if has("profile") => Some(|path| Bundle::load(path).map(drop)),
        _ if has("parts") => Some(|path| answer::load(path).map(drop)),
        _ => None,
    }
}
