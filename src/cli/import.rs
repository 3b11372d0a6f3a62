//! `crossfade import`: cassettes from recordings in other formats.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Component, Path, PathBuf};

use super::args::ImportArgs;
use super::files::Place;
use super::{Failure, clock, print};
use crate::cassette::{Cassette, SCHEMA, load_text, save, save_below};
use crate::config::FILE_NAME;
use crate::diagnostic::Diagnostic;
use crate::import::{Imported, Options, Source, import as read};
use crate::redact::Redactor;
use crate::runner::Exit;
use crate::schema;
use crate::whole;

/// Most that is read of a file: what is larger is refused by whoever reads it.
const MOST: u64 = (64 << 20) + 1;
/// Files in folders, at most.
const FILES: usize = 20_000;

/// Imports files and folders, and says what became of each.
pub(super) fn import(args: &ImportArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let redactor = Redactor::new(&place.config.redact)
        .map_err(|wrong| Failure::file(FILE_NAME, format!("`redact.{}`: {wrong}", wrong.list)))?;
    let options = Options { format: args.format, api: args.api, date: clock::date(), redactor: &redactor };
    let (mut drafts, mut errors) = (Vec::new(), Vec::new());
    let mut sum = Sum::default();
    for input in inputs(&args.paths)? {
        let taken = take(&input, &options).and_then(|imported| sound(&input, imported, &redactor));
        match taken {
            Ok(imported) => {
                sum.exchanges += imported.skipped.len();
                for (number, why) in &imported.skipped {
                    log::info!("{}: exchange {number}: {why}", input.name);
                    sum.skipped += 1;
                }
                if !imported.cassettes.is_empty() {
                    drafts.extend(drafts_of(&input, imported));
                } else if input.named {
                    errors.push(nothing(&input, &imported));
                } else {
                    log::info!("{}: nothing to replay", input.name);
                }
            }
            // A folder holds files of all kinds.
            Err(error) if !input.named && error.message.starts_with("this is no recording") => {
                log::info!("{}: {}", input.name, error.message);
                sum.passed_over += 1;
            }
            Err(error) => errors.push(error),
        }
    }
    let written = write_all(&mut drafts, args)?;
    sum.exchanges += written;
    for draft in &drafts {
        print(&draft.told());
    }
    print(&sum.told(drafts.len()));
    if !errors.is_empty() {
        return Err(Failure::load(&errors, false));
    }
    if drafts.is_empty() {
        return Err(Failure::file("import", "nothing in these folders can be replayed; `-v` says why"));
    }
    Ok(Exit::AsExpected)
}

/// A file to read.
struct Input {
    path: PathBuf,
    /// As the user named it.
    name: String,
    /// Its path below the folder that was named.
    origin: String,
    /// Where its cassettes go, below the folder that is written.
    stem: PathBuf,
    /// Whether it was named itself, and not a folder of it.
    named: bool,
}

impl Input {
    fn new(path: PathBuf, below: &Path, named: bool) -> Self {
        let (name, origin) = (path.display().to_string(), below.display().to_string());
        Self { path, name, origin, stem: stem(below), named }
    }
}

#[derive(Default)]
struct Sum {
    exchanges: usize,
    skipped: usize,
    passed_over: usize,
}

impl Sum {
    fn told(&self, cassettes: usize) -> String {
        let skipped = if self.skipped > 0 { "; `-v` says why the others are left out" } else { "" };
        let passed_over = match self.passed_over {
            0 => String::new(),
            files => format!("; files that are no recordings: {files}"),
        };
        format!(
            "imported {} of {} exchanges into {cassettes} {}{skipped}{passed_over}\n",
            self.exchanges - self.skipped,
            self.exchanges,
            if cassettes == 1 { "cassette" } else { "cassettes" }
        )
    }
}

/// The files that are meant, in an order that depends on their names alone.
fn inputs(paths: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, path, &mut found)?;
        } else {
            found.push(Input::new(path.clone(), Path::new(path.file_name().unwrap_or_default()), true));
        }
    }
    Ok(found)
}

fn below(root: &Path, folder: &Path, found: &mut Vec<Input>) -> Result<(), Failure> {
    let fail = |error| Failure::file(&folder.display().to_string(), error);
    let entries = fs::read_dir(folder).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default();
        // The bodies of WireMock's mappings are read with these.
        let is_bodies = name == "__files" && folder.join("mappings").is_dir();
        if name.to_string_lossy().starts_with('.') || is_bodies || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            below(root, &path, found)?;
        } else if found.len() < FILES {
            let below = path.strip_prefix(root).unwrap_or(&path).to_owned();
            found.push(Input::new(path, &below, false));
        } else {
            return Err(Failure::usage(format!("{} holds more than {FILES} files", root.display())));
        }
    }
    Ok(())
}

/// A path without what its formats add to names.
fn stem(path: &Path) -> PathBuf {
    let name = path.file_name().map(OsStr::to_string_lossy).unwrap_or_default();
    let mut name = name.as_ref();
    while let Some((rest, extension)) = name.rsplit_once('.') {
        let known =
            ["chunks", "flow", "flows", "gz", "har", "httprr", "json", "jsonl", "mitm", "sse", "txt", "yaml", "yml"];
        if rest.is_empty() || !known.contains(&extension) {
            break;
        }
        name = rest;
    }
    path.with_file_name(name)
}

fn take(input: &Input, options: &Options<'_>) -> Result<Imported, Diagnostic> {
    let fail = |error: std::io::Error| {
        Diagnostic::of_file(&input.name, format!("cannot read this file: {error}"))
            .help("check the path and its permissions")
    };
    let bytes = head(&input.path).map_err(fail)?;
    let beside = |name: &str| bodies(&input.path, name);
    read(Source { name: &input.name, origin: &input.origin, bytes, beside: &beside }, options)
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file in the folder `__files` beside the folder of the mappings: none outside of it.
fn bodies(mapping: &Path, name: &str) -> Result<Vec<u8>, String> {
    if !Path::new(name).components().all(|part| matches!(part, Component::Normal(_))) {
        return Err("a body lies in `__files` and nowhere else".to_owned());
    }
    let folder = mapping.parent().and_then(Path::parent).unwrap_or(Path::new(".")).join("__files");
    head(&folder.join(name)).map_err(|error| format!("cannot read {}: {error}", folder.join(name).display()))
}

/// What is written loads, and holds no secret: an exchange may be longer than a cassette, and a secret may stand where
/// none was looked for.
fn sound(input: &Input, imported: Imported, redactor: &Redactor) -> Result<Imported, Diagnostic> {
    for cassette in &imported.cassettes {
        let text = save(cassette);
        load_text(&input.name, &text).map_err(|error| {
            let why = format!("no cassette can hold this recording: {}", error.message);
            Diagnostic { help: error.help, ..Diagnostic::of_file(&input.name, why) }
        })?;
        if let Some(leak) = redactor.scan(text.as_bytes()).first() {
            let why = format!("a secret cannot be taken out of this recording: {}", leak.what);
            return Err(Diagnostic::of_file(&input.name, why)
                .help("if it is none, name it under `redact: keep:` in `crossfade.yaml`"));
        }
    }
    Ok(imported)
}

fn nothing(input: &Input, imported: &Imported) -> Diagnostic {
    let reasons: BTreeSet<&str> = imported.skipped.iter().map(|(_, why)| why.as_str()).collect();
    let reasons: Vec<&str> = reasons.into_iter().take(3).collect();
    Diagnostic::of_file(&input.name, format!("nothing in it can be replayed: {}", reasons.join("; ")))
        .help("`--api` says in which API it is, where the path of the request does not tell")
}

/// A cassette that is to be written.
struct Draft {
    path: PathBuf,
    cassette: Cassette,
}

impl Draft {
    fn told(&self) -> String {
        let exchanges = self.cassette.exchanges.len();
        let exchanges = if exchanges == 1 { "1 exchange".to_owned() } else { format!("{exchanges} exchanges") };
        format!(
            "wrote {}: {exchanges} in {}, from {}\n",
            self.path.display(),
            self.cassette.api,
            self.cassette.provenance.source
        )
    }
}

/// Cassettes and where they go below the folder: by the name of the file, with the API where there are several.
fn drafts_of(input: &Input, imported: Imported) -> Vec<Draft> {
    let several = imported.cassettes.len() > 1;
    let name = |cassette: &Cassette| {
        let mut name = input.stem.clone().into_os_string();
        name.push(if several { format!("-{}.yaml", cassette.api) } else { ".yaml".to_owned() });
        PathBuf::from(name)
    };
    imported.cassettes.into_iter().map(|cassette| Draft { path: name(&cassette), cassette }).collect()
}

/// Writes each, and gives how many exchanges they hold.
fn write_all(drafts: &mut [Draft], args: &ImportArgs) -> Result<usize, Failure> {
    let out = &args.out;
    let is_file = !out.is_dir() && out.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    match &mut *drafts {
        [] => return Ok(0),
        [draft] if is_file => draft.path.clone_from(out),
        many if is_file => {
            let message = format!("these recordings make {} cassettes, and {} is one file", many.len(), out.display());
            return Err(Failure::usage(format!("{message}; name a folder")));
        }
        many => {
            let mut taken = BTreeSet::new();
            for draft in many {
                let own = out.join(&draft.path);
                draft.path.clone_from(&own);
                let mut number = 1;
                while !taken.insert(draft.path.clone()) {
                    number += 1;
                    draft.path = numbered(&own, number);
                }
            }
        }
    }
    if let Some(there) = drafts.iter().map(|draft| &draft.path).find(|path| !args.force && path.exists()) {
        return Err(already(there));
    }
    let root = if is_file {
        out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    } else {
        out
    };
    for draft in &*drafts {
        let depth = draft.path.strip_prefix(root).map_or(1, |below| below.components().count());
        let text = save_below(&draft.cassette, depth.saturating_sub(1));
        whole::write(&draft.path, &text, args.force).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => already(&draft.path),
            _ => Failure::file(&draft.path.display().to_string(), error),
        })?;
    }
    let schema = serde_json::to_string_pretty(&schema::cassette()).unwrap_or_default() + "\n";
    match whole::write(&root.join(SCHEMA), &schema, false) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(Failure::file(SCHEMA, error)),
        _ => {}
    }
    Ok(drafts.iter().map(|draft| draft.cassette.exchanges.len()).sum())
}

/// `a-2.yaml` of `a.yaml`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{number}.yaml"))
}

fn already(path: &Path) -> Failure {
    Failure::usage(format!("{} is there already; `--force` overwrites it", path.display()))
}
