//! Where answers and cassettes come from: bundled in the program, or beside the scenario that names them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::{AnswerScript, load};
use crate::cassette::{self, Cassette};
use crate::diagnostic::{Diagnostic, quoted, suggestion};

/// Bundled answers: file and text, sorted.
const ANSWERS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/answers.rs"));

/// The name by which scenarios know a bundled answer.
fn name_of(file: &'static str) -> &'static str {
    file.strip_suffix(".yaml").unwrap_or(file)
}

/// Why an answer or a cassette cannot be had.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// There is none of that name or path: shown at the place that names it.
    Missing {
        /// What is wrong.
        message: String,
        /// The way out.
        help: Option<String>,
    },
    /// It is there, but does not load.
    Broken(Diagnostic),
}

/// Answers and cassettes: the bundled ones, and the files below a root folder. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Library {
    root: Option<PathBuf>,
    loaded: Arc<Mutex<Loaded>>,
}

/// Files that were read, so that the cases of a suite share them.
#[derive(Debug, Default)]
struct Loaded {
    answers: HashMap<PathBuf, Arc<AnswerScript>>,
    cassettes: HashMap<PathBuf, Arc<Cassette>>,
}

impl Library {
    /// What is bundled, and nothing from the disk but the files beside a scenario that was loaded from it.
    pub fn bundled() -> Self {
        Self::default()
    }

    /// What is bundled, and files anywhere below `root`.
    pub fn rooted(root: impl Into<PathBuf>) -> Self {
        Self { root: Some(root.into()), ..Self::default() }
    }

    /// Names of the bundled answers, in the order of their files.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ANSWERS.iter().map(|(file, _)| name_of(file))
    }

    /// Names of the bundled cassettes, `<vendor>/<what>.yaml`, sorted.
    pub fn cassette_names() -> impl Iterator<Item = &'static str> {
        cassette::BUNDLED.iter().map(|(name, _)| *name)
    }

    /// A bundled answer.
    pub fn answer(&self, name: &str) -> Result<Arc<AnswerScript>, Lookup> {
        match bundled_answers().get(name) {
            Some(found) => found.clone().map_err(Lookup::Broken),
            None => Err(Lookup::Missing {
                message: format!("no answer is called {}", quoted(name)),
                help: suggestion(name, Self::names()).map(|help| {
                    if Path::new(name).extension().is_some() {
                        format!("a file is named by `answer: {{file: {name}}}`")
                    } else {
                        help
                    }
                }),
            }),
        }
    }

    /// An answer file, relative to the folder of the scenario.
    pub fn answer_file(&self, folder: Option<&Path>, path: &str) -> Result<Arc<AnswerScript>, Lookup> {
        let Found { path, shown } = self.find(folder, path)?;
        if let Some(found) = self.lock().answers.get(&path) {
            return Ok(found.clone());
        }
        let script = Arc::new(load::load(&shown).map_err(Lookup::Broken)?);
        self.lock().answers.insert(path, script.clone());
        Ok(script)
    }

    /// A cassette, relative to the folder of the scenario, else a bundled one.
    pub fn cassette(&self, folder: Option<&Path>, path: &str) -> Result<Arc<Cassette>, Lookup> {
        let found = match self.find(folder, path) {
            Ok(found) => found,
            Err(missing) => match bundled_cassettes().get(path.strip_prefix("cassettes/").unwrap_or(path)) {
                Some(found) => return found.clone().map_err(Lookup::Broken),
                None => return Err(missing),
            },
        };
        if let Some(cassette) = self.lock().cassettes.get(&found.path) {
            return Ok(cassette.clone());
        }
        let cassette = Arc::new(cassette::load(&found.shown).map_err(Lookup::Broken)?);
        self.lock().cassettes.insert(found.path, cassette.clone());
        Ok(cassette)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Loaded> {
        // A panic elsewhere leaves a map of whole entries.
        self.loaded.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The file at `path` from `folder`, if it is there and below the root.
    fn find(&self, folder: Option<&Path>, path: &str) -> Result<Found, Lookup> {
        let missing = |message: String, help: Option<&str>| Lookup::Missing { message, help: help.map(str::to_owned) };
        let Some(folder) = folder else {
            return Err(missing(
                format!("there is no file {}", quoted(path)),
                Some("a bundled scenario can name bundled files only"),
            ));
        };
        if Path::new(path).is_absolute() {
            return Err(missing(
                format!("{} is an absolute path", quoted(path)),
                Some("paths are relative to the scenario, so that it works on every machine"),
            ));
        }
        let shown = folder.join(path);
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let Ok(found) = shown.canonicalize() else {
            return Err(missing(
                format!("there is no file {}", quoted(path)),
                Some("paths are relative to the folder of the scenario"),
            ));
        };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let root = self.root.as_ref().and_then(|root| root.canonicalize().ok()).filter(|root| folder.starts_with(root));
        if !found.starts_with(root.unwrap_or(folder)) {
            return Err(missing(
                format!("{} lies outside the folder of the scenarios", quoted(path)),
                Some("a scenario can name files below the folder of `crossfade.yaml`, or below its own"),
            ));
        }
        Ok(Found { path: found, shown })
    }
}

/// A file of the library.
struct Found {
    /// Its one true path.
    path: PathBuf,
    /// As it is named from the scenario: what errors show.
    shown: PathBuf,
}

type Bundle<T> = HashMap<&'static str, Result<Arc<T>, Diagnostic>>;

fn bundled_answers() -> &'static Bundle<AnswerScript> {
    static BUNDLE: OnceLock<Bundle<AnswerScript>> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let load = |(file, text): &(&'static str, &str)| {
            (name_of(file), load::load_text(&format!("answers/{file}"), text).map(Arc::new))
        };
        ANSWERS.iter().map(load).collect()
    })
}

fn bundled_cassettes() -> &'static Bundle<Cassette> {
    static BUNDLE: OnceLock<Bundle<Cassette>> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let load = |(name, text): &(&'static str, &str)| {
            (*name, cassette::load_text(&format!("cassettes/{name}"), text).map(Arc::new))
        };
        cassette::BUNDLED.iter().map(load).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bundled_answer_loads_and_every_file_is_bundled() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/answers");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| {
                entry.expect("readable").file_name().to_string_lossy().strip_suffix(".yaml").map(str::to_owned)
            })
            .collect();
        let mut names: Vec<_> = Library::names().collect();
        files.sort();
        names.sort_unstable();
        assert_eq!(names, files);
        for name in Library::names() {
            Library::bundled().answer(name).expect("it loads");
        }
    }

    #[test]
    fn files_stay_below_the_root() {
        let folder = std::env::temp_dir().join(format!("crossfade-library-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("a/b")).expect("a folder");
        let text = "parts: [{text: {words: 2}}]\n";
        for file in ["x.yaml", "a/y.yaml", "a/b/z.yaml"] {
            std::fs::write(folder.join(file), text).expect("a file");
        }
        let here = folder.join("a");
        let narrow = Library::bundled();
        assert!(narrow.answer_file(Some(&here), "y.yaml").is_ok());
        assert!(narrow.answer_file(Some(&here), "b/z.yaml").is_ok());
        assert!(
            matches!(narrow.answer_file(Some(&here), "../x.yaml"), Err(Lookup::Missing { message, .. }) if message.contains("outside"))
        );
        assert!(Library::rooted(&folder).answer_file(Some(&here), "../x.yaml").is_ok());
        assert!(
            matches!(narrow.answer_file(Some(&here), "/etc/passwd"), Err(Lookup::Missing { message, .. }) if message.contains("absolute"))
        );
        assert!(matches!(narrow.answer_file(None, "x.yaml"), Err(Lookup::Missing { .. })));
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn an_unknown_answer_is_named() {
        let Err(Lookup::Missing { help, .. }) = Library::bundled().answer("txt") else { panic!("there is none") };
        assert_eq!(help.as_deref(), Some("did you mean `text`?"));
    }
}
