//! The report as workflow commands of GitHub Actions: an annotation at the line of the scenario file.

use std::collections::BTreeMap;

use super::json::{Case, CaseVerdict, Report};

/// Annotations that GitHub shows of one kind and step; more are dropped there without a word.
const SHOWN: usize = 10;

/// A workflow command for each place where a check fails, or could not be judged.
///
/// Cases of one scenario that fail the same check share an annotation, so that the few that are shown tell the most.
pub fn github(report: &Report) -> String {
    let (mut failed, mut unsure) = (Places::default(), Places::default());
    for case in &report.cases {
        for verdict in case.telling() {
            let places = if verdict.unexpected() { &mut failed } else { &mut unsure };
            places.add(case, verdict);
        }
    }
    let mut errors = Vec::new();
    if let Some(why) = &report.summary.proxy_down {
        errors.push(command("error", &[("title", "the proxy could not be used")], why));
    }
    for entry in &report.summary.stale {
        let why = format!("{entry} fails no more: remove the entry");
        errors.push(command("error", &[("title", "stale baseline")], &why));
    }
    errors.extend(failed.commands("error"));
    let warnings = unsure.commands("warning").collect();
    shown("error", errors) + &shown("warning", warnings)
}

/// The first of them; the last one says how many more there are.
fn shown(kind: &str, mut lines: Vec<String>) -> String {
    if lines.len() > SHOWN {
        let more = format!("{} more are in the log and in the job summary", lines.len() - SHOWN + 1);
        lines.truncate(SHOWN - 1);
        lines.push(command(kind, &[("title", "crossfade")], &more));
    }
    lines.concat()
}

/// Failures by the place and the check, in the order in which they came.
#[derive(Default)]
struct Places<'r> {
    at: BTreeMap<(&'r str, usize, &'r str), usize>,
    found: Vec<Vec<(&'r Case, &'r CaseVerdict)>>,
}

impl<'r> Places<'r> {
    fn add(&mut self, case: &'r Case, verdict: &'r CaseVerdict) {
        let new = self.found.len();
        let at = *self.at.entry((&case.file, case.line, &verdict.check)).or_insert(new);
        if at == new {
            self.found.push(Vec::new());
        }
        self.found[at].push((case, verdict));
    }

    fn commands(&self, kind: &str) -> impl Iterator<Item = String> {
        self.found.iter().map(move |found| annotation(kind, found))
    }
}

fn annotation(kind: &str, found: &[(&Case, &CaseVerdict)]) -> String {
    let Some((case, verdict)) = found.first() else { return String::new() };
    let cases = if found.len() == 1 { case.id() } else { format!("{} and {} more", case.id(), found.len() - 1) };
    let title = format!("{} {}", verdict.check, if kind == "error" { "fails" } else { "could not be judged" });
    let text = format!("{cases}: {}\nrepeat: {}", verdict.reason, case.repeat);
    command(kind, &[("file", &case.file), ("line", &case.line.to_string()), ("title", &title)], &text)
}

/// `::error file=...,line=...::text`, escaped as the runner's toolkit does it.
fn command(kind: &str, properties: &[(&str, &str)], text: &str) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property =
        |(name, value): &(&str, &str)| format!("{name}={}", escape(value).replace(':', "%3A").replace(',', "%2C"));
    let properties: Vec<String> = properties.iter().map(property).collect();
    format!("::{kind} {}::{}\n", properties.join(","), escape(text))
}
