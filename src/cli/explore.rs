//! `crossfade explore`.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::ExploreArgs;
use super::files::Place;
use super::folder::RunFolder;
use super::run::{proxy_options, random};
use super::signals::signals;
use super::{Failure, block_on, is_ci, print, proxy, variable};
use crate::explore::{self, Event, Finding, Plan, Summary};
use crate::runner::{Exit, ProxyLine, shell};
use crate::scenario::{Millis, Outcome};

/// Cases at a time, unless told otherwise.
const JOBS: u32 = 8;
/// Limit of one exchange, unless told otherwise: no drawn case takes a proxy long.
const LIMIT: Millis = Millis(10_000);
/// Reasons of refusals that are shown.
const REFUSALS: usize = 5;

/// Explores a proxy.
pub(super) fn explore(args: &ExploreArgs, quiet: bool) -> Result<Exit, Failure> {
    let place = Place::find()?;
    if args.proxy.proxy.is_none() && place.config.proxy.is_none() {
        return Err(Failure::usage(
            "which proxy? give `--proxy NAME`, `--proxy URL`, or `proxy:` in crossfade.yaml \
             (`--proxy builtin` is the reference proxy)",
        ));
    }
    let folder = RunFolder::make(&place)?;
    let choice = match proxy::choose(&place, &args.proxy, &folder.path) {
        Ok(Some(choice)) => choice,
        Ok(None) => return Err(Failure::usage("no proxy is named")),
        Err(failure) => {
            folder.remove();
            return Err(failure);
        }
    };
    let seed = args.seed.unwrap_or_else(random);
    let plan = Plan {
        target: choice.target,
        listen: choice.listen,
        rules: Arc::new(place.rules()?),
        cases: args.cases as usize,
        seed,
        jobs: args.jobs.or(place.config.jobs).unwrap_or(JOBS) as usize,
        time_limit: Some(args.time_limit.or(place.config.time_limit).unwrap_or(LIMIT).duration()),
        strict: args.strict || place.config.strict,
        max_fail: args.max_fail.map(|most| most as usize),
        command: command(args, seed),
    };
    let plural = if plan.cases == 1 { "case" } else { "cases" };
    let how = if choice.line.how.is_empty() { String::new() } else { format!(" ({})", choice.line.how) };
    let head = format!("exploring {}{how}: {} {plural}, seed {seed:x}\n", choice.line.label(), plan.cases);
    let json_to_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !json_to_stdout {
        print(&head);
    }
    let progress = io::stderr().is_terminal() && !quiet && !is_ci() && variable("TERM").as_deref() != Some("dumb");
    let mut summary = block_on(async {
        let stop = signals();
        Box::pin(explore::explore(&plan, stop, &mut |event| tell(&event, plan.cases, progress))).await
    })?;
    if progress {
        let _ = write!(io::stderr(), "\r\u{1b}[2K");
    }
    if summary.proxy_down.is_none() {
        folder.remove();
    }
    save(args, &mut summary)?;
    if !json_to_stdout {
        print(&human(args, &summary));
    }
    if let Some(path) = &args.json {
        let report = report(args, &plan, &choice.line, &summary);
        let text = serde_json::to_string_pretty(&report).map_err(|error| Failure::file("the report", error))? + "\n";
        if json_to_stdout {
            print(&text);
        } else {
            std::fs::write(path, text).map_err(|error| Failure::file(&path.display().to_string(), error))?;
        }
    }
    Ok(exit(&summary))
}

fn exit(summary: &Summary) -> Exit {
    let mut exit = Exit::AsExpected;
    if summary.interrupted {
        exit = exit.and(Exit::Interrupted);
    }
    if summary.proxy_down.is_some() {
        exit = exit.and(Exit::ProxyDown);
    }
    if !summary.findings.is_empty() {
        exit = exit.and(Exit::Failed);
    }
    if summary.played == summary.refused {
        exit = exit.and(Exit::NothingJudged);
    }
    exit
}

/// Progress, on terminals; what went wrong with the proxy, always.
fn tell(event: &Event, cases: usize, progress: bool) {
    let line = match event {
        Event::Launched { version, routes } => {
            let version = version.as_deref().map(|version| format!(" (version {version})")).unwrap_or_default();
            format!("the proxy is up{version}, {routes} routes are explored")
        }
        Event::Played { done, failed } => format!("{done}/{cases} cases, {failed} failed"),
        Event::Shrinking { failure, plays } => format!("shrinking {failure}: {plays} cases"),
        Event::Died(reason) => {
            log::warn!("the proxy died: {reason}");
            return;
        }
    };
    if progress {
        let _ = write!(io::stderr(), "\r\u{1b}[2K{line}");
    }
}

/// The command that does the same again.
fn command(args: &ExploreArgs, seed: u64) -> String {
    let mut words: Vec<String> = ["crossfade", "explore"].map(str::to_owned).to_vec();
    words.extend(proxy_options(&args.proxy));
    words.extend(["--cases".to_owned(), args.cases.to_string(), "--seed".to_owned(), format!("{seed:x}")]);
    if let Some(limit) = args.time_limit {
        words.extend(["--time-limit".to_owned(), limit.to_string()]);
    }
    words.extend(args.strict.then(|| "--strict".to_owned()));
    if let Some(most) = args.max_fail {
        words.extend(["--max-fail".to_owned(), most.to_string()]);
    }
    shell(&words)
}

/// The command that runs the scenario of a finding.
fn repeat(args: &ExploreArgs, finding: &Finding) -> String {
    let mut words: Vec<String> = ["crossfade", "run"].map(str::to_owned).to_vec();
    words.extend(finding.file.as_ref().map(|file| file.display().to_string()));
    words.extend(proxy_options(&args.proxy));
    words.extend(args.strict.then(|| "--strict".to_owned()));
    shell(&words)
}

/// Writes the scenarios.
fn save(args: &ExploreArgs, summary: &mut Summary) -> Result<(), Failure> {
    if summary.findings.is_empty() {
        return Ok(());
    }
    let fail = |path: &Path, error: io::Error| Failure::file(&path.display().to_string(), error);
    std::fs::create_dir_all(&args.out).map_err(|error| fail(&args.out, error))?;
    for finding in &mut summary.findings {
        let path = args.out.join(format!("{}.yaml", finding.name));
        std::fs::write(&path, &finding.text).map_err(|error| fail(&path, error))?;
        finding.file = Some(path);
    }
    Ok(())
}

fn outcome(finding: &Finding) -> String {
    finding.failure.outcome.map_or_else(|| "unclear".to_owned(), Outcome::name)
}

fn human(args: &ExploreArgs, summary: &Summary) -> String {
    let mut text = String::new();
    for finding in &summary.findings {
        let plural = if finding.count == 1 { "case" } else { "cases" };
        let _ = writeln!(text, "\nFOUND {} ({}, {} {plural})", finding.name, outcome(finding), finding.count);
        let _ = writeln!(text, "  {}", finding.summary);
        for (check, reason) in &finding.reasons {
            let _ = writeln!(text, "  fail {check}: {reason}");
        }
        let file = finding.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
        let _ = writeln!(text, "  written: {file}\n  repeat:  {}", repeat(args, finding));
    }
    let Summary { played, refused, inconclusive, unrepeated, left_out, .. } = summary;
    let found = summary.findings.len();
    let mut counts = vec![format!("{played} cases"), format!("{found} found")];
    let mut count = |n: usize, what: &str| {
        if n > 0 {
            counts.push(format!("{n} {what}"));
        }
    };
    count(*refused, "refused by the target itself");
    count(*inconclusive, "inconclusive");
    count(*unrepeated, "failed once and not again");
    count(*left_out, "kinds of failures left out");
    let _ = writeln!(text, "\n{} in {:.1}s", counts.join(", "), summary.took.as_secs_f64());
    let mut refusals: Vec<_> = summary.refusals.iter().collect();
    refusals.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    for (why, n) in refusals.iter().take(REFUSALS) {
        let _ = writeln!(text, "  refused {n}: {why}");
    }
    if let Some(why) = &summary.proxy_down {
        let _ = writeln!(text, "the proxy is not up: {why}");
    }
    if summary.interrupted {
        text.push_str("interrupted\n");
    }
    text
}

fn report(args: &ExploreArgs, plan: &Plan, line: &ProxyLine, summary: &Summary) -> Value {
    let findings: Vec<Value> = summary
        .findings
        .iter()
        .map(|finding| {
            let reasons = finding.reasons.iter().map(|(check, reason)| json!({"check": check, "reason": reason}));
            json!({
                "checks": finding.failure.checks,
                "outcome": outcome(finding),
                "count": finding.count,
                "case": finding.case,
                "summary": finding.summary,
                "reasons": reasons.collect::<Vec<_>>(),
                "file": finding.file,
                "repeat": repeat(args, finding),
            })
        })
        .collect();
    json!({
        "format": 1,
        "crossfade": env!("CARGO_PKG_VERSION"),
        "proxy": {"name": line.name, "version": line.version, "commit": line.commit, "dirty": line.dirty, "how": line.how},
        "seed": format!("{:x}", plan.seed),
        "cases": plan.cases,
        "played": summary.played,
        "refused": summary.refused,
        "refusals": summary.refusals,
        "inconclusive": summary.inconclusive,
        "unrepeated": summary.unrepeated,
        "left_out": summary.left_out,
        "proxy_down": summary.proxy_down,
        "interrupted": summary.interrupted,
        "took_ms": summary.took.as_millis() as u64,
        "findings": findings,
    })
}
