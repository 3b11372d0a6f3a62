//! `crossfade run`.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::args::{HoldArgs, ProxyArgs, RunArgs, SelectArgs};
use super::files::{self, Chosen, Place};
use super::folder::{RunFolder, shortened};
use super::known::Known;
use super::signals::signals;
use super::{Failure, all, block_on, is_ci, proxy, recording, variable};
use crate::report::{Detail, Human, JsonReport, Style, Tracing, detail};
use crate::runner::{self, CaseReport, Event, Exit, Found, Hold, Plan, Repeat, Snapshots};
use crate::snapshot;

/// Cases at a time, unless told otherwise.
const JOBS: u32 = 8;

/// Runs scenarios.
pub(super) fn run(args: &RunArgs, quiet: bool, verbose: u8) -> Result<Exit, Failure> {
    let place = Place::find()?;
    match args.proxy.proxy.as_deref() {
        Some(all::NAME) => all::run(&place, args, quiet, verbose),
        _ => one(&place, args, quiet, verbose),
    }
}

/// Runs scenarios on one proxy.
pub(super) fn one(place: &Place, args: &RunArgs, quiet: bool, verbose: u8) -> Result<Exit, Failure> {
    let bare = args.select.paths.is_empty() && args.proxy.proxy.is_none();
    let chosen = files::choose(place, &args.select, !bare)?;
    if args.recording.record.is_some() {
        return recording::record(place, args, chosen);
    }
    let mut args = args.clone();
    if bare {
        if place.config.proxy.is_some() || !place.config.scenarios.is_empty() {
            log::warn!(
                "crossfade.yaml is left aside: without a path this is the bundled suite on builtin; \
                 `crossfade run scenarios` runs your own"
            );
        }
        args.proxy.proxy = Some("builtin".to_owned());
    }
    go(place, &args, chosen, quiet, verbose, None, bare)
}

/// Sets up one case, waits for Enter, and fires the client.
pub(super) fn hold(args: &HoldArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let select = SelectArgs { paths: vec![args.case.clone()], filter: args.filter.clone() };
    let chosen = files::choose(&place, &select, true)?;
    super::serve::only_one(&args.case, &chosen)?;
    let args = RunArgs { select, proxy: args.proxy.clone(), keep: true, trace: true, ..RunArgs::default() };
    let hold = Hold(Arc::new(|text: &str| {
        super::print(&format!("{text}Enter fires the client\n"));
        let mut line = String::new();
        // A closed stdin is as good as Enter.
        let _ = io::stdin().read_line(&mut line);
    }));
    go(&place, &args, chosen, false, 1, Some(hold), false)
}

fn go(
    place: &Place,
    args: &RunArgs,
    chosen: Chosen,
    quiet: bool,
    verbose: u8,
    hold: Option<Hold>,
    bare: bool,
) -> Result<Exit, Failure> {
    let (plan, known, folder) = prepare(place, args, chosen, hold, bare)?;
    report(&plan, args, &known, &folder, quiet, verbose)
}

/// What is run and how, with what is known to fail, and the folder of the run.
pub(super) fn prepare(
    place: &Place,
    args: &RunArgs,
    chosen: Chosen,
    hold: Option<Hold>,
    bare: bool,
) -> Result<(Plan, Known, RunFolder), Failure> {
    if args.proxy.proxy.is_none() && place.config.proxy.is_none() {
        return Err(Failure::usage(
            "which proxy? give `--proxy NAME`, `--proxy URL`, or `proxy:` in crossfade.yaml \
             (`--proxy builtin` is the reference proxy)",
        ));
    }
    let known = Known::load(place, args, &chosen.all)?;
    args.output.check()?;
    let folder = RunFolder::make(place)?;
    let choice = match proxy::choose(place, &args.proxy, &folder.path) {
        Ok(Some(choice)) => choice,
        Ok(None) => return Err(Failure::usage("no proxy is named")),
        Err(failure) => {
            folder.remove();
            return Err(failure);
        }
    };
    let time_limit = args.time_limit.or(place.config.time_limit).map(crate::scenario::Millis::duration);
    let snapshots = Snapshots {
        mode: snapshot::Mode::of_insta(variable("INSTA_UPDATE").as_deref(), variable("CI").as_deref()),
        name: args.snapshots.clone().or_else(|| place.config.snapshots.clone()),
    };
    let found = match chosen.bundled {
        _ if bare => Found::Suite,
        true => Found::Names,
        false => Found::Files,
    };
    let plan = Plan {
        cases: match args.partition {
            Some(partition) => partition.apply(chosen.cases),
            None => chosen.cases,
        },
        all: chosen.all,
        target: choice.target,
        line: choice.line,
        listen: choice.listen,
        rules: Arc::new(place.rules()?),
        bundled: chosen.bundled,
        seed: args.seed.unwrap_or_else(random),
        jobs: if live(args) { 1 } else { args.jobs.or(place.config.jobs).unwrap_or(JOBS) as usize },
        live: live(args),
        plays: args.repeat.unwrap_or(1) as usize,
        strict: args.strict || place.config.strict,
        time_limit: if hold.is_some() { Some(Duration::MAX) } else { time_limit },
        sources: chosen.sources,
        repeat: Repeat { cases: found, options: options(args, bare) },
        baseline: known.baseline.clone(),
        folder: Some(shortened(&folder.path)),
        keep: args.keep,
        snapshots: hold.is_none().then_some(snapshots),
        hold,
    };
    Ok((plan, known, folder))
}

/// Whether events are told while they happen: those of several cases at a time would be hard to tell apart.
fn live(args: &RunArgs) -> bool {
    args.trace && args.jobs.is_none_or(|jobs| jobs == 1)
}

/// Runs the plan with its reports.
fn report(
    plan: &Plan,
    args: &RunArgs,
    known: &Known,
    folder: &RunFolder,
    quiet: bool,
    verbose: u8,
) -> Result<Exit, Failure> {
    let style = Style {
        colour: io::stdout().is_terminal() && variable("NO_COLOR").is_none(),
        progress: io::stderr().is_terminal() && !quiet && !is_ci() && variable("TERM").as_deref() != Some("dumb"),
        every: verbose > 0,
        trace: match args.trace {
            false => Tracing::Off,
            true if plan.live => Tracing::Live,
            true => Tracing::Over,
        },
        width: super::width(),
    };
    let mut human = if args.output.takes_stdout() {
        Human::new(io::stderr(), io::stderr(), Style { colour: false, ..style })
    } else {
        Human::new(io::stdout(), io::stderr(), style)
    };
    let mut json = JsonReport::new();
    let mut details = BTreeMap::new();
    let mut kept = args.keep;
    let summary = block_on(async {
        let stop = signals();
        runner::run(plan, stop, &mut |event| {
            if let Event::CaseDone(report) = &event {
                kept |= report.kept.is_some();
            }
            if let (Event::CaseDone(report), true) = (&event, args.output.html.is_some()) {
                details.extend(shown(report));
            }
            json.take(&event);
            // A closed stdout ends the report, not the run: the exit code still counts.
            let _ = human.take(&event);
        })
        .await
    })?;
    if summary.proxy_down.is_none() {
        if kept { folder.remove_launches() } else { folder.remove() }
    }
    args.output.write(json.report(), &details)?;
    if args.update_baseline {
        return known.update(json.report(), args.output.takes_stdout());
    }
    Ok(summary.exit())
}

/// What the page shows of a case. Of a sweep that is what fails: thousands of points that do not would fill the page.
fn shown(report: &CaseReport) -> Option<(String, Detail)> {
    let history = report.history.as_ref().filter(|_| report.case.sweep.is_none() || report.failed())?;
    Some((report.case.id(), detail(history, &report.texts)))
}

/// A seed from the system's randomness.
pub(super) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The options that a repeated case needs, as they were given.
fn options(args: &RunArgs, bare: bool) -> Vec<String> {
    // The bundled suite runs on the reference proxy where none is named.
    let named = ProxyArgs { proxy: args.proxy.proxy.clone().filter(|_| !bare), ..args.proxy.clone() };
    let mut options = proxy_options(&named);
    let mut with = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            options.extend([name.to_owned(), value]);
        }
    };
    with("--baseline", args.baseline.as_ref().map(|path| path.display().to_string()));
    with("--new-only", args.new_only.as_ref().map(|path| path.display().to_string()));
    with("--repeat", args.repeat.map(|plays| plays.to_string()));
    with("--seed", args.seed.map(|seed| format!("{seed:x}")));
    with("--snapshots", args.snapshots.clone());
    with("--time-limit", args.time_limit.map(|limit| limit.to_string()));
    if args.strict {
        options.push("--strict".to_owned());
    }
    options
}

/// The options that name the proxy.
pub(super) fn proxy_options(args: &ProxyArgs) -> Vec<String> {
    let mut options = Vec::new();
    let path = |path: &PathBuf| path.display().to_string();
    let mut with = |name: &str, values: Vec<String>| {
        for value in values {
            options.extend([name.to_owned(), value]);
        }
    };
    with("--proxy", args.proxy.iter().cloned().collect());
    with("--as", args.lent.iter().cloned().collect());
    with("--bin", args.bin.iter().map(path).collect());
    // Reports are files, and no secret of the user's reaches one.
    with("--client-key", args.client_key.iter().map(|_| "KEY".to_owned()).collect());
    with("--control-model", args.control_model.iter().cloned().collect());
    with("--defect", args.defect.clone());
    with("--from", args.from.iter().map(path).collect());
    let named = |header: &String| header.split_once(':').map(|(name, _)| format!("{name}: VALUE"));
    with("--header", args.header.iter().filter_map(named).collect());
    with("--listen", args.listen.iter().cloned().collect());
    with("--model", args.model.iter().cloned().collect());
    with("--policy", args.policy.clone());
    options
}
