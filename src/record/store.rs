//! Cassette files: what is there, and what is written.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::shelf::{Key, Names, Shelf, api};
use super::take::Recorded;
use crate::api::ApiId;
use crate::cassette::{Cassette, Exchange, FORMAT, How, Provenance, SCHEMA, load, load_text, save_below};
use crate::diagnostic::Diagnostic;
use crate::redact::Redactor;
use crate::schema;
use crate::whole;

/// What becomes of recordings that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// There must be none.
    New,
    /// They are played, and what they lack is recorded.
    Missing,
    /// They are recorded anew.
    All,
}

/// Why there is no place to record to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Recordings are there already.
    #[error("{} {what} already; `--mode missing` plays what is there and records the rest, `--mode all` records all anew", .path.display())]
    Exists {
        /// The file or folder.
        path: PathBuf,
        /// What it does.
        what: &'static str,
    },
    /// A file that is there does not load.
    #[error("{0}")]
    Load(Box<Diagnostic>),
    /// It cannot be written or read.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where recordings are kept, and how.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// A folder, or a file for all exchanges (`*.yaml`).
    pub out: PathBuf,
    /// How many folders above that the schema lies.
    pub depth: usize,
    /// Kept are those of this leg, each in a file of its name; left out: of whoever asks.
    pub leg: Option<String>,
    /// What becomes of recordings that are there.
    pub mode: Mode,
    /// What is a secret.
    pub redactor: Redactor,
    /// Today, `YYYY-MM-DD`.
    pub date: String,
}

/// Whether a folder holds recordings of a leg.
pub fn holds(folder: &Path, leg: &str) -> bool {
    cassettes(folder, &Names::Leg(leg.to_owned())).is_ok_and(|found| !found.is_empty())
}

/// Where a recording lies.
#[derive(Clone, Debug)]
enum Place {
    /// In a file of its own.
    File(String),
    /// In the one file, at this position.
    Index(usize),
}

/// The place to which is recorded.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// The one file for all, if not each exchange has its own.
    file: Option<PathBuf>,
    depth: usize,
    names: Names,
    mode: Mode,
    source: String,
    date: String,
    redactor: Redactor,
    /// Asked by connections, so never held while a file is written.
    shelf: Mutex<Shelf<Place>>,
    /// What the writer knows.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    numbers: HashMap<ApiId, u32>,
    /// What the one file holds.
    all: Option<Cassette>,
}

impl Store {
    /// Looks at what is there. A path that ends in `.yaml` is one file for all exchanges, another one a folder.
    pub(super) fn open(keeping: Keeping, source: String) -> Result<Self, OpenError> {
        let Keeping { out, depth, leg, mode, redactor, date } = keeping;
        let names = leg.map_or(Names::Api, Names::Leg);
        let one = out.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        let folder = if one { out.parent().unwrap_or(Path::new("")) } else { &out };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder }.to_owned();
        let failed = |path: &Path, source| OpenError::Io { path: path.to_owned(), source };
        fs::create_dir_all(&folder).map_err(|error| failed(&folder, error))?;
        whole::sweep(&folder);
        let found = if one {
            out.exists().then(|| out.clone()).into_iter().collect()
        } else {
            cassettes(&folder, &names).map_err(|error| failed(&folder, error))?
        };
        if mode == Mode::New && !found.is_empty() {
            let what = if one { "is there" } else { "holds recordings" };
            return Err(OpenError::Exists { path: out, what });
        }
        let (mut shelf, mut state) = (Shelf(Vec::new()), State::default());
        for path in found {
            let cassette = load(&path).map_err(|error| OpenError::Load(Box::new(error)))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let last = state.numbers.entry(cassette.api).or_default();
            let number = names.number(cassette.api, &file).filter(|_| !renumbers(mode, &names));
            *last = number.unwrap_or_default().max(*last);
            for (index, exchange) in cassette.exchanges.iter().enumerate() {
                let place = if one { Place::Index(index) } else { Place::File(file.clone()) };
                shelf.put(place, exchange.clone());
            }
            if one {
                state.all = Some(cassette);
            }
        }
        let file = one.then_some(out);
        let (shelf, state) = (Mutex::new(shelf), Mutex::new(state));
        Ok(Self { folder, file, depth, names, mode, source, date, redactor, shelf, state })
    }

    /// Whether requests are compared with what is there before they are forwarded.
    pub(super) fn plays(&self) -> bool {
        self.mode == Mode::Missing
    }

    /// Whether the n-th request takes the n-th name, whatever was there.
    fn renumbers(&self) -> bool {
        renumbers(self.mode, &self.names)
    }

    /// The recording of this request, if it is there and is to be played.
    pub(super) fn find(&self, mut asked: Exchange) -> Option<Exchange> {
        // Recordings are compared as they are kept.
        self.redactor.exchange(&mut asked);
        let key = Key::of(&asked.request);
        lock(&self.shelf).play(&key).map(|kept| kept.exchange.clone())
    }

    /// Keeps a complete exchange, and says where.
    pub(super) fn keep(&self, recorded: Recorded) -> Result<PathBuf, String> {
        let Recorded { mut exchange, lost } = recorded;
        let redacted = self.redactor.exchange(&mut exchange);
        let api = api(&exchange.request.target).ok_or("this is no API that Crossfade speaks")?;
        let mut state = lock(&self.state);
        let replaced = match self.mode {
            Mode::All if !self.renumbers() => {
                lock(&self.shelf).replace(&Key::of(&exchange.request)).map(|kept| kept.place.clone())
            }
            Mode::New | Mode::Missing | Mode::All => None,
        };
        let fresh = self.cassette(api, redacted, lost);
        let Some(file) = &self.file else {
            let path = match replaced {
                Some(Place::File(file)) => self.folder.join(file),
                _ => self.free(&mut state, api, &exchange),
            };
            let new = !path.exists();
            self.write(&path, &Cassette { exchanges: vec![exchange], ..fresh }, !new)?;
            return Ok(path);
        };
        let before = state.all.as_ref();
        if let Some(other) = before.map(|all| all.api).filter(|other| *other != api) {
            return Err(format!(
                "{} holds exchanges in {other}, this one is in {api}: record to a folder",
                file.display()
            ));
        }
        let all = added(before, fresh, exchange, replaced.as_ref());
        self.write(file, &all, before.is_some())?;
        state.all = Some(all);
        Ok(file.clone())
    }

    /// The next name that is free.
    fn free(&self, state: &mut State, api: ApiId, exchange: &Exchange) -> PathBuf {
        let last = state.numbers.entry(api).or_default();
        loop {
            *last += 1;
            let path = self.folder.join(self.names.name(api, *last, exchange));
            if self.renumbers() || !path.exists() {
                return path;
            }
        }
    }

    fn cassette(&self, api: ApiId, redacted: Vec<String>, lost: Vec<String>) -> Cassette {
        let provenance = Provenance {
            how: How::Recorded,
            source: self.source.clone(),
            date: self.date.clone(),
            tool: concat!("crossfade ", env!("CARGO_PKG_VERSION")).to_owned(),
            redacted,
            lost,
            sha256: String::new(),
        };
        Cassette { cassette: FORMAT, summary: None, api, provenance, exchanges: Vec::new() }
    }

    fn write(&self, path: &Path, cassette: &Cassette, replace: bool) -> Result<(), String> {
        let mut cassette = cassette.clone();
        cassette.provenance.sha256 = cassette.digest();
        let text = save_below(&cassette, self.depth);
        // What is written loads.
        load_text(&path.display().to_string(), &text).map_err(|error| format!("it would not load again: {error}"))?;
        if let Some(leak) = self.redactor.scan(text.as_bytes()).first() {
            return Err(format!("a secret may be left in it: {}", leak.what));
        }
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        whole::write(path, &text, replace).map_err(failed)?;
        let beside = self.folder.ancestors().nth(self.depth).unwrap_or(&self.folder).join(SCHEMA);
        if !beside.exists() {
            let schema = serde_json::to_string_pretty(&schema::cassette()).unwrap_or_default() + "\n";
            whole::write(&beside, &schema, true).map_err(failed)?;
        }
        Ok(())
    }
}

fn renumbers(mode: Mode, names: &Names) -> bool {
    mode == Mode::All && *names != Names::Api
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The cassette with one exchange more, or with one in the place of another.
fn added(before: Option<&Cassette>, fresh: Cassette, exchange: Exchange, replaced: Option<&Place>) -> Cassette {
    let mut all = fresh;
    if let Some(before) = before {
        all.summary.clone_from(&before.summary);
        all.exchanges.clone_from(&before.exchanges);
        for (words, more) in [
            (&mut all.provenance.redacted, &before.provenance.redacted),
            (&mut all.provenance.lost, &before.provenance.lost),
        ] {
            let new = std::mem::replace(words, more.clone());
            words.extend(new.into_iter().filter(|word| !more.contains(word)));
        }
    }
    match replaced {
        Some(Place::Index(index)) if *index < all.exchanges.len() => all.exchanges[*index] = exchange,
        _ => all.exchanges.push(exchange),
    }
    all
}

/// The cassette files of a folder, by name.
fn cassettes(folder: &Path, names: &Names) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let meant = path.file_name().is_some_and(|name| names.has(&name.to_string_lossy()));
        if meant && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
