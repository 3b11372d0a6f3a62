//! The profiles that there are: bundled ones and the user's own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{GetBy, Overlay, Profile, ProxyError, check_templates};
use crate::diagnostic::{Diagnostic, SourceFile, quoted, suggestion};
use crate::yaml::{Document, Limits};

/// Every file of every bundled profile.
const BUNDLED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// Settings that a profile may say it cannot be told.
const SETTINGS: &[&str] = &[
    "retries",
    "idle_timeout",
    "first_byte_timeout",
    "cooldown",
    "continuation",
    "affinity",
    "fallback_on",
    "max_fallbacks",
    "tls",
    "http2",
];

/// A profile with the files beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// The profile.
    pub profile: Profile,
    /// Files beside `profile.yaml`: name -> text.
    pub files: BTreeMap<String, String>,
}

/// The profiles that there are, by name.
#[derive(Clone, Debug)]
pub struct Catalogue {
    bundles: BTreeMap<String, Arc<Bundle>>,
}

impl Catalogue {
    /// The bundled profiles.
    ///
    /// # Panics
    /// Never: a test loads every bundled profile.
    pub fn bundled() -> Self {
        let mut folders: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for (path, text) in BUNDLED {
            let (folder, name) = path.split_once('/').unwrap_or(("", path));
            folders.entry(folder).or_default().insert(name.to_owned(), (*text).to_owned());
        }
        let bundles = folders.into_iter().map(|(name, files)| {
            let text = files.get("profile.yaml").cloned().unwrap_or_default();
            let source = SourceFile::new(format!("bundled profile {name}"), text);
            let bundle = load(source, name, files).expect("bundled profiles load, a test sees to it");
            (name.to_owned(), Arc::new(bundle))
        });
        Self { bundles: bundles.collect() }
    }

    /// Names of the bundled profiles.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().filter_map(|(path, _)| path.strip_suffix("/profile.yaml"))
    }

    /// The bundled profiles, and those of a folder: one folder each, with a `profile.yaml`. A user's profile stands
    /// before a bundled one of the same name. A folder that does not exist has none.
    pub fn with_folder(folder: &Path) -> Result<Self, Vec<Diagnostic>> {
        let mut catalogue = Self::bundled();
        let mut errors = Vec::new();
        let Ok(entries) = std::fs::read_dir(folder) else { return Ok(catalogue) };
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.join("profile.yaml").is_file()) {
            match read(&path) {
                Ok(bundle) => {
                    catalogue.bundles.insert(bundle.profile.profile.clone(), Arc::new(bundle));
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(catalogue) } else { Err(errors) }
    }

    /// The profile of that name.
    pub fn find(&self, name: &str) -> Result<Arc<Bundle>, ProxyError> {
        self.bundles.get(name).cloned().ok_or_else(|| ProxyError::Unknown {
            name: name.to_owned(),
            help: if name.contains(std::path::MAIN_SEPARATOR) {
                "give its name: your own are folders of `profiles/`, beside `crossfade.yaml`".to_owned()
            } else if name.contains(':') {
                format!("one that runs already is named by its URL: `--proxy http://{name}`")
            } else {
                suggestion(name, self.bundles.keys().map(String::as_str)).unwrap_or_default()
            },
        })
    }

    /// Every profile, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Bundle>> {
        self.bundles.values()
    }
}

impl Bundle {
    /// Loads a `profile.yaml`, with what lies beside it.
    pub fn load(path: &Path) -> Result<Self, Diagnostic> {
        if path.file_name().is_none_or(|name| name != "profile.yaml") {
            let error = Diagnostic::of_file(path.display().to_string(), "a profile that is not called `profile.yaml`");
            return Err(error.help("a profile is a folder of its name, with a `profile.yaml` in it"));
        }
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => read(folder),
            _ => read(Path::new(".")),
        }
    }
}

fn read(folder: &Path) -> Result<Bundle, Diagnostic> {
    let path = folder.join("profile.yaml");
    let name = path.display().to_string();
    let document = Document::read(&path, Limits::SCENARIO)?;
    let mut files = BTreeMap::new();
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let small = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= Limits::CASSETTE.bytes as u64);
        if let (true, Some(name)) = (small, path.file_name().and_then(|name| name.to_str())) {
            let text = std::fs::read_to_string(&path);
            files.extend(text.ok().map(|text| (name.to_owned(), text)));
        }
    }
    // `.` has a name, too.
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let stem = whole.file_name().unwrap_or_default().to_string_lossy().into_owned();
    load(SourceFile::new(name, document.file().text()), &stem, files)
}

/// Loads a profile and checks what its type cannot say.
fn load(source: SourceFile, folder: &str, files: BTreeMap<String, String>) -> Result<Bundle, Diagnostic> {
    let document = Document::parse(source, Limits::SCENARIO)?;
    let profile: Profile = document.decode()?;
    let at = |path: &[&str], message: String| {
        let mut node = document.root();
        for key in path {
            match node.as_map().and_then(|map| map.get(*key)) {
                Some(entry) => node = &entry.value,
                None => break,
            }
        }
        Diagnostic::new(document.file(), node.span, message)
    };
    if profile.profile != folder {
        let message = format!("the profile is called `{}`, its folder `{folder}`", profile.profile);
        return Err(at(&["profile"], message).help("give both the same name"));
    }
    for (name, template) in &profile.files {
        let plain = |part| matches!(part, std::path::Component::Normal(_));
        if name.is_empty() || !Path::new(name).components().all(plain) || name.contains('/') {
            return Err(at(&["files", name], format!("{} is no plain file name", quoted(name))));
        }
        if !files.contains_key(template) {
            return Err(at(&["files", name], format!("there is no file `{template}` beside the profile")));
        }
    }
    if let Some(Overlay::File(name)) = &profile.overlay
        && !profile.files.contains_key(name)
    {
        let help = suggestion(name, profile.files.keys().map(String::as_str));
        let error = at(&["overlay"], format!("`{name}` is not one of `files`"));
        return Err(help.into_iter().fold(error, Diagnostic::help));
    }
    if profile.legs_by_arrival && (profile.model_per_leg || profile.key_per_leg) {
        let error = at(&["legs_by_arrival"], "legs that have no order cannot differ".to_owned());
        return Err(error.help("say `model_per_leg: false` and `key_per_leg: false` as well"));
    }
    let versions = profile.versions.iter().map(|(name, version)| (&version.cannot, vec!["versions", name, "cannot"]));
    for (cannot, path) in std::iter::once((&profile.cannot, vec!["cannot"])).chain(versions) {
        if let Some(name) = cannot.keys().find(|name| !SETTINGS.contains(&name.as_str())) {
            let error = at(&path, format!("there is no setting `{name}`"));
            return Err(suggestion(name, SETTINGS.iter().copied()).into_iter().fold(error, Diagnostic::help));
        }
    }
    let lock = match &profile.get {
        GetBy::Pip { lock, .. } => profile.versions.keys().map(|version| lock.replace("{version}", version)).collect(),
        GetBy::Npm { .. } => vec!["package.json".to_owned(), "package-lock.json".to_owned()],
        GetBy::Builtin | GetBy::System { .. } | GetBy::Cargo { .. } => Vec::new(),
    };
    if let Some(name) = lock.iter().find(|name| !files.contains_key(*name)) {
        return Err(at(&["get"], format!("there is no file `{name}` beside the profile")));
    }
    let bundle = Bundle { profile, files };
    check_templates(&bundle).map_err(|(path, why)| {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        at(&path, why)
    })?;
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "\
profile: mine
summary: One.
get: {system: {bin: sh, hint: none, version_args: []}}
files: {a.yaml: a.j2}
overlay: {file: a.yaml}
command: [sh, \"{{ run_dir }}/a.yaml\"]
endpoints:
  openai-chat: {path: /v1/chat/completions, model: \"{{ route.name }}\"}
case_by: model
leg_by: prefix
cannot: {affinity: It cannot.}
";

    fn loaded(text: &str) -> Result<Bundle, Diagnostic> {
        let files = BTreeMap::from([("a.j2".to_owned(), "x: {{ retries }}".to_owned())]);
        load(SourceFile::new("profiles/mine/profile.yaml", text), "mine", files)
    }

    #[test]
    fn mistakes_are_shown_where_they_stand() {
        loaded(SOUND).unwrap();
        let check = |from: &str, to: &str, message: &str, line: usize| {
            assert!(SOUND.contains(from), "{from}");
            let error = loaded(&SOUND.replacen(from, to, 1)).unwrap_err();
            let help = error.help.as_deref().unwrap_or_default();
            assert_eq!(format!("{} / {help}", error.message), message);
            assert_eq!(error.line(), Some(line), "{message}");
        };
        check("mine", "other", "the profile is called `other`, its folder `mine` / give both the same name", 1);
        check("a.j2", "b.j2", "there is no file `b.j2` beside the profile / ", 4);
        check("{a.yaml: ", "{../a.yaml: ", "`../a.yaml` is no plain file name / ", 4);
        check("file: a.yaml", "file: a.yml", "`a.yml` is not one of `files` / did you mean `a.yaml`?", 5);
        let help = "say `model_per_leg: false` and `key_per_leg: false` as well";
        let message = format!("legs that have no order cannot differ / {help}");
        check("leg_by: prefix", "leg_by: prefix\nlegs_by_arrival: true", &message, 11);
        check("affinity", "afinity", "there is no setting `afinity` / did you mean `affinity`?", 11);
        check("run_dir", "rundir", "argument 2: undefined value: `rundir` is undefined / ", 6);
        check(
            "{{ route.name }}",
            "{{ route.name",
            "syntax error: unexpected end of input, expected end of variable block / ",
            8,
        );
    }

    #[test]
    fn a_users_profile_stands_before_a_bundled_one() {
        let dir = std::env::temp_dir().join(format!("crossfade-profiles-{}", std::process::id()));
        let folder = dir.join("builtin");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("a.j2"), "x: 1").unwrap();
        std::fs::write(folder.join("profile.yaml"), SOUND.replace("mine", "builtin")).unwrap();
        let catalogue = Catalogue::with_folder(&dir).unwrap();
        assert_eq!(catalogue.find("builtin").unwrap().profile.summary, "One.");
        std::fs::write(folder.join("profile.yaml"), SOUND).unwrap();
        assert_eq!(Catalogue::with_folder(&dir).unwrap_err().len(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(Catalogue::with_folder(&dir).is_ok());
    }
}
