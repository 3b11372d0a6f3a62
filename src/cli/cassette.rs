//! `crossfade cassette`: cassettes read, compared and verified.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::args::{CassetteCommand, VerifyArgs};
use super::files::{self, Place};
use super::{Failure, clock, print};
use crate::cassette::{Cassette, How, Remark, days_between, diff, grammar, load, transcript};
use crate::config::FILE_NAME;
use crate::diagnostic::quoted;
use crate::redact::Redactor;
use crate::runner::Exit;
use crate::scenario::AnswerPlan;

/// Deepest folder in which cassettes are looked for.
const DEPTH: usize = 16;
/// Longest value of a difference that is printed.
const WIDTH: usize = 200;

/// Runs the command.
pub(super) fn command(command: &CassetteCommand) -> Result<Exit, Failure> {
    match command {
        CassetteCommand::Show { file } => {
            print(&transcript(&loaded(file)?));
            Ok(Exit::AsExpected)
        }
        CassetteCommand::Diff { left, right, wire } => differ(left, right, *wire),
        CassetteCommand::Verify(args) => verify(args),
    }
}

fn loaded(file: &Path) -> Result<Cassette, Failure> {
    load(file).map_err(|error| Failure::load(&[error], false))
}

fn differ(left: &Path, right: &Path, wire: bool) -> Result<Exit, Failure> {
    let found = diff(&loaded(left)?, &loaded(right)?, wire);
    if found.is_empty() {
        print("they say the same\n");
        return Ok(Exit::AsExpected);
    }
    let mut out = format!("- {}\n+ {}\n", left.display(), right.display());
    for difference in &found {
        let _ = writeln!(out, "\n{}", difference.place);
        for (mark, value) in [('-', &difference.left), ('+', &difference.right)] {
            if let Some(value) = value {
                let text = value.to_string();
                let short: String = text.chars().take(WIDTH).collect();
                let rest = text.chars().count().saturating_sub(WIDTH);
                let rest = if rest > 0 { format!(" ... {rest} more") } else { String::new() };
                let _ = writeln!(out, "  {mark} {short}{rest}");
            }
        }
    }
    print(&out);
    Ok(Exit::Failed)
}

fn verify(args: &VerifyArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let redactor = Redactor::new(&place.config.redact)
        .map_err(|wrong| Failure::file(FILE_NAME, format!("`redact.{}`: {wrong}", wrong.list)))?;
    let used = if args.unused { Some(used(&place, &args.scenarios)?) } else { None };
    let mut exit = Exit::AsExpected;
    let (mut out, mut good, mut bad) = (String::new(), 0, 0);
    for file in found(&args.paths)? {
        let name = file.display();
        let cassette = match load(&file) {
            Ok(cassette) => cassette,
            Err(error) => {
                let line = error.line().map(|line| format!(":{line}")).unwrap_or_default();
                let _ = writeln!(out, "bad   {name}{line}: {}", error.message);
                exit = exit.and(Exit::Load);
                bad += 1;
                continue;
            }
        };
        let mut remarks = grammar(&cassette);
        remarks.extend(leaks(&redactor, &file)?);
        remarks.extend(too_old(&cassette, args.max_age));
        if used.as_ref().is_some_and(|used| !file.canonicalize().is_ok_and(|path| used.contains(&path))) {
            remarks.push(wrong("no scenario uses it".to_owned()));
        }
        let is_bad = remarks.iter().any(|remark| remark.wrong);
        let exchanges = cassette.exchanges.len();
        let plural = if exchanges == 1 { "" } else { "s" };
        let _ = writeln!(
            out,
            "{}   {name}: {exchanges} exchange{plural} of {}",
            ["ok ", "bad"][usize::from(is_bad)],
            cassette.api
        );
        for remark in &remarks {
            let _ = writeln!(out, "      {}{}", if remark.wrong { "" } else { "note: " }, remark.text);
        }
        if is_bad {
            bad += 1;
            exit = exit.and(Exit::Failed);
        } else {
            good += 1;
        }
    }
    if good + bad == 0 {
        print("there is no cassette\n");
        return Ok(Exit::NothingJudged);
    }
    let _ = writeln!(out, "{} cassettes: {good} fit, {bad} not", good + bad);
    print(&out);
    Ok(exit)
}

fn wrong(text: String) -> Remark {
    Remark { wrong: true, text }
}

fn leaks(redactor: &Redactor, file: &Path) -> Result<Vec<Remark>, Failure> {
    let bytes = std::fs::read(file).map_err(|error| Failure::file(&file.display().to_string(), error))?;
    let remark = |leak: crate::redact::Leak| {
        let line = leak.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        wrong(format!("{line}secret: {}", leak.what))
    };
    Ok(redactor.scan(&bytes).into_iter().map(remark).collect())
}

fn too_old(cassette: &Cassette, most: Option<i64>) -> Option<Remark> {
    let most = most.filter(|_| cassette.provenance.how != How::Synthesized)?;
    let date = &cassette.provenance.date;
    match days_between(date, &clock::date()) {
        Some(age) if age <= most => None,
        Some(age) => Some(wrong(format!("recorded {date}, {age} days ago: more than {most}"))),
        None => Some(wrong(format!("{} is no date", quoted(date)))),
    }
}

/// Cassettes of files and folders, each once.
fn found(paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut found = BTreeSet::new();
    for path in paths {
        walk(path, 0, &mut found).map_err(|error| Failure::file(&path.display().to_string(), error))?;
    }
    Ok(found)
}

fn walk(path: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        // A file that was named is meant to be one; one that is not there is told.
        std::fs::metadata(path)?;
        found.insert(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if !hidden && (path.is_dir() && depth < DEPTH || is_yaml && is_cassette(&path)) {
            walk(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

/// Whether a file of a folder is a cassette: answers and scenarios may lie beside it.
fn is_cassette(path: &Path) -> bool {
    let text = std::fs::read(path).unwrap_or_default();
    text.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"cassette:"))
}

/// The files that scenarios replay.
fn used(place: &Place, paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>, Failure> {
    let paths = if paths.is_empty() { &place.config.scenarios } else { paths };
    if paths.is_empty() {
        let message = "`--unused` needs scenarios: name them with `--scenarios`, or in `crossfade.yaml`";
        return Err(Failure::usage(message));
    }
    let cases = files::load(place, paths, &mut BTreeMap::new()).map_err(|errors| Failure::load(&errors, false))?;
    let plays = cases.iter().flat_map(|case| {
        let attempts = case.steps.iter().flat_map(|step| &step.legs).flat_map(|leg| &leg.attempts);
        attempts.map(|play| (&case.file, &play.answer))
    });
    let path = |(file, answer): (&String, &AnswerPlan)| match answer {
        AnswerPlan::Cassette { path, .. } => Path::new(file).with_file_name("").join(path).canonicalize().ok(),
        AnswerPlan::Script { .. } => None,
    };
    Ok(plays.filter_map(path).collect())
}
