//! Which files a command means: `crossfade.yaml`, scenario files, folders, addresses, the bundled suite.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::Failure;
use super::args::SelectArgs;
use crate::answer::Library;
use crate::config::{Config, FILE_NAME};
use crate::diagnostic::{Diagnostic, SourceFile, did_you_mean};
use crate::rules::{ChoiceError, RuleBook};
use crate::runner::{Exit, Selection};
use crate::scenario::{self, Case};

/// Where the command works: `crossfade.yaml` (found upwards) and its folder, else the working folder.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder of `crossfade.yaml`, or the working folder.
    pub(super) root: PathBuf,
    /// `crossfade.yaml`; empty where there is none.
    pub(super) config: Config,
}

impl Place {
    /// Looks for `crossfade.yaml` from the working folder upwards.
    pub(super) fn find() -> Result<Self, Failure> {
        let place = Self::here()?;
        let here = place.root.clone();
        for folder in here.ancestors() {
            let path = folder.join(FILE_NAME);
            if path.is_file() {
                // Named as the user would name it.
                let shown = if folder == here { PathBuf::from(FILE_NAME) } else { path };
                let config = Config::load(&shown).map_err(|error| Failure::load(&[error], false))?;
                return Ok(Self { root: folder.to_owned(), config });
            }
        }
        Ok(place)
    }

    /// The working folder, whatever is above it.
    pub(super) fn here() -> Result<Self, Failure> {
        let root = std::env::current_dir().map_err(|error| Failure::file("the working folder", error))?;
        Ok(Self { root, config: Config::default() })
    }

    /// What the legs refuse: the bundled rules, as `crossfade.yaml` adds to them and switches them.
    pub(super) fn rules(&self) -> Result<RuleBook, Failure> {
        RuleBook::chosen(&self.config.rules).map_err(|error| match error {
            ChoiceError::File(error) => Failure::load(&[*error], false),
            // Loading the configuration looked for each of them.
            ChoiceError::Unknown { list, .. } => Failure::file(FILE_NAME, format!("`rules.{list}` names no rule")),
        })
    }
}

/// Cases that a command means.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The selected cases, in order.
    pub(super) cases: Vec<Case>,
    /// Ids of all cases of the files that were loaded, selected or not.
    pub(super) all: Vec<String>,
    /// Whether they are the bundled ones.
    pub(super) bundled: bool,
    /// The files, by name.
    pub(super) sources: BTreeMap<String, SourceFile>,
}

/// Loads and selects. Without paths: the bundled suite, or, if `configured`, the scenarios of `crossfade.yaml`. Names that
/// these do not have are those of the bundled suite.
pub(super) fn choose(place: &Place, select: &SelectArgs, configured: bool) -> Result<Chosen, Failure> {
    let configured = configured && !place.config.scenarios.is_empty();
    match choose_of(place, select, configured) {
        Err(unknown) if configured && unknown.exit == Exit::Usage => {
            choose_of(place, select, false).map_err(|_| unknown)
        }
        chosen => chosen,
    }
}

fn choose_of(place: &Place, select: &SelectArgs, configured: bool) -> Result<Chosen, Failure> {
    let (mut paths, mut addresses, mut of_files) = (Vec::new(), Vec::new(), Vec::new());
    for path in &select.paths {
        if Path::new(path).exists() {
            paths.push(PathBuf::from(path));
        } else if let Some((file, case)) = case_of_file(path) {
            paths.push(PathBuf::from(file));
            of_files.push((file, case));
        } else if looks_like_address(path) {
            addresses.push(path.clone());
        } else {
            paths.push(PathBuf::from(path));
        }
    }
    paths.dedup();
    if paths.is_empty() && configured {
        paths.clone_from(&place.config.scenarios);
    }
    let mut chosen = Chosen { bundled: paths.is_empty(), ..Chosen::default() };
    let cases = if chosen.bundled {
        for (path, text) in scenario::BUNDLED {
            let name = format!("scenarios/{path}");
            chosen.sources.insert(name.clone(), SourceFile::new(name, *text));
        }
        scenario::load_bundled().map_err(|errors| Failure::load(&errors, false))?
    } else {
        load(place, &paths, &mut chosen.sources).map_err(|errors| Failure::load(&errors, false))?
    };
    chosen.all = cases.iter().map(Case::id).collect();
    for (file, case) in of_files {
        let of_file = cases.iter().filter(|each| each.file == file).collect::<Vec<_>>();
        let ids: Vec<String> = of_file.iter().map(|case| case.id()).collect();
        match ids.iter().find(|id| id.ends_with(case)) {
            Some(id) => addresses.push(id.clone()),
            None => return Err(no_case(&format!("{file}{case}"), &ids)),
        }
    }
    let mut meant: BTreeSet<String> = BTreeSet::new();
    for address in &addresses {
        // A name is the whole name: part of one would find bundled scenarios for every folder that is misspelt.
        let ids: Vec<String> = if address.contains(['*', '?']) {
            Selection::new(vec![address.clone()]).matches(&chosen.all).into_iter().map(str::to_owned).collect()
        } else {
            cases.iter().filter(|case| [&case.scenario, &case.id()].contains(&address)).map(Case::id).collect()
        };
        if ids.is_empty() {
            let names = chosen.all.iter().chain(cases.iter().map(|case| &case.scenario));
            return Err(no_case(address, &names.cloned().collect::<Vec<_>>()));
        }
        meant.extend(ids);
    }
    let addressed = cases.into_iter().filter(|case| addresses.is_empty() || meant.contains(&case.id()));
    chosen.cases = Selection::new(select.filter.clone()).apply(addressed.collect());
    if chosen.cases.is_empty() && !chosen.all.is_empty() {
        let names: BTreeSet<&str> = chosen.all.iter().filter_map(|id| id.split('[').next()).collect();
        let given = select.filter.iter().map(|pattern| pattern.split('[').next().unwrap_or_default().trim_matches('*'));
        let meant = { given }.find_map(|name| did_you_mean(name, names.iter().copied()));
        let help = meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
        log::warn!("none of the {} cases is called {}{help}", chosen.all.len(), select.filter.join(" or "));
    }
    Ok(chosen)
}

/// An address that names nothing.
fn no_case(address: &str, ids: &[String]) -> Failure {
    let meant = did_you_mean(address, ids.iter().map(String::as_str));
    let help = meant.map_or_else(
        || "a case of a file is written `FILE.yaml[case]`; `crossfade list` shows the cases".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    Failure::usage(format!("no file, folder or case is called `{address}`; {help}"))
}

/// A scenario file and the case of it that is meant: `my-bug.yaml[close]`.
fn case_of_file(text: &str) -> Option<(&str, &str)> {
    let (file, case) = text.split_at(text.find(".yaml[").or_else(|| text.find(".yml["))?);
    let (extension, case) = case.split_at(case.find('[')?);
    let file = &text[..file.len() + extension.len()];
    case.ends_with(']').then_some((file, case))
}

/// Loads scenario files and folders; every error of every file.
pub(super) fn load(
    place: &Place,
    paths: &[PathBuf],
    sources: &mut BTreeMap<String, SourceFile>,
) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let library = Library::rooted(&place.root);
    let (mut cases, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        let files = match scenario::discover(path) {
            Ok(files) => files,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        for file in files {
            match scenario::load(&file, &library) {
                Ok(loaded) => {
                    if let (Some(case), Ok(text)) = (loaded.first(), std::fs::read(&file))
                        && let Ok(source) = SourceFile::from_bytes(case.file.clone(), text)
                    {
                        sources.insert(case.file.clone(), source);
                    }
                    cases.extend(loaded);
                }
                Err(found) => errors.extend(found),
            }
        }
    }
    errors.extend(twice(&cases));
    if errors.is_empty() { Ok(cases) } else { Err(errors) }
}

/// Scenarios of the same name in two files: their cases could not be told apart.
fn twice(cases: &[Case]) -> Vec<Diagnostic> {
    let mut files: BTreeMap<&str, &str> = BTreeMap::new();
    let mut errors: Vec<Diagnostic> = Vec::new();
    for case in cases {
        let first = *files.entry(&case.scenario).or_insert(&case.file);
        if first != case.file && !errors.iter().any(|error| error.file.name() == case.file) {
            let message = format!("the scenario `{}` is also in {first}", case.scenario);
            errors.push(Diagnostic::of_file(&case.file, message).help("give each scenario a name of its own"));
        }
    }
    errors
}

/// `scenario[case]`, or a bare name: no path has brackets at its end, and a file has an extension.
fn looks_like_address(text: &str) -> bool {
    text.ends_with(']') && text.contains('[') || !text.contains(['/', '\\', '.'])
}
