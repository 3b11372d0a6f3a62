//! The house rules that a compiler does not check: who may import what, and how files look.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Modules of the core: no runtime, no sockets, no clock, no environment.
const CORE: &[&str] = &[
    "answer",
    "api",
    "baseline",
    "cassette",
    "check",
    "coding",
    "config",
    "continuation",
    "diagnostic",
    "fault",
    "history",
    "http1",
    "import",
    "redact",
    "rules",
    "scenario",
    "schema",
    "snapshot",
    "sse",
    "wire",
    "yaml",
];

/// What the core never names.
const SHELL_ONLY: &[&str] =
    &["tokio::", "hyper::", "hyper_util::", "std::net", "std::env", "std::process", "time::Instant", "SystemTime"];

/// Each dependency and the only modules that may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("serde_yaml::", &["yaml"]),
    ("saphyr_parser::", &["yaml"]),
    ("annotate_snippets::", &["diagnostic"]),
    ("insta::", &["snapshot"]),
    ("similar::", &["snapshot"]),
    ("minijinja::", &["proxy"]),
    ("memchr::", &["haystack", "history"]),
    ("quick_junit::", &["report"]),
    ("clap::", &["cli"]),
    ("clap_complete::", &["cli"]),
    ("clap_mangen::", &["cli"]),
    ("proptest::", &["explore"]),
    ("brotli_decompressor::", &["coding"]),
    ("flate2::", &["coding", "fault"]),
    ("regex::", &["redact"]),
    ("h2::", &["leg", "record"]),
    ("rcgen::", &["leg"]),
    ("rustls::", &["leg", "builtin", "record"]),
    ("tokio_rustls::", &["leg", "builtin", "record"]),
    ("rustls_native_certs::", &["record"]),
    ("httparse::", &["http1", "leg"]),
    ("rustix::", &["leg", "proxy", "cli"]),
    ("hyper::", &["leg", "client", "builtin", "proxy", "record"]),
    ("hyper_util::", &["leg", "client", "builtin", "proxy"]),
    ("std::env::", &["cli"]),
    ("println!", &["cli"]),
];

/// Proxies under test: their names stand in their profiles, nowhere else in the code.
const PROXY_NAMES: &[&str] = &["litellm", "portkey", "nginx"];

struct Source {
    path: PathBuf,
    module: String,
    /// The code: without comments and without unit tests.
    code: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let relative = path.strip_prefix(root).expect("below src");
            let module = relative.iter().next().expect("not empty").to_string_lossy();
            let module = module.trim_end_matches(".rs").to_owned();
            found.push(Source { module, code: code(relative, &text), text, path: relative.to_owned() });
        }
    }
}

/// Unit tests may use what they like; comments may name what they like.
fn code(path: &Path, text: &str) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    if stem == "tests" || stem == "testing" || path.iter().any(|part| part == "tests") {
        return String::new();
    }
    // Those in a file of their own are named above the code.
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn offenders(offends: impl Fn(&Source) -> Option<String>) -> Vec<String> {
    sources()
        .iter()
        .filter_map(|source| offends(source).map(|why| format!("src/{}: {why}", source.path.display())))
        .collect()
}

#[test]
fn the_core_is_pure() {
    let found = offenders(|source| {
        let word = SHELL_ONLY.iter().find(|word| source.code.contains(**word))?;
        CORE.contains(&source.module.as_str()).then(|| format!("the core names `{word}`"))
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_dependency_has_one_owner() {
    let found = offenders(|source| {
        let (word, owners) = OWNERS.iter().find(|(word, owners)| {
            names(&source.code, word) && !owners.contains(&source.module.as_str()) && source.module != "main"
        })?;
        Some(format!("`{word}` belongs to {owners:?}"))
    });
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether the code names `word`, not as the tail of a longer name (`http_body::` is not `body::`).
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

#[test]
fn no_code_knows_a_proxy_by_name() {
    let found = offenders(|source| {
        if source.path.starts_with("profiles") {
            return None;
        }
        let code = source.code.to_lowercase();
        // The table that embeds the profiles lists them, and sources are cited by their address.
        let code: String =
            code.lines().filter(|line| !line.contains("include_str!") && !line.contains("https://")).collect();
        PROXY_NAMES.iter().find(|name| code.contains(**name)).map(|name| format!("names `{name}`"))
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn lints_are_expected_never_allowed() {
    let found = offenders(|source| source.text.contains("#[allow(").then(|| "has #[allow]; use #[expect]".to_owned()));
    assert!(found.is_empty(), "{found:#?}");
    let unsafe_code: Vec<_> =
        sources().iter().filter(|s| s.text.contains("unsafe_code")).map(|s| s.path.clone()).collect();
    assert!(unsafe_code.len() <= 1, "at most one reviewed exception: {unsafe_code:?}");
}

#[test]
fn files_are_of_one_idea() {
    let found = offenders(|source| {
        let lines = source.code.lines().count();
        (lines > 700).then(|| format!("{lines} lines of code: several ideas?"))
    });
    assert!(found.is_empty(), "{found:#?}");
}

/// What some API says in words of its own, where `trait Api` has a default, a dialect hands on: else the dialect of that
/// API falls back to the default, and nothing tells.
#[test]
fn dialects_hand_on_all_that_an_api_says() {
    let sources = sources();
    let (dialect, apis): (Vec<_>, Vec<_>) = sources
        .iter()
        .filter_map(|source| Some((source.path.ends_with("vendor/dialect.rs"), api_methods(&source.code)?)))
        .partition(|(is_dialect, _)| *is_dialect);
    let [(_, dialect)] = &dialect[..] else { panic!("one dialect, not {}", dialect.len()) };
    let said: BTreeSet<_> = apis.into_iter().flat_map(|(_, methods)| methods).collect();
    assert!(said.contains("fill") && said.len() > 30, "the APIs were not found: {said:?}");
    let missing: Vec<_> = said.difference(dialect).collect();
    assert!(missing.is_empty(), "src/api/vendor/dialect.rs does not hand on {missing:?}");
}

/// The methods of the `impl Api` in a file, where there is one.
fn api_methods(code: &str) -> Option<BTreeSet<&str>> {
    let (_, block) = code.split_once("\nimpl Api for ")?;
    let functions = block.split("\n}").next()?.lines().filter_map(|line| line.strip_prefix("    fn "));
    Some(functions.filter_map(|function| function.split(['(', '<']).next()).collect())
}

#[test]
fn the_architecture_page_names_every_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("src/ARCHITECTURE.md")).expect("the page exists");
    let mut modules: Vec<_> = sources().into_iter().map(|source| source.module).collect();
    modules.sort();
    modules.dedup();
    let missing: Vec<_> = modules
        .into_iter()
        .filter(|module| !["lib", "main", "profiles"].contains(&module.as_str()))
        .filter(|module| !page.contains(&format!("`{module}`")) && !page.contains(&format!("`{module}/`")))
        .collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
}

#[test]
fn no_file_names_a_registry_host_or_a_private_path() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    visit(root, &mut |path, text| {
        // Spelled in pieces, so that this file does not find itself.
        for word in [
            ["registry.", "npmjs"],
            ["files.pythonhosted", ".org"],
            ["pypi", ".org"],
            ["static.crates", ".io"],
            ["deb.debian", ".org"],
            ["/wor", "k/"],
        ] {
            if text.contains(&word.concat()) {
                found.push(format!("{}: {}", path.display(), word.concat()));
            }
        }
    });
    assert!(found.is_empty(), "{found:#?}");
}

fn visit(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(folder).expect("the checkout is readable") {
        let path = entry.expect("the checkout is readable").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == ".git" {
            continue;
        }
        if path.is_dir() {
            if !["target", ".crossfade", "node_modules", "fuzz"].contains(&name.as_str()) {
                visit(&path, look);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            look(&path, &text);
        }
    }
}
