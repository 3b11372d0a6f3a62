//! The HTML report in a real browser: clicked through, without an error in its console.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{alone, crossfade, root, scratch};

/// What drives the browser, as `tests/browser/install` placed it; `None` where it is not there, which was said.
fn driver() -> Option<PathBuf> {
    let required = std::env::var_os("CROSSFADE_TEST_PROXIES").is_some_and(|value| value == "required");
    let home = std::env::var_os("CROSSFADE_HOME").map(PathBuf::from);
    let browser = ["chromium", "chromium-browser", "google-chrome"].map(|name| Path::new("/usr/bin").join(name));
    if !required && (home.is_none() || !browser.iter().any(|path| path.exists())) {
        crate::recordings::say("SKIPPED: no browser was installed for the tests of the HTML report\n");
        return None;
    }
    let home = home.expect("CROSSFADE_HOME is set where nothing may be skipped");
    let installed = Command::new(root().join("tests/browser/install")).arg(home.join("sdks")).output();
    let installed = installed.expect("the installer starts");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    Some(PathBuf::from(String::from_utf8_lossy(&installed.stdout).trim()))
}

fn seen(driver: &Path, page: &Path) -> Value {
    let mut node = Command::new("node");
    let output = node.arg(root().join("tests/browser/report.mjs")).arg(driver).arg(page).output().expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it tells what it saw as JSON")
}

#[test]
fn the_page_is_clicked_through() {
    let Some(driver) = driver() else { return };
    let _alone = alone();
    let folder = scratch("browser");
    let run = |args: &[&str]| {
        let output = crossfade(&folder).arg("run").args(args).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let defect =
        |name: &'static str, json: &'static str| ["--policy", "error", "--defect", name, "--keep", "--json", json];
    run(&[&defect("truncation-silent", "a.json")[..], &["--html", "a.html"]].concat());
    run(&defect("usage-lost", "b.json"));
    let of = |page: &str| {
        let seen = seen(&driver, &folder.join(page));
        assert_eq!(seen["errors"], Value::Array(Vec::new()), "{seen}");
        assert_eq!(seen["requests"], Value::Array(Vec::new()), "nothing is fetched: {seen}");
        assert!(seen["lanes"].as_u64() >= Some(2), "{seen}");
        assert!(seen["label"].as_str().is_some_and(|label| label.starts_with("client from 0.0 ms")), "{seen}");
        assert_eq!(seen["words"], true, "no cell is told by its colour alone: {seen}");
        assert_ne!(seen["case"], seen["next"], "{seen}");
        assert_eq!(seen["empty"], "No case is like that.", "{seen}");
        seen
    };
    let one = of("a.html");
    assert_eq!(one["verdict"], "stream.truncation-visible", "{one}");
    assert!(one["scenarios"].as_u64() > Some(50), "{one}");
    let output = crossfade(&folder).args(["report", "html", "a.json", "b.json", "--out", "both.html"]).output();
    assert!(output.expect("the program starts").status.success());
    let both = of("both.html");
    assert_eq!(both["proxies"], 2, "{both}");
    // It opens within two seconds; ten times that is asserted, for machines that do other things.
    assert!(both["verdicts"].as_u64() > Some(20_000) && both["opened_ms"].as_u64() < Some(20_000), "{both}");
}
