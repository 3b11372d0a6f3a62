//! Builds a proxy of the cargo registry.

use std::collections::BTreeMap;
use std::fs;

use super::Installation;
use crate::proxy::ProxyError;

/// Where cargo builds, and where it puts sources: both are gone when it is through.
const BUILD: &str = "build";
const SOURCES: &str = "sources";
/// For the one who reads that it failed.
const HELP: &str = "it takes Rust, with cargo, and a network";

impl Installation {
    /// Builds the program of a crate by the lock file that it brings, with other releases where some are asked for.
    pub(super) fn build(
        &self,
        package: &str,
        version: &str,
        precise: &BTreeMap<String, String>,
        step: &mut dyn FnMut(&str),
    ) -> Result<(), ProxyError> {
        let mut steps = || {
            let source = format!("{SOURCES}/{package}");
            let what = format!("{package}@{version}");
            let mut args = vec!["install"];
            if precise.is_empty() {
                args.push(&what);
            } else {
                step("fetching its sources");
                // Cargo has no command that fetches a program's source: a library that asks for it does.
                let manifest = format!(
                    "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n\
                     [dependencies]\n{package} = \"={version}\"\n[workspace]\nexclude = [\"{SOURCES}\"]\n"
                );
                self.write("Cargo.toml", &manifest)?;
                self.write("lib.rs", "")?;
                self.run("cargo", &["vendor", "--quiet", SOURCES], HELP)?;
                let place = format!("{source}/Cargo.toml");
                for (name, release) in precise {
                    self.run("cargo", &["update", name, "--precise", release, "--manifest-path", &place], HELP)?;
                }
                args.extend(["--path", &source]);
            }
            args.extend(["--locked", "--root", ".", "--target-dir", BUILD]);
            step("building it with the pinned packages; this takes some minutes");
            self.run("cargo", &args, HELP)
        };
        let built = steps();
        for folder in [BUILD, SOURCES] {
            let _ = fs::remove_dir_all(self.dir.join(folder));
        }
        built
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

    /// Installs by a `cargo` that only writes down what it is asked; returns that, and what is left.
    fn cargo_asked(releases: &[(&str, &str)]) -> (String, Vec<String>) {
        let home = std::env::temp_dir().join(format!("crossfade-cargo-{}-{}", releases.len(), std::process::id()));
        let tools = home.join("tools");
        fs::create_dir_all(&tools).unwrap();
        let cargo = "#!/bin/sh\necho \"$@\" >> asked\nmkdir -p bin build sources\n: > bin/crabllm\n";
        fs::write(tools.join("cargo"), cargo).unwrap();
        fs::set_permissions(tools.join("cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", tools.display()).into();
        let host = Host { home: home.clone(), path, exe: PathBuf::new() };
        let mut bundle = Bundle::clone(&Catalogue::bundled().find("crabllm").unwrap());
        if let GetBy::Cargo { precise, .. } = &mut bundle.profile.get {
            precise.extend(releases.iter().map(|(name, release)| ((*name).to_owned(), (*release).to_owned())));
        }
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
    fn a_crate_is_built_by_its_lock_file() {
        let (asked, left) = cargo_asked(&[]);
        assert_eq!(asked, "install crabllm@0.0.25 --locked --root . --target-dir build\n");
        assert_eq!(left, [COMPLETE, "asked", "bin"]);
        let (asked, left) = cargo_asked(&[("serde", "1.0.1")]);
        let lines = [
            "vendor --quiet sources",
            "update serde --precise 1.0.1 --manifest-path sources/crabllm/Cargo.toml",
            "install --path sources/crabllm --locked --root . --target-dir build",
        ];
        assert_eq!(asked.lines().collect::<Vec<_>>(), lines);
        assert_eq!(left, [COMPLETE, "Cargo.toml", "asked", "bin", "lib.rs"]);
    }
}
