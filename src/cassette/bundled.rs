//! The cassettes that are embedded in the program.

/// Name below `cassettes/`, and text; sorted by name. A test compares this with the folder.
pub const BUNDLED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/cassettes.rs"));

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn files(root: &Path, folder: &Path, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                files(root, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.strip_prefix(root).expect("below the root");
                found.push(name.to_string_lossy().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_cassette_loads_and_is_bundled() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("cassettes");
        let mut found = Vec::new();
        files(&root, &root, &mut found);
        found.sort();
        assert_eq!(BUNDLED.iter().map(|(name, _)| *name).collect::<Vec<_>>(), found);
        for (name, text) in BUNDLED {
            crate::cassette::load_text(name, text).expect("it loads");
        }
    }
}
