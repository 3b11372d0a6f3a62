//! From scenario files to cases.

use std::path::{Path, PathBuf};

use super::resolve::{self, Source};
use super::{Case, Scenario, bundled, fit, shorthand, vary};
use crate::answer::Library;
use crate::diagnostic::{Diagnostic, SourceFile, quoted};
use crate::yaml::{Document, Limits, Node, decode};

/// Most errors that are shown of one file.
const MOST_ERRORS: usize = 12;
/// Most cases of one file.
pub(super) const MOST_CASES: usize = 10_000;

/// The way out for a file that says nothing.
pub(super) const LEAST: &str = "the least is `legs: {primary: {cut: {at: {texts: 5}, by: close}}, fallback: {}}`";

/// Loads a scenario file: its cases in the order of `vary`, or everything that is wrong with it.
pub fn load(path: &Path, library: &Library) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let document = Document::read(path, Limits::SCENARIO).map_err(|error| vec![error])?;
    expand(document, path.parent(), library)
}

/// Loads a scenario from text; it can name bundled answers and cassettes only.
pub fn load_text(name: &str, text: &str, library: &Library) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let document = Document::parse(SourceFile::new(name, text), Limits::SCENARIO).map_err(|error| vec![error])?;
    expand(document, None, library)
}

/// The bundled suite.
pub fn load_bundled() -> Result<Vec<Case>, Vec<Diagnostic>> {
    let library = Library::bundled();
    let mut cases = Vec::new();
    let mut errors = Vec::new();
    for (path, text) in bundled::BUNDLED {
        match load_text(&format!("scenarios/{path}"), text, &library) {
            Ok(loaded) => cases.extend(loaded),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(cases) } else { Err(errors) }
}

/// Scenario files at a path: the file itself, or every one in a folder and below, sorted. Other YAML files in a
/// folder (answers, cassettes, baselines, a configuration) and hidden folders are passed over.
pub fn discover(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut found = Vec::new();
    if path.is_dir() {
        walk(path, &mut found, 0)?;
        found.sort();
        if found.is_empty() {
            let name = path.display().to_string();
            return Err(Diagnostic::of_file(&name, format!("no scenario file in {}", quoted(&name)))
                .help("a scenario is a `.yaml` file with `legs:`; `crossfade new` writes one"));
        }
    } else if path.exists() {
        found.push(path.to_owned());
    } else {
        let name = path.display().to_string();
        return Err(Diagnostic::of_file(&name, format!("there is no file or folder {}", quoted(&name))));
    }
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>, depth: usize) -> Result<(), Diagnostic> {
    let fail = |error: &std::io::Error| {
        let name = folder.display().to_string();
        Diagnostic::of_file(&name, format!("cannot read {}: {error}", quoted(&name)))
    };
    if depth > 16 {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder).map_err(|error| fail(&error))? {
        let path = entry.map_err(|error| fail(&error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, found, depth + 1)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            let other = Document::read(&path, Limits::SCENARIO).is_ok_and(|document| is_another_kind(document.root()));
            if name != "crossfade.yaml" && !other {
                found.push(path);
            }
        }
    }
    Ok(())
}

/// Whether a file is clearly something else than a scenario; a file that does not parse is not.
fn is_another_kind(root: &Node) -> bool {
    root.as_list().is_some() || ["cassette", "parts", "rules", "profile"].iter().any(|key| root.get(key).is_some())
}

fn expand(document: Document, folder: Option<&Path>, library: &Library) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let (file, mut base) = document.into_parts();
    if base.as_map().is_none() {
        let what = if base.is_null() {
            "the file is empty".to_owned()
        } else {
            format!("a scenario is a map, not {}", base.kind())
        };
        return Err(vec![Diagnostic::new(&file, base.span, what).help(LEAST)]);
    }
    shorthand::scenario(&mut base);
    // The base is decoded first, so that an error that every case shares is told once.
    decode::<Scenario>(&base).map_err(|error| vec![error.in_file(&file)])?;
    let expanded = vary::expand(&file, &base)?;
    let source = Source { file: &file, folder, library, renditions: fit::Renditions::default() };
    let mut cases = Vec::with_capacity(expanded.len());
    let mut errors: Vec<Diagnostic> = Vec::new();
    for case in expanded {
        match resolve::cases(&source, case) {
            Ok(resolved) if cases.len() + resolved.len() > MOST_CASES => {
                let span = base.get("sweep").map_or(base.span, |sweep| sweep.span);
                let error =
                    Diagnostic::new(&file, span, format!("`sweep` and `vary` make more than {MOST_CASES} cases"));
                return Err(vec![error.help("split the file, set a longer `step`, or take a shorter answer")]);
            }
            Ok(resolved) => cases.extend(resolved),
            Err(found) => {
                for error in found {
                    if !errors.contains(&error) {
                        errors.push(error);
                    }
                }
                if errors.len() >= MOST_ERRORS {
                    break;
                }
            }
        }
    }
    errors.sort_by_key(|error| error.span.map(|span| span.start));
    errors.truncate(MOST_ERRORS);
    if errors.is_empty() { Ok(cases) } else { Err(errors) }
}

#[cfg(test)]
mod tests;
