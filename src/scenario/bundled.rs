//! The scenarios that are embedded in the program.

/// Path below `scenarios/`, and text; sorted by path. A test compares this with the folder.
pub const BUNDLED: &[(&str, &str)] = &[
    ("credentials/key-on-the-fallback.yaml", include_str!("../../scenarios/credentials/key-on-the-fallback.yaml")),
    ("errors/every-leg-fails.yaml", include_str!("../../scenarios/errors/every-leg-fails.yaml")),
    ("fallback/before-content.yaml", include_str!("../../scenarios/fallback/before-content.yaml")),
    ("fallback/refused-request.yaml", include_str!("../../scenarios/fallback/refused-request.yaml")),
    ("lifecycle/client-leaves.yaml", include_str!("../../scenarios/lifecycle/client-leaves.yaml")),
    ("prefill/continue-across-apis.yaml", include_str!("../../scenarios/prefill/continue-across-apis.yaml")),
    (
        "prefill/continue-on-a-model-without-prefill.yaml",
        include_str!("../../scenarios/prefill/continue-on-a-model-without-prefill.yaml"),
    ),
    (
        "prefill/silence-on-a-model-without-prefill.yaml",
        include_str!("../../scenarios/prefill/silence-on-a-model-without-prefill.yaml"),
    ),
    ("session/healthy-then-broken.yaml", include_str!("../../scenarios/session/healthy-then-broken.yaml")),
    ("stream/delivered-as-they-come.yaml", include_str!("../../scenarios/stream/delivered-as-they-come.yaml")),
    ("stream/legal-but-odd.yaml", include_str!("../../scenarios/stream/legal-but-odd.yaml")),
    ("stream/replayed-anthropic.yaml", include_str!("../../scenarios/stream/replayed-anthropic.yaml")),
    ("stream/replayed-openai.yaml", include_str!("../../scenarios/stream/replayed-openai.yaml")),
    ("tools/half-sent-tool-call.yaml", include_str!("../../scenarios/tools/half-sent-tool-call.yaml")),
    ("truncation/after-the-last-word.yaml", include_str!("../../scenarios/truncation/after-the-last-word.yaml")),
    ("truncation/recorded-break.yaml", include_str!("../../scenarios/truncation/recorded-break.yaml")),
    ("truncation/truncation.yaml", include_str!("../../scenarios/truncation/truncation.yaml")),
];

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
