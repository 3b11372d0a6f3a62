//! `run --repeat`: every case several times, and those that are not the same every time by name.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::support::{free_port, read_request, run, scratch, server};

const PLAIN: &str = "client: openai-chat\nlegs: {primary: {}, fallback: {}}\n";
/// Nothing was asked of any leg.
const REFUSED: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// A proxy that hands one request on to the primary, and refuses the next.
fn moody(legs: u16) -> std::net::SocketAddr {
    let asked = Arc::new(AtomicUsize::new(0));
    server(move |mut stream| {
        let Some((head, body)) = read_request(&mut stream) else { return };
        if head.starts_with("POST ") && asked.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            let _ = stream.write_all(REFUSED);
            return;
        }
        let head = head.replacen("POST /", "POST /primary/", 1);
        let Ok(mut leg) = TcpStream::connect(("127.0.0.1", legs)) else { return };
        let _ = leg.write_all(head.as_bytes()).and_then(|()| leg.write_all(&body));
        let _ = leg.set_read_timeout(Some(Duration::from_secs(1)));
        let _ = std::io::copy(&mut leg, &mut stream);
    })
}

#[test]
fn a_proxy_of_moods_is_flaky_in_every_report() {
    let folder = scratch("repeat-moody-scenario");
    let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
    std::fs::write(file("plain.yaml"), PLAIN).expect("the scratch folder can be used");
    let legs = free_port();
    let (url, listen) = (format!("http://{}", moody(legs)), format!("127.0.0.1:{legs}"));
    let (scenario, junit, markdown, html) = (file("plain.yaml"), file("r.xml"), file("r.md"), file("r.html"));
    let reports = ["--junit", &junit, "--markdown", &markdown, "--html", &html];
    let args = [&scenario, "--proxy", &url, "--listen", &listen, "--time-limit", "5s", "--repeat", "4"];
    let run = run("repeat-moody", &[&args[..], &reports].concat());
    assert_eq!(run.code, 1, "{}", run.told());

    let case = &run.report["cases"][0];
    assert_eq!((run.report["cases"].as_array().map(Vec::len), &case["plays"]), (Some(1), &4.into()), "{}", run.told());
    assert_eq!(run.report["summary"]["flaky"], serde_json::json!(["plain"]));
    let reached = case["differing"].as_array().into_iter().flatten().find(|each| each["check"] == "route.reached");
    let verdicts = &reached.unwrap_or_else(|| panic!("{}", run.told()))["verdicts"];
    let of = |value: &str| verdicts[value].as_u64().unwrap_or_default();
    assert!(of("fail") > 0 && of("pass") > 0 && of("fail") + of("pass") == 4, "{verdicts}");

    let counts = format!("fail {}, pass {} of 4 plays", of("fail"), of("pass"));
    assert!(run.stdout.contains(&format!("    flaky: {counts}")), "{}", run.told());
    assert!(run.stdout.contains("flaky, different verdicts on the same case: plain"), "{}", run.told());
    let read = |path: &str| std::fs::read_to_string(path).expect("the report was written");
    assert!(read(&junit).contains(&format!("flaky: route.reached: {counts}")), "{}", read(&junit));
    assert!(read(&markdown).contains("- `plain` in 4 plays: "), "{}", read(&markdown));
    assert!(read(&html).contains(&format!("\"route.reached\":\"fail {}, pass {}\"", of("fail"), of("pass"))));
}

#[test]
fn what_is_the_same_every_time_is_one_case() {
    let folder = scratch("repeat-steady-scenario");
    let file = folder.join("cut.yaml");
    std::fs::write(&file, "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 2}, by: close}}, fallback: {}}\n")
        .expect("the scratch folder can be used");
    let file = file.to_string_lossy().into_owned();
    let of = |name: &str, defect: &[&str]| {
        run(name, &[&[&file, "--proxy", "builtin", "--policy", "error", "--repeat", "5"], defect].concat())
    };
    let clean = of("repeat-steady", &[]);
    assert_eq!(clean.code, 0, "{}", clean.told());
    assert!(clean.stdout.contains("on builtin: 1 case: 1 pass"), "{}", clean.told());
    assert_eq!(clean.report["summary"]["flaky"], serde_json::json!([]));
    // A failure is one failure, however often it is seen.
    let broken = of("repeat-broken", &["--defect", "truncation-silent"]);
    assert_eq!((broken.code, &broken.report["cases"][0]["plays"]), (1, &5.into()), "{}", broken.told());
    assert_eq!(broken.report["summary"]["cases"], serde_json::json!({"FAIL": 1}));
    assert_eq!(broken.report["cases"][0]["differing"], serde_json::json!([]));
    assert!(!broken.stdout.contains("flaky"), "{}", broken.told());
}
