//! Which program is under test: an installed version, a checkout, a binary, or the one inside Crossfade.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::version::{commit, version_in, version_of};
use super::{Bundle, Catalogue, GetBy, Profile, ProxyError, install};

/// What the library must be told of this machine, for it reads no environment.
#[derive(Clone, Debug)]
pub struct Host {
    /// `$CROSSFADE_HOME`, where proxies are installed.
    pub home: PathBuf,
    /// The caller's `PATH`.
    pub path: OsString,
    /// This program, which is started again as the guard of each proxy.
    pub exe: PathBuf,
}

impl Host {
    /// The folder of an installation.
    pub fn install_dir(&self, name: &str, version: &str) -> PathBuf {
        self.home.join("proxies").join(format!("{name}-{version}"))
    }

    /// A program of the system, in `PATH` or where system programs stand that `PATH` may leave out.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        let system = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
        let folders = folders(&self.path).into_iter().chain(system);
        folders.map(|folder| folder.join(program)).find(|path| path.is_file())
    }
}

/// The proxy that is asked for: `NAME` or `NAME@VERSION`, with `--from` or `--bin`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Name of the profile.
    pub name: String,
    /// Version; with `from` and `bin` only a hint at what it promises.
    pub version: Option<String>,
    /// A checkout.
    pub from: Option<PathBuf>,
    /// A program.
    pub bin: Option<PathBuf>,
}

impl FromStr for Wanted {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        if name.is_empty() || version == Some("") {
            let message = format!("a proxy is written NAME, NAME@VERSION or http://HOST:PORT, not `{text}`");
            return Err(ProxyError::Usage(message));
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned), from: None, bin: None })
    }
}

/// A program that can be launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// Its profile with the files beside it; what this version promises otherwise is patched in.
    pub bundle: Arc<Bundle>,
    /// Version, where it is known.
    pub version: Option<String>,
    /// Commit of the checkout, where there is one.
    pub commit: Option<String>,
    /// Whether the checkout is not as that commit has it.
    pub dirty: bool,
    /// How it was got, in one line: `installed`, `from PATH`, `bin PATH`, `of the system`, `inside`.
    pub how: String,
    /// The program; empty for the one inside.
    pub bin: PathBuf,
    /// Where it is installed.
    pub install_dir: PathBuf,
}

impl Program {
    /// Its profile.
    pub fn profile(&self) -> &Profile {
        &self.bundle.profile
    }

    /// `name 1.2.3`, or the name alone.
    pub fn title(&self) -> String {
        let name = &self.profile().profile;
        self.version.as_ref().map_or_else(|| name.clone(), |version| format!("{name} {version}"))
    }
}

impl Catalogue {
    /// The program that is asked for. Nothing is installed: what is missing is an error that says what installs it.
    pub fn resolve(&self, wanted: &Wanted, host: &Host) -> Result<Program, ProxyError> {
        let bundle = self.find(&wanted.name)?;
        let program = |version: Option<&str>, how: String, bin: PathBuf, install_dir: PathBuf| Program {
            bundle: patched(&bundle, version),
            version: version.map(str::to_owned),
            commit: None,
            dirty: false,
            how,
            bin,
            install_dir,
        };
        let given = wanted.version.as_deref();
        match (&bundle.profile.get, &wanted.from, &wanted.bin) {
            (_, Some(_), Some(_)) => Err(ProxyError::Usage("give `--from` or `--bin`, not both".to_owned())),
            (GetBy::Builtin, None, None) => {
                let version = env!("CARGO_PKG_VERSION");
                check_version(&wanted.name, given, version)?;
                Ok(program(Some(version), "inside".to_owned(), PathBuf::new(), PathBuf::new()))
            }
            (GetBy::Builtin, ..) => {
                Err(ProxyError::Usage(format!("{} is part of this program: it has no other place", wanted.name)))
            }
            (_, Some(from), None) => {
                let root = std::path::absolute(from).unwrap_or_else(|_| from.clone());
                let candidates = &bundle.profile.from;
                let bin = candidates.iter().map(|path| root.join(path)).find(|path| path.is_file());
                let bin = bin.ok_or_else(|| ProxyError::Missing {
                    what: format!("there is no program of {} in {}", wanted.name, from.display()),
                    help: match candidates.as_slice() {
                        [] => "the profile knows no checkouts; give `--bin PROGRAM`".to_owned(),
                        some => format!("looked for {}; or give `--bin PROGRAM`", some.join(", ")),
                    },
                })?;
                let (commit, version) = (commit(&root), asked(&bundle.profile, &bin));
                let dirty = commit.as_ref().is_some_and(|commit| commit.dirty);
                let commit = commit.map(|commit| commit.id);
                let program = program(given, format!("from {}", from.display()), bin, root);
                Ok(Program { commit, dirty, version: version.or(program.version.clone()), ..program })
            }
            (_, None, Some(bin)) => {
                // Links stay: a Python finds its packages by the place of the link.
                let path = std::path::absolute(bin).ok().filter(|path| path.is_file());
                let path = path.ok_or_else(|| ProxyError::Missing {
                    what: format!("there is no program {}", bin.display()),
                    help: "check the path".to_owned(),
                })?;
                let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
                let version = asked(&bundle.profile, &path);
                let program = program(given, format!("bin {}", bin.display()), path, folder);
                Ok(Program { version: version.or(program.version.clone()), ..program })
            }
            (GetBy::System { bin, hint, version_args }, None, None) => {
                let path = host.find(bin).ok_or_else(|| ProxyError::Missing {
                    what: format!("{} is not installed on this machine", wanted.name),
                    help: format!("install it with `{hint}`"),
                })?;
                let version = version_of(&path, version_args);
                if let Some(version) = &version {
                    check_version(&wanted.name, given, version)?;
                }
                let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
                Ok(program(version.as_deref(), "of the system".to_owned(), path, folder))
            }
            (GetBy::Pip { bin, .. } | GetBy::Npm { bin } | GetBy::Cargo { bin, .. }, None, None) => {
                let version = install::version(&bundle.profile, given)?;
                let dir = host.install_dir(&wanted.name, version);
                let path = dir.join(bin);
                if !install::is_complete(&dir) || !path.is_file() {
                    return Err(ProxyError::Missing {
                        what: format!("{}@{version} is not installed", wanted.name),
                        help: format!("install it with `crossfade proxy install {}@{version}`", wanted.name),
                    });
                }
                Ok(program(Some(version), "installed".to_owned(), path, dir))
            }
        }
    }
}

/// What a program that is given tells of itself. Its profile promises by what the user says that it is.
fn asked(profile: &Profile, program: &Path) -> Option<String> {
    match (&profile.repository, &profile.get) {
        (Some(project), _) => version_in(program, project),
        (None, GetBy::System { version_args, .. }) => version_of(program, version_args),
        (None, _) => None,
    }
}

fn check_version(name: &str, given: Option<&str>, found: &str) -> Result<(), ProxyError> {
    match given {
        Some(given) if given != found => {
            Err(ProxyError::Usage(format!("{name} is here in version {found}, not {given}; name it without a version")))
        }
        _ => Ok(()),
    }
}

/// The profile as this version keeps it.
fn patched(bundle: &Arc<Bundle>, version: Option<&str>) -> Arc<Bundle> {
    let Some(patch) = version.and_then(|version| bundle.profile.versions.get(version)) else { return bundle.clone() };
    let mut patched = Bundle::clone(bundle);
    patched.profile.policy = patched.profile.policy.patched(&patch.policy);
    patched.profile.cannot.extend(patch.cannot.clone());
    Arc::new(patched)
}

/// The folders of a `PATH`.
fn folders(path: &OsStr) -> Vec<PathBuf> {
    let separator = if cfg!(windows) { ';' } else { ':' };
    path.to_string_lossy().split(separator).filter(|part| !part.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(path: &str) -> Host {
        Host { home: PathBuf::from("/nowhere"), path: path.into(), exe: PathBuf::from("/nowhere/crossfade") }
    }

    fn refusal(wanted: &str) -> String {
        let wanted: Wanted = wanted.parse().unwrap();
        Catalogue::bundled().resolve(&wanted, &host("/nowhere")).unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_says_what_installs_it() {
        let check = |wanted: &str, expect: &str| assert_eq!(refusal(wanted), expect);
        check(
            "litellm@1.84.0",
            "litellm@1.84.0 is not installed; install it with `crossfade proxy install litellm@1.84.0`",
        );
        check("litellm@1.84", "litellm has no version 1.84; did you mean `1.84.0`?");
        check(
            "127.0.0.1:4000",
            "there is no proxy profile `127.0.0.1:4000`; one that runs already is named by its URL: \
             `--proxy http://127.0.0.1:4000`",
        );
        check("litelm", "there is no proxy profile `litelm`; did you mean `litellm`?");
        check(
            "./mine/profile.yaml",
            "there is no proxy profile `./mine/profile.yaml`; give its name: your own are folders of `profiles/`, \
             beside `crossfade.yaml`",
        );
        check("builtin@9.9.9", "builtin is here in version 0.1.0, not 9.9.9; name it without a version");
    }

    #[test]
    fn a_version_patches_what_its_profile_promises() {
        use crate::proxy::AfterContent;
        let catalogue = Catalogue::bundled();
        let bundle = catalogue.find("litellm").unwrap();
        let check = |version, expect| {
            assert_eq!(patched(&bundle, version).profile.policy.after_content, Some(expect), "{version:?}");
        };
        check(Some("1.84.0"), AfterContent::ContinuePrefill);
        check(Some("1.106.2"), AfterContent::Error);
        check(None, AfterContent::Error);
    }

    #[test]
    fn a_checkout_is_searched_for_its_program() {
        let root = std::env::temp_dir().join(format!("crossfade-from-{}", std::process::id()));
        std::fs::create_dir_all(root.join(".venv/bin")).unwrap();
        let wanted = Wanted { from: Some(root.clone()), ..Wanted::from_str("litellm").unwrap() };
        let error = Catalogue::bundled().resolve(&wanted, &host("")).unwrap_err().to_string();
        assert!(error.contains("looked for .venv/bin/litellm"), "{error}");
        std::fs::write(root.join(".venv/bin/litellm"), "").unwrap();
        let program = Catalogue::bundled().resolve(&wanted, &host("")).unwrap();
        assert!(program.bin.ends_with(".venv/bin/litellm"));
        assert_eq!(program.version, None);
        std::fs::remove_dir_all(root).unwrap();
    }
}
