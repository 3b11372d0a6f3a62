//! `crossfade judge`: a kept history is judged again, without a network.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::args::JudgeArgs;
use super::{Failure, print};
use crate::check::{self, Value};
use crate::history::{self, History};
use crate::report;
use crate::runner::{CaseReport, Exit, Judged, Plays, Summary};

/// Longest history that is read.
const LONGEST: u64 = 512 << 20;
/// Columns of a trace, at least.
const WIDTH: usize = 100;

/// Judges a kept history.
pub(super) fn judge(args: &JudgeArgs) -> Result<Exit, Failure> {
    let path = if args.history.is_dir() { args.history.join("history.json") } else { args.history.clone() };
    if args.history.is_dir() && !path.exists() {
        let error = "holds no `history.json`; give a folder that a run printed as `kept:`";
        return Err(Failure::file(&args.history.display().to_string(), error));
    }
    let history = read(&path)?;
    let judgement = check::judge(&history);
    let mut text = String::new();
    let verdicts = judgement.verdicts.into_iter().map(|mut verdict| {
        if args.strict && verdict.value == Value::Warn {
            verdict.value = Value::Fail;
        }
        Judged { verdict, known: None }
    });
    let report = CaseReport {
        skipped: None,
        outcomes: judgement.outcomes,
        texts: judgement.texts,
        verdicts: verdicts.collect(),
        flaky: Vec::new(),
        plays: Plays::default(),
        kept: path.parent().map(Path::to_path_buf),
        repeat: format!("crossfade judge {}", path.display()),
        source: None,
        took: Duration::ZERO,
        case: Arc::new(history.case.clone()),
        history: Some(Arc::new(history)),
    };
    if args.trace {
        for line in report::trace(&report, super::width().max(WIDTH)) {
            let _ = writeln!(text, "{}", line.text);
        }
        text.push('\n');
    }
    for judged in &report.verdicts {
        let verdict = &judged.verdict;
        let why = match &verdict.value {
            Value::Skip(why) | Value::Inconclusive(why) if verdict.reason.is_empty() => why,
            _ => &verdict.reason,
        };
        let colon = if why.is_empty() { "" } else { ": " };
        let _ = writeln!(text, "{:13} {}{colon}{why}", verdict.value.name(), verdict.check);
    }
    if report.failed() || report.inconclusive() {
        text.push('\n');
        text.push_str(&report::block(&report));
    }
    print(&text);
    let mut summary = Summary::default();
    summary.count(&report);
    Ok(summary.exit())
}

/// Reads a kept history.
pub(super) fn read(path: &Path) -> Result<History, Failure> {
    let name = path.display().to_string();
    let meta = std::fs::metadata(path).map_err(|error| Failure::file(&name, error))?;
    if meta.len() > LONGEST {
        return Err(Failure::file(&name, "too long for a history"));
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::file(&name, error))?;
    history::read(&bytes).map_err(|error| Failure::file(&name, error))
}
