//! The bundled profiles, and how they render.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::*;
use crate::scenario::{Millis, Settings};

fn launch(name: &str, settings: Settings, overlay: Option<serde_json::Value>) -> Launch {
    let bundle = Catalogue::bundled().find(name).unwrap();
    let program = Program {
        bundle,
        version: Some("1.2.3".to_owned()),
        commit: None,
        dirty: false,
        how: "installed".to_owned(),
        bin: PathBuf::from("/opt/bin/program"),
        install_dir: PathBuf::from("/opt"),
    };
    let decoys = Canaries::seeded(7).decoys("http://127.0.0.1:9100/decoy");
    let run_dir = PathBuf::from("/tmp/a \"b\"");
    Launch {
        program,
        routes: Route::samples(),
        settings,
        overlay,
        decoys,
        run_dir,
        port: None,
        config: None,
        authority: None,
    }
}

fn show(launch: &Launch) -> String {
    let rendered = launch.render("/usr/bin:/bin", 4000).unwrap();
    let mut out = String::new();
    for (name, text) in &rendered.files {
        write!(out, "== {name}\n{text}").unwrap();
    }
    writeln!(out, "== command\n{}", rendered.command.join("\n")).unwrap();
    writeln!(out, "== env").unwrap();
    for (name, value) in &rendered.env {
        writeln!(out, "{name}={value}").unwrap();
    }
    for ((route, api), ask) in &rendered.asks {
        writeln!(out, "== {route} {api}\n{} {} model {:?}", ask.addr, ask.path, ask.model).unwrap();
        for (name, value) in ask.headers.iter() {
            writeln!(out, "{name}: {value}").unwrap();
        }
    }
    out
}

#[test]
fn every_profile_renders() {
    for bundle in Catalogue::bundled().all() {
        let name = &bundle.profile.profile;
        insta::assert_snapshot!(format!("{name}-plain"), show(&launch(name, Settings::default(), None)));
    }
}

#[test]
fn settings_reach_the_configuration() {
    let settings = Settings {
        retries: Some(2),
        idle_timeout: Some(Millis(2_500)),
        first_byte_timeout: Some(Millis(4_000)),
        fallback_on: Some(vec!["429".to_owned(), "5xx".to_owned(), "timeout".to_owned()]),
        max_fallbacks: Some(1),
        ..Settings::default()
    };
    for bundle in Catalogue::bundled().all() {
        let name = &bundle.profile.profile;
        insta::assert_snapshot!(format!("{name}-settings"), show(&launch(name, settings.clone(), None)));
    }
}

#[test]
fn an_overlay_is_merged() {
    let overlay = |name: &str, overlay: serde_json::Value| {
        let rendered = launch(name, Settings::default(), Some(overlay)).render("/usr/bin", 4000);
        rendered.map_err(|error| error.to_string())
    };
    let rendered = overlay("litellm", serde_json::json!({"router_settings": {"num_retries": 5, "x": "some"}})).unwrap();
    let text = &rendered.files["config.yaml"];
    assert!(text.contains("num_retries: 5") && text.contains("x: some") && text.contains("disable_cooldowns: true"));
    let rendered = overlay("portkey", serde_json::json!({"strategy": {"mode": "loadbalance"}})).unwrap();
    let ask = &rendered.asks[&("slot-1".to_owned(), crate::api::ApiId::OpenaiChat)];
    let config: serde_json::Value = serde_json::from_str(ask.headers.get("x-portkey-config").unwrap()).unwrap();
    assert_eq!(config["strategy"]["mode"], "loadbalance");
    assert_eq!(config["targets"].as_array().unwrap().len(), 2);
    let error = overlay("nginx", serde_json::json!({"a": 1})).unwrap_err();
    assert_eq!(error, "the configuration of nginx cannot be made: it takes no overlay");
}

#[test]
fn keys_with_odd_characters_stay_themselves() {
    let odd = "k\"e'y\\ {{ 1 }} <&> #: \u{e4}";
    for name in ["litellm", "builtin", "portkey"] {
        let mut launch = launch(name, Settings::default(), None);
        launch.routes[0].legs[0].key = odd.to_owned();
        let rendered = launch.render("/usr/bin", 4000).unwrap();
        let config = rendered.files.iter().find(|(name, _)| name.starts_with("config."));
        let ask = &rendered.asks[&("slot-1".to_owned(), crate::api::ApiId::OpenaiChat)];
        let header = ask.headers.get("x-portkey-config");
        let text = config.map(|(_, text)| text.as_str()).or(header).unwrap();
        let found: serde_json::Value = super::render::read(name, text).unwrap();
        let places = ["/model_list/0/litellm_params/api_key", "/routes/0/legs/0/key", "/targets/0/api_key"];
        assert_eq!(places.iter().find_map(|place| found.pointer(place)).unwrap(), odd, "{name}");
    }
}

#[test]
fn the_table_of_bundled_files_is_the_folder() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/profiles");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(&root).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            found.push(format!("{}/{}", folder.file_name().display(), file.file_name().display()));
        }
    }
    found.sort();
    let catalogue = Catalogue::bundled();
    let mut known: Vec<String> = Vec::new();
    for bundle in catalogue.all() {
        known.extend(bundle.files.keys().map(|file| format!("{}/{file}", bundle.profile.profile)));
    }
    known.sort();
    assert_eq!(known, found);
}

#[test]
fn a_proxy_is_told_whom_to_trust() {
    for name in ["builtin", "nginx"] {
        let plain = launch(name, Settings::default(), None).render("/usr/bin", 4000).unwrap();
        assert!(!plain.files.contains_key(AUTHORITY) && !plain.env.contains_key("SSL_CERT_FILE"), "{name}");
        let secure = Launch { authority: Some("PEM\n".to_owned()), ..launch(name, Settings::default(), None) };
        let rendered = secure.render("/usr/bin", 4000).unwrap();
        let path = secure.run_dir.join(AUTHORITY).to_string_lossy().into_owned();
        assert_eq!(rendered.files[AUTHORITY], "PEM\n", "{name}");
        for variable in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            assert_eq!(rendered.env[variable], path, "{name}");
        }
        assert!(rendered.files.values().any(|text| text.contains(AUTHORITY)), "{name}: its configuration names it");
    }
}

#[test]
fn a_leg_is_known_by_the_name_that_the_client_gives_its_model() {
    let check = |name: &str, expect: [&[&str]; 2]| {
        let launch = launch(name, Settings::default(), None);
        let legs = super::running::legs(&launch, &launch.render("/usr/bin", 4000).unwrap().asks);
        let models: Vec<&Vec<String>> = legs["slot-1"].iter().map(|leg| &leg.models).collect();
        assert_eq!(models, expect, "{name}");
    };
    check("litellm", [&["claude-opus-4-1"], &["gpt-4o-mini"]]);
    check("switchyard", [&["claude-opus-4-1", "anthropic/claude-opus-4-1"], &["gpt-4o-mini", "openai/gpt-4o-mini"]]);
    check("nginx", [&["claude-opus-4-1"], &["gpt-4o-mini", "claude-opus-4-1"]]);
    check("crabllm", [&["claude-opus-4-1", "slot-1/claude-opus-4-1"], &["gpt-4o-mini", "slot-1/claude-opus-4-1"]]);
}
