//! Real proxies against their baselines: whatever fails that is not known, or is known and passes, fails here.

use crate::support::{crossfade, is_built, proxies, real_alone, root, run, scratch};

/// Runs bundled scenarios on a proxy; everything is as its baseline says.
#[track_caller]
fn as_known(proxy: &str, scenarios: &[&str]) {
    let _alone = real_alone();
    if proxies().is_none() {
        return;
    }
    let folders: Vec<_> = scenarios.iter().map(|name| root().join("scenarios").join(name)).collect();
    let mut args: Vec<_> = folders.iter().map(|folder| folder.to_str().expect("a plain path")).collect();
    let baseline = root().join("src/profiles").join(proxy).join("baseline.yaml");
    let name = format!("known-{proxy}");
    args.extend(["--proxy", proxy, "--baseline", baseline.to_str().expect("a plain path"), "--snapshots", &name]);
    let run = run(&name, &args);
    assert!(run.len() > run.skips().len(), "{}", run.told());
    assert_eq!(run.code, 0, "{}", run.told());
}

/// The same of a proxy whose installation takes long: no suite installs it, and it is judged where someone did.
#[track_caller]
fn as_known_where_built(proxy: &str, scenarios: &[&str]) {
    let Some(home) = proxies() else { return };
    if is_built(&home, proxy) {
        as_known(proxy, scenarios);
    }
}

/// Without what waits long: its start makes two TLS contexts for each connection.
#[test]
fn lm_proxy_asks_anew_behind_what_it_told() {
    as_known(
        "lm-proxy",
        &["truncation/truncation.yaml", "truncation/damaged.yaml", "tools", "errors", "lifecycle/client-leaves.yaml"],
    );
}

#[test]
fn switchyard_hands_on_what_breaks_in_a_stream() {
    as_known("switchyard", &["truncation", "prefill", "tools", "errors", "fallback", "translate", "stream"]);
}

#[test]
fn claude_code_router_tells_the_client_its_stack_trace() {
    as_known(
        "claude-code-router",
        &["truncation/damaged.yaml", "tools/half-sent-tool-call.yaml", "prefill/client-prefill.yaml", "errors"],
    );
}

#[test]
fn vllm_router_tries_responses_on_no_other_worker() {
    as_known(
        "vllm-router",
        &[
            "truncation/truncation.yaml",
            "errors/every-leg-fails.yaml",
            "fallback/pool.yaml",
            "fallback/whole-chain.yaml",
        ],
    );
}

#[test]
fn haproxy_breaks_where_its_server_does() {
    as_known("haproxy", &[""]);
}

#[test]
fn caddy_ends_well_what_its_upstream_broke_off() {
    as_known("caddy", &["truncation", "fallback", "lifecycle", "errors"]);
}

#[test]
fn crabllm_asks_one_provider_for_a_chat_stream() {
    as_known_where_built(
        "crabllm",
        &["truncation", "tools", "errors", "fallback", "stream", "session", "translate", "lifecycle"],
    );
}

#[test]
fn oxllm_asks_again_what_was_refused() {
    as_known_where_built(
        "oxllm",
        &["truncation", "tools", "errors", "fallback", "stream", "session", "translate", "lifecycle"],
    );
}

/// One command runs the cases on every proxy that is there, and writes one page.
#[test]
fn all_of_them_on_one_page() {
    let _alone = real_alone();
    if proxies().is_none() {
        return;
    }
    let folder = scratch("all-proxies");
    let case = ["truncation", "--filter", "*[close]"];
    let output = crossfade(&folder).arg("run").args(case).args(["--proxy", "all", "--json", "reports"]).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let page = std::fs::read_to_string(folder.join("crossfade.html")).expect("the page was written");
    for name in [
        "builtin",
        "claude-code-router@2.0.0",
        "haproxy",
        "litellm@1.84.0",
        "litellm@1.106.2",
        "lm-proxy@3.3.2",
        "nginx",
        "portkey@1.15.2",
    ] {
        assert!(folder.join("reports").join(format!("{name}.json")).is_file(), "{name}");
        assert!(page.contains(name), "{name}");
    }
}
