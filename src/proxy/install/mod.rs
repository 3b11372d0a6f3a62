//! Installs the pinned version of a proxy into the cache folder. `run` never does.

mod cargo;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Bundle, GetBy, Host, Profile, ProxyError, error::tail};
use crate::diagnostic::suggestion;

/// Written last: a folder without it is no installation.
const COMPLETE: &str = ".crossfade-complete";

/// What an installation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// It was installed now.
    Now(PathBuf),
    /// It was there already.
    Before(PathBuf),
    /// There is nothing to install, for this reason.
    Needless(String),
}

/// Whether an installation in `dir` went through to its end.
pub(super) fn is_complete(dir: &Path) -> bool {
    dir.join(COMPLETE).is_file()
}

/// The version that is asked for, or the profile's first.
pub(super) fn version<'a>(profile: &'a Profile, given: Option<&str>) -> Result<&'a str, ProxyError> {
    let mut known = profile.versions.keys().map(String::as_str);
    let found = match given {
        Some(given) => known.find(|version| *version == given),
        None => known.next(),
    };
    found.ok_or_else(|| {
        let name = &profile.profile;
        let given = given.unwrap_or("at all");
        let help = suggestion(given, profile.versions.keys().map(String::as_str));
        let help = help.unwrap_or_else(|| "its profile names none".to_owned());
        ProxyError::Usage(format!("{name} has no version {given}; {help}"))
    })
}

/// Installs a version (left out: the profile's first) unless it is there. Tells each step in a line to `step`.
pub fn install(
    bundle: &Bundle,
    given: Option<&str>,
    host: &Host,
    step: &mut dyn FnMut(&str),
) -> Result<Installed, ProxyError> {
    let name = &bundle.profile.profile;
    match &bundle.profile.get {
        GetBy::Builtin => Ok(Installed::Needless(format!("{name} is part of this program"))),
        GetBy::System { bin, hint, .. } => match host.find(bin) {
            Some(path) => Ok(Installed::Needless(format!("{name} is the system's: {}", path.display()))),
            None => Err(ProxyError::Missing {
                what: format!("{name} is the system's, and not installed on this machine"),
                help: format!("install it with `{hint}`"),
            }),
        },
        GetBy::Pip { lock, bin } => {
            let version = version(&bundle.profile, given)?;
            Installation::begin(name, version, host)?.through(step, |job, step| {
                let lock = bundle.files.get(&lock.replace("{version}", version)).map_or("", String::as_str);
                job.write("requirements.txt", lock)?;
                step("making a virtual environment");
                let python = job.python()?;
                job.run(python, &["-m", "venv", "."], "install the venv module of Python")?;
                step("installing the pinned packages");
                let flags =
                    "--quiet --disable-pip-version-check --no-input --no-deps --require-hashes --only-binary :all:";
                let mut args: Vec<&str> = vec!["-m", "pip", "install"];
                args.extend(flags.split(' '));
                args.extend(["-r", "requirements.txt"]);
                let python = job.dir.join("bin/python");
                job.run(&python.to_string_lossy(), &args, "is there a network?")?;
                job.expect(bin)
            })
        }
        GetBy::Npm { bin } => {
            let version = version(&bundle.profile, given)?;
            Installation::begin(name, version, host)?.through(step, |job, step| {
                for file in ["package.json", "package-lock.json"] {
                    job.write(file, bundle.files.get(file).map_or("", String::as_str))?;
                }
                step("installing the pinned packages");
                let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
                job.run("npm", &args, "install Node.js 20 or newer, with npm")?;
                job.expect(bin)
            })
        }
        GetBy::Cargo { package, precise, bin } => {
            let version = version(&bundle.profile, given)?;
            Installation::begin(name, version, host)?.through(step, |job, step| {
                job.build(package, version, precise, step)?;
                job.expect(bin)
            })
        }
    }
}

/// An installation under way; one at a time per folder.
struct Installation {
    name: String,
    dir: PathBuf,
    log: PathBuf,
    /// The caller's `PATH`.
    path: OsString,
    _lock: File,
}

impl Installation {
    fn begin(name: &str, version: &str, host: &Host) -> Result<Self, ProxyError> {
        let title = format!("{name}@{version}");
        let dir = host.install_dir(name, version);
        let log = dir.with_file_name(format!("{name}-{version}.log"));
        let open = || {
            fs::create_dir_all(host.home.join("proxies"))?;
            let lock = File::create(dir.with_file_name(format!("{name}-{version}.lock")))?;
            lock.lock()?;
            std::io::Result::Ok(lock)
        };
        let lock = open().map_err(|error| ProxyError::Install {
            name: title.clone(),
            why: format!("cannot write to {}: {error}", host.home.display()),
            log: None,
            tail: Vec::new(),
        })?;
        Ok(Self { name: title, dir, log, path: host.path.clone(), _lock: lock })
    }

    fn through(
        self,
        step: &mut dyn FnMut(&str),
        work: impl FnOnce(&Self, &mut dyn FnMut(&str)) -> Result<(), ProxyError>,
    ) -> Result<Installed, ProxyError> {
        if is_complete(&self.dir) {
            return Ok(Installed::Before(self.dir));
        }
        // What an earlier try left behind is no installation.
        let fresh = || {
            if self.dir.exists() {
                fs::remove_dir_all(&self.dir)?;
            }
            fs::create_dir_all(&self.dir)?;
            File::create(&self.log)
        };
        fresh().map_err(|error| self.failed(format!("cannot write to {}: {error}", self.dir.display())))?;
        work(&self, step)?;
        self.write(COMPLETE, "")?;
        Ok(Installed::Now(self.dir))
    }

    fn failed(&self, why: String) -> ProxyError {
        let log = self.log.is_file().then(|| self.log.clone());
        ProxyError::Install { name: self.name.clone(), why, log, tail: tail(&self.log) }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), ProxyError> {
        fs::write(self.dir.join(name), text).map_err(|error| self.failed(format!("cannot write {name}: {error}")))
    }

    /// A Python that the lock files fit.
    fn python(&self) -> Result<&'static str, ProxyError> {
        let fits = |python: &&str| {
            let mut command = Command::new(python);
            command.args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).env("PATH", &self.path);
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        let found = ["python3", "python3.13", "python3.12", "python3.11"].into_iter().find(fits);
        found.ok_or_else(|| self.failed("there is no Python 3.11 or newer in PATH; install one".to_owned()))
    }

    /// Runs a step in the folder. `help` is for the one who reads that it failed.
    fn run(&self, program: &str, args: &[&str], help: &str) -> Result<(), ProxyError> {
        let shown = Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let open = || OpenOptions::new().append(true).open(&self.log);
        let (mut log, out) =
            open().and_then(|log| Ok((log.try_clone()?, log))).map_err(|error| self.failed(error.to_string()))?;
        let _ = writeln!(log, "$ {program} {}", args.join(" "));
        let status = Command::new(program)
            .args(args)
            .current_dir(&self.dir)
            .env("PATH", &self.path)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(log)
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.failed(format!("`{shown} {}` failed ({status}); {help}", args[..2].join(" ")))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(self.failed(format!("there is no `{shown}` on this machine; {help}")))
            }
            Err(error) => Err(self.failed(format!("`{shown}` cannot be run: {error}"))),
        }
    }

    fn expect(&self, bin: &str) -> Result<(), ProxyError> {
        if self.dir.join(bin).is_file() {
            Ok(())
        } else {
            Err(self.failed(format!("the packages came without `{bin}`")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Catalogue;

    fn try_install(name: &str) -> (ProxyError, PathBuf) {
        let home = std::env::temp_dir().join(format!("crossfade-install-{name}-{}", std::process::id()));
        let host = Host { home: home.clone(), path: "/nowhere".into(), exe: PathBuf::new() };
        let bundle = Catalogue::bundled().find(name).unwrap();
        (install(&bundle, None, &host, &mut |_| ()).unwrap_err(), home)
    }

    #[test]
    fn a_missing_tool_is_one_clear_line() {
        let check = |name: &str, expect: &str| {
            let (error, home) = try_install(name);
            let line = error.to_string().replace(&home.display().to_string(), "HOME");
            assert_eq!(line, expect);
            fs::remove_dir_all(home).unwrap();
        };
        check(
            "litellm",
            "litellm@1.84.0 was not installed: there is no Python 3.11 or newer in PATH; install one \
             (log: HOME/proxies/litellm-1.84.0.log)",
        );
        check(
            "portkey",
            "portkey@1.15.2 was not installed: there is no `npm` on this machine; install Node.js 20 or newer, with npm \
             (log: HOME/proxies/portkey-1.15.2.log)",
        );
        check(
            "crabllm",
            "crabllm@0.0.25 was not installed: there is no `cargo` on this machine; it takes Rust, with cargo, and a \
             network (log: HOME/proxies/crabllm-0.0.25.log)",
        );
    }

    #[test]
    fn half_an_installation_is_none() {
        let (_, home) = try_install("portkey");
        assert!(!is_complete(&home.join("proxies/portkey-1.15.2")));
        fs::remove_dir_all(home).unwrap();
    }
}
