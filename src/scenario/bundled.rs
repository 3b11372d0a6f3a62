//! The scenarios that are embedded in the program.

/// Path below `scenarios/`, and text; sorted by path. A test compares this with the folder.
pub const BUNDLED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::answer::Library;
    use crate::scenario;

    #[test]
    fn every_scenario_loads_and_is_bundled() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let found = scenario::discover(&root).expect("there are some");
        let names: Vec<String> = found
            .iter()
            .map(|path| path.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/"))
            .collect();
        assert_eq!(BUNDLED.iter().map(|(path, _)| *path).collect::<Vec<_>>(), names);
        let bundled = scenario::load_bundled().unwrap_or_else(|errors| panic!("{errors:#?}"));
        let library = Library::rooted(env!("CARGO_MANIFEST_DIR"));
        let on_disk: usize = found.iter().map(|path| scenario::load(path, &library).expect("it loads").len()).sum();
        assert_eq!(bundled.len(), on_disk);
        let mut ids: Vec<String> = bundled.iter().map(scenario::Case::id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), bundled.len(), "every case has an address of its own");
    }
}
