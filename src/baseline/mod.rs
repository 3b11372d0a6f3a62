//! A baseline: verdicts that a proxy is known to fail, each with its reason.

mod tally;
mod update;

use std::path::Path;

pub use tally::{Tallies, Tally};
pub use update::{Updated, update};

use crate::check;
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted, suggestion};
use crate::yaml::{Document, Limits};

/// Verdicts that a proxy is known to fail: a list of `ADDRESS: reason`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Entries in the file's order; no address stands twice.
    pub entries: Vec<Known>,
}

/// A known failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// `scenario[case]/check`, `scenario/check` for every case of a scenario, or `check` for all cases.
    pub address: String,
    /// Why it is known to fail, for people. With a link, unless it is of one case.
    pub reason: String,
    /// Line of the file; 0 for an entry that stands in none.
    pub line: usize,
}

impl Known {
    /// Whether it covers this check in a case of this id.
    pub fn covers(&self, id: &str, check: &str) -> bool {
        let Some((case, own)) = split(&self.address) else { return false };
        own == check && (case.is_empty() || case == id || case == scenario_of(id))
    }

    /// Whether it names one case, not every case of a scenario or of all scenarios.
    fn is_one(&self) -> bool {
        split(&self.address).is_some_and(|(case, _)| case.ends_with(']'))
    }
}

/// The scenario of a case's id.
fn scenario_of(id: &str) -> &str {
    id.split('[').next().unwrap_or_default()
}

impl Baseline {
    /// Reads a baseline file.
    pub fn load(path: &Path) -> Result<Self, Diagnostic> {
        Self::load_for(path, &[])
    }

    /// The same, for a run of scenarios with these cases: an entry that stands for several of them wants a link.
    pub fn load_for(path: &Path, all: &[String]) -> Result<Self, Diagnostic> {
        Self::read(&Document::read(path, Limits::SCENARIO)?, all)
    }

    /// Reads a baseline from text.
    pub fn load_text(name: &str, text: &str) -> Result<Self, Diagnostic> {
        Self::read(&Document::parse(SourceFile::new(name, text), Limits::SCENARIO)?, &[])
    }

    /// The entry that covers a verdict: the closest one, where several do.
    pub fn known(&self, id: &str, check: &str) -> Option<&Known> {
        let covering = self.entries.iter().filter(|known| known.covers(id, check));
        covering.max_by_key(|known| known.address.len())
    }

    /// A baseline file with these entries.
    pub fn to_text(&self) -> String {
        let mut text = String::from("# Verdicts that are known to fail, each with its reason.\n");
        for known in &self.entries {
            let entry = serde_json::json!({ known.address.as_str(): known.reason.as_str() });
            // A map of texts cannot fail to be written.
            let line = crate::yaml::to_string(&entry).unwrap_or_default();
            text.push_str("- ");
            text.push_str(&line);
        }
        if self.entries.is_empty() {
            text.push_str("[]\n");
        }
        text
    }

    /// Adds the entries of another baseline, as far as their addresses are new.
    pub fn extend(&mut self, other: Self) {
        for known in other.entries {
            if !self.entries.iter().any(|own| own.address == known.address) {
                self.entries.push(known);
            }
        }
    }

    fn read(document: &Document, all: &[String]) -> Result<Self, Diagnostic> {
        let file = document.file();
        let error = |span: Span, message: String, help: Option<String>| {
            let error = Diagnostic::new(file, span, message);
            Err(Diagnostic { help, ..error })
        };
        let form = || {
            Some("each item is `scenario[case]/check: reason`, `scenario/check: reason`, or `check: reason`".to_owned())
        };
        let root = document.root();
        let items = match root.as_list() {
            Some(items) => items,
            None if root.is_null() => &[],
            None => return error(root.span, format!("a baseline is a list, not {}", root.kind()), form()),
        };
        let mut entries: Vec<Known> = Vec::new();
        for item in items {
            let entry = item.as_map().filter(|map| map.len() == 1).and_then(|map| map.first());
            let Some((address, entry)) = entry else {
                return error(item.span, "expected one address and its reason".to_owned(), form());
            };
            let Some((case, check)) = split(address) else {
                return error(entry.key, format!("{} is no address of a verdict", quoted(address)), form());
            };
            if check::info(check).is_none() {
                let help = suggestion(check, check::CATALOGUE.iter().map(|info| info.id));
                return error(entry.key, format!("no check is called {}", quoted(check)), help);
            }
            if let Some(same) = entries.iter().find(|known| known.address == *address) {
                let message = format!("{} stands twice, first on line {}", quoted(address), same.line);
                return error(entry.key, message, None);
            }
            let Some(reason) = entry.value.as_text().filter(|reason| !reason.trim().is_empty()) else {
                let help = "a sentence, or the address of the issue: why is it known to fail?";
                return error(entry.key, "a known failure has a reason".to_owned(), Some(help.to_owned()));
            };
            // The scenario alone is the address of its only case, too.
            let several = || all.iter().filter(|id| scenario_of(id) == case).count() > 1;
            if (case.is_empty() || several()) && !has_link(reason) {
                let help = "such an entry hides every failure of a check there: link to where it is discussed, or list \
                            the cases one by one";
                let of = if case.is_empty() {
                    "for all cases".to_owned()
                } else {
                    format!("for every case of {}", quoted(case))
                };
                return error(entry.value.span, format!("an entry {of} has a link"), Some(help.to_owned()));
            }
            let (line, _) = file.position(entry.key.start);
            entries.push(Known { address: address.clone(), reason: reason.to_owned(), line });
        }
        Ok(Self { entries })
    }
}

fn has_link(reason: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| reason.contains(scheme))
}

/// The case and the check of a verdict's address. The case is `scenario[case]`, the scenario alone, or empty for all.
pub fn split(address: &str) -> Option<(&str, &str)> {
    let Some((case, check)) = address.rsplit_once('/') else {
        return (!address.is_empty() && !address.contains(['[', ']'])).then_some(("", address));
    };
    let whole = match case.split_once('[') {
        Some((scenario, rest)) => !scenario.is_empty() && rest.strip_suffix(']').is_some_and(|name| !name.is_empty()),
        None => !case.is_empty() && !case.contains(']'),
    };
    (whole && !check.is_empty()).then_some((case, check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back() {
        let known =
            |address: &str, reason: &str| Known { address: address.to_owned(), reason: reason.to_owned(), line: 0 };
        let baseline = Baseline {
            entries: vec![
                known(
                    "prefill[openai-chat,error_event,claude-opus-4-7]/fallback.accepted",
                    "https://github.com/x/y/issues/1",
                ),
                known("plain/route.reached", "no: it does not"),
            ],
        };
        let text = baseline.to_text();
        let mut loaded = Baseline::load_text("b.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(loaded.entries.iter().map(|known| known.line).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(loaded.known("plain", "route.reached").map(|known| &*known.reason), Some("no: it does not"));
        loaded.entries.iter_mut().for_each(|known| known.line = 0);
        assert_eq!(loaded, baseline);
        assert_eq!(Baseline::load_text("b.yaml", &Baseline::default().to_text()), Ok(Baseline::default()));
        assert_eq!(Baseline::load_text("b.yaml", "# nothing\n"), Ok(Baseline::default()));
    }

    #[test]
    fn an_address_has_a_case_and_a_check() {
        assert_eq!(split("a[b/c,d]/x.y"), Some(("a[b/c,d]", "x.y")));
        assert_eq!(split("a/x.y"), Some(("a", "x.y")));
        assert_eq!(split("x.y"), Some(("", "x.y")));
        for bad in ["", "a]", "a[b/x.y", "[b]/x.y", "a[]/x.y", "a[b]/", "/x.y", "a]/x.y"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_closest_entry_covers_a_verdict() {
        let text =
            "- route.reached: see https://example.test/1\n- s/route.reached: all of s\n- s[a]/route.reached: one\n";
        let baseline = Baseline::load_text("b.yaml", text).unwrap_or_else(|error| panic!("{error}"));
        let check = |id: &str, expect: &str| {
            assert_eq!(baseline.known(id, "route.reached").map(|known| &*known.reason), Some(expect), "{id}");
        };
        check("s[a]", "one");
        check("s[b]", "all of s");
        check("s", "all of s");
        check("sa[a]", "see https://example.test/1");
        assert_eq!(baseline.known("s[a]", "stream.text"), None);
    }

    #[test]
    fn an_entry_for_all_cases_has_a_link() {
        let error = Baseline::load_text("b.yaml", "- route.reached: it does not\n").expect_err("no link");
        assert!(error.message.contains("has a link"), "{error}");
    }

    #[test]
    fn an_entry_for_several_cases_of_a_scenario_has_a_link() {
        let read = |text: &str, all: &[&str]| {
            let document = Document::parse(SourceFile::new("b.yaml", text), Limits::SCENARIO).expect("it is YAML");
            let all: Vec<String> = all.iter().map(|id| (*id).to_owned()).collect();
            Baseline::read(&document, &all).map_err(|error| error.message)
        };
        let several = ["s[a]", "s[b]", "t"];
        let wrong = Err("an entry for every case of `s` has a link".to_owned());
        assert_eq!(read("- s/route.reached: it does not\n", &several), wrong);
        for text in [
            "- s/route.reached: it does not, https://example.test/1\n",
            "- s[a]/route.reached: it does not\n",
            "- t/route.reached: it does not\n",
            "- elsewhere/route.reached: it does not\n",
        ] {
            assert!(read(text, &several).is_ok(), "{text}");
        }
        assert!(read("- s/route.reached: it does not\n", &["s"]).is_ok(), "one case");
    }
}
