//! Builds a proxy of the cargo registry.

use std::fs;

use super::Installation;
use crate::proxy::ProxyError;

/// Where cargo builds, and where it puts sources: both are gone when it is through.
const BUILD: &str = "build";
const SOURCES: &str = "sources";
/// For the one who reads that it failed.
const HELP: &str = "it takes Rust, with cargo, and a network";

impl Installation {
    /// Builds the program of a crate: as it is in the registry, or with another lock file put into its source.
    pub(super) fn build(
        &self,
        package: &str,
        version: &str,
        lock: Option<&str>,
        step: &mut dyn FnMut(&str),
    ) -> Result<(), ProxyError> {
        let built = self.built(package, version, lock, step);
        for folder in [BUILD, SOURCES] {
            let _ = fs::remove_dir_all(self.dir.join(folder));
        }
        built
    }

    fn built(
        &self,
        package: &str,
        version: &str,
        lock: Option<&str>,
        step: &mut dyn FnMut(&str),
    ) -> Result<(), ProxyError> {
        let source = format!("{SOURCES}/{package}");
        let what = format!("{package}@{version}");
        let mut args = vec!["install"];
        match lock {
            None => args.push(&what),
            Some(lock) => {
                step("fetching the pinned sources");
                // Cargo has no command that fetches a program's source: a library that asks for it does.
                let manifest = format!(
                    "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n\
                     [dependencies]\n{package} = \"={version}\"\n[workspace]\nexclude = [\"{SOURCES}\"]\n"
                );
                for (name, text) in [("Cargo.toml", manifest.as_str()), ("Cargo.lock", lock), ("lib.rs", "")] {
                    self.write(name, text)?;
                }
                self.run("cargo", &["vendor", "--quiet", SOURCES], HELP)?;
                self.write(&format!("{source}/Cargo.lock"), lock)?;
                args.extend(["--path", &source]);
            }
        }
        args.extend(["--locked", "--root", ".", "--target-dir", BUILD]);
        step("building it with the pinned packages; this takes some minutes");
        self.run("cargo", &args, HELP)
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use super::*;
    use crate::proxy::install::{COMPLETE, install};
    use crate::proxy::{Bundle, Catalogue, GetBy, Host, Installed};

    /// Installs by a `cargo` that only writes down what it is asked; returns what it wrote and what is left.
    fn cargo_asked(name: &str, lock: Option<&str>) -> (String, Vec<String>) {
        let home = std::env::temp_dir().join(format!("crossfade-cargo-{name}-{}", std::process::id()));
        let tools = home.join("tools");
        fs::create_dir_all(&tools).unwrap();
        let cargo = "#!/bin/sh\necho \"$@\" >> asked\nmkdir -p bin build sources/crabllm\n: > bin/crabllm\n\
                     if [ -f sources/crabllm/Cargo.lock ]; then cat sources/crabllm/Cargo.lock >> asked; fi\n";
        fs::write(tools.join("cargo"), cargo).unwrap();
        fs::set_permissions(tools.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", tools.display()).into();
        let host = Host { home: home.clone(), path, exe: PathBuf::new() };
        let mut bundle = Bundle::clone(&Catalogue::bundled().find("crabllm").unwrap());
        if let GetBy::Cargo { lock: place, .. } = &mut bundle.profile.get {
            *place = lock.map(|_| "{version}.lock".to_owned());
        }
        bundle.files.extend(lock.map(|lock| ("0.0.25.lock".to_owned(), lock.to_owned())));
        let installed = install(&bundle, None, &host, &mut |_| ()).unwrap();
        let Installed::Now(dir) = installed else { panic!("{installed:?}") };
        let asked = fs::read_to_string(dir.join("asked")).unwrap();
        let left = fs::read_dir(&dir).unwrap().flatten().map(|file| file.file_name().to_string_lossy().into_owned());
        let mut left: Vec<String> = left.collect();
        left.sort();
        fs::remove_dir_all(home).unwrap();
        (asked, left)
    }

    #[test]
    fn a_crate_is_built_by_its_lock_or_by_ours() {
        let (asked, left) = cargo_asked("own", None);
        assert_eq!(asked, "install crabllm@0.0.25 --locked --root . --target-dir build\n");
        assert_eq!(left, [COMPLETE, "asked", "bin"]);
        let (asked, left) = cargo_asked("ours", Some("# ours\n"));
        assert_eq!(
            asked,
            "vendor --quiet sources\ninstall --path sources/crabllm --locked --root . --target-dir build\n# ours\n"
        );
        assert_eq!(left, [COMPLETE, "Cargo.lock", "Cargo.toml", "asked", "bin", "lib.rs"]);
    }
}
