//! Starting proxies, and their end: with small programs in their place, and (when asked for) the real ones.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crossfade::api::{ApiId, ModelName};
use crossfade::proxy::{
    Canaries, Catalogue, GetBy, Host, Launch, ProxyError, Route, RouteLeg, Running, Wanted, install,
};
use crossfade::scenario::Settings;

use crate::support::{is_built, read_request, server};

/// A folder of this test's own.
fn scratch(name: &str) -> PathBuf {
    crate::support::scratch(&format!("proxy-{name}-{}", std::process::id()))
}

fn host(dir: &Path) -> Host {
    Host { home: dir.join("cache"), path: "/usr/local/bin:/usr/bin:/bin".into(), exe: crate::support::program() }
}

/// A launch of a shell script in a proxy's place.
fn script(dir: &Path, script: &str, ready: &str) -> Launch {
    let folder = dir.join("profiles/little");
    std::fs::create_dir_all(&folder).expect("the scratch folder is writable");
    let profile = format!(
        "profile: little\nsummary: A shell script.\nget: {{system: {{bin: sh, hint: none, version_args: [-c, echo 1.2]}}}}\n\
         command: [\"{{{{ bin }}}}\", -c, \"{script}\"]\nenv: {{PATH: \"{{{{ path }}}}\"}}\n{ready}\
         case_by: model\nleg_by: prefix\n"
    );
    std::fs::write(folder.join("profile.yaml"), profile).expect("the scratch folder is writable");
    let catalogue = Catalogue::with_folder(&dir.join("profiles")).expect("the profile loads");
    let wanted = Wanted { name: "little".to_owned(), ..Wanted::default() };
    let program = catalogue.resolve(&wanted, &host(dir)).expect("there is a shell");
    Launch {
        program,
        routes: Vec::new(),
        settings: Settings::default(),
        overlay: None,
        decoys: Canaries::seeded(1).decoys("http://127.0.0.1:1/decoy"),
        run_dir: dir.join("run"),
        port: None,
        config: None,
        authority: None,
    }
}

async fn start(dir: &Path, launch: &Launch) -> Result<Running, ProxyError> {
    launch.start(&host(dir)).await
}

/// Processes whose command line has this word.
fn alive(word: &str) -> Vec<String> {
    let lines: Vec<String> = if cfg!(target_os = "linux") {
        let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let words = folders.filter_map(|folder| std::fs::read(folder.path().join("cmdline")).ok());
        words.map(|words| String::from_utf8_lossy(&words).replace('\0', " ")).collect()
    } else {
        let output = Command::new("ps").args(["-axo", "args"]).output().expect("there is a ps");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    };
    lines.into_iter().filter(|line| line.contains(word)).collect()
}

fn gone_within(word: &str, limit: Duration) {
    let began = Instant::now();
    while began.elapsed() < limit {
        if alive(word).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("still there: {:?}", alive(word));
}

fn wait_for(word: &str, count: usize) {
    wait_until(|| alive(word).len() >= count);
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never is");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_parent_takes_the_whole_tree_along() {
    let dir = scratch("tree");
    // The tree ignores SIGTERM, and one of it left the group and the session.
    let nap = format!("7{:05}.5", std::process::id() % 100_000);
    let tree = format!("trap '' TERM; sleep {nap} & setsid sleep {nap} & (sleep {nap} & wait) & wait");
    let parent = format!(
        "mkfifo f; '{}' __guard -- sh -c \"{tree}\" < f & exec 3> f; wait",
        crate::support::program().display()
    );
    let mut parent = Command::new("sh").arg("-c").arg(parent).current_dir(&dir).spawn().unwrap();
    wait_for(&format!("sleep {nap}"), 3);
    Command::new("kill").args(["-9", &parent.id().to_string()]).status().unwrap();
    parent.wait().unwrap();
    gone_within(&nap, Duration::from_secs(8));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn whoever_ends_the_guard_ends_the_proxy() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let nap = format!("6{:05}.{}", std::process::id() % 100_000, signal.len());
        let script = format!("sleep {nap} & wait");
        let mut guard = Command::new(crate::support::program());
        let guard = guard.args(["__guard", "--", "sh", "-c", &script]).stdin(Stdio::piped());
        let mut guard = guard.spawn().unwrap();
        // `wait` would close the pipe first.
        let pipe = guard.stdin.take();
        // The program itself, not those that name it: the guard hears signals before it starts anything.
        wait_until(|| alive(&nap).iter().any(|line| line.trim_end() == format!("sleep {nap}")));
        Command::new("kill").args([signal, &guard.id().to_string()]).status().unwrap();
        gone_within(&nap, Duration::from_secs(8));
        guard.wait().unwrap();
        drop(pipe);
    }
}

#[test]
fn the_guard_ends_as_the_program_did() {
    let check = |script: &str, expect: i32| {
        let mut guard = Command::new(crate::support::program());
        let guard = guard.args(["__guard", "--", "sh", "-c", script]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut guard = guard.spawn().unwrap();
        // `wait` would close the pipe first.
        let pipe = guard.stdin.take();
        assert_eq!(guard.wait().unwrap().code(), Some(expect), "{script}");
        drop(pipe);
    };
    check("exit 0", 0);
    check("exit 7", 7);
    check("kill -9 $$", 137);
    let missing = Command::new(crate::support::program()).args(["__guard", "--", "/no/such/program"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot start /no/such/program"));
}

#[tokio::test]
async fn a_proxy_that_dies_at_start_shows_its_last_words() {
    let dir = scratch("dies");
    let ready = "ready: {path: /, status: [200], within: 20s}\n";
    let launch = script(&dir, "echo one; echo boom >&2; exit 3", ready);
    let error = start(&dir, &launch).await.unwrap_err();
    let log = dir.join("run/proxy.log");
    let expect = format!("little 1.2 did not start: it ended with exit code 3 (log: {})", log.display());
    assert_eq!(error.to_string(), expect);
    assert_eq!(error.tail(), ["one", "boom"]);
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn a_proxy_that_never_answers_is_ended() {
    let dir = scratch("never");
    let nap = format!("6{:05}.5", std::process::id() % 100_000);
    let ready = "ready: {path: /up, status: [200], within: 300ms}\n";
    let launch = script(&dir, &format!("sleep {nap}; true"), ready);
    let error = start(&dir, &launch).await.unwrap_err().to_string();
    assert!(error.starts_with("little 1.2 did not start: GET /up has no answer after 0 s (log: "), "{error}");
    assert_eq!(alive(&nap), Vec::<String>::new());
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn death_is_noticed_and_stop_waits_for_the_end() {
    let dir = scratch("death");
    let launch = script(&dir, "sleep 0.2; exit 9", "");
    let running = start(&dir, &launch).await.unwrap();
    assert_eq!(running.exited(), None);
    assert_eq!(running.wait_exit().await, "it ended with exit code 9");
    assert_eq!(running.exited().as_deref(), Some("it ended with exit code 9"));

    let nap = format!("5{:05}.5", std::process::id() % 100_000);
    let launch = script(&dir, &format!("sleep {nap}; true"), "");
    let running = start(&dir, &launch).await.unwrap();
    tokio::task::spawn_blocking({
        let nap = nap.clone();
        move || wait_for(&nap, 1)
    })
    .await
    .unwrap();
    running.stop().await;
    assert_eq!(alive(&nap), Vec::<String>::new());
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test]
async fn the_environment_is_the_profiles_alone() {
    let dir = scratch("env");
    let launch = script(&dir, "env | cut -d= -f1 | sort | tr '\\\\n' ' '", "");
    let running = start(&dir, &launch).await.unwrap();
    running.wait_exit().await;
    let log = running.log_tail().join(" ");
    let shells_own = ["PWD", "OLDPWD", "SHLVL", "_"];
    let names: Vec<&str> = log.split_whitespace().filter(|name| !shells_own.contains(name)).collect();
    assert_eq!(names, ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "PATH"]);
    std::fs::remove_dir_all(dir).unwrap();
}

/// Installs every version of every bundled profile and starts it, on loopback alone.
#[tokio::test]
async fn real_ones_install_and_start() {
    let Some(home) = crate::support::proxies() else { return };
    let dir = scratch("real");
    let path = std::env::var_os("PATH").unwrap();
    let host = Host { home, path, exe: crate::support::program() };
    let catalogue = Catalogue::bundled();
    // Some listen once their upstreams are healthy.
    let upstreams = server(|mut stream| {
        while read_request(&mut stream).is_some() {
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
        }
    });
    for bundle in catalogue.all() {
        if matches!(bundle.profile.get, GetBy::Cargo { .. }) && !is_built(&host.home, &bundle.profile.profile) {
            continue;
        }
        let mut versions: Vec<Option<String>> = bundle.profile.versions.keys().cloned().map(Some).collect();
        if versions.is_empty() {
            versions.push(None);
        }
        for version in versions {
            install(bundle, version.as_deref(), &host, &mut |_| ()).unwrap();
            let name = bundle.profile.profile.clone();
            let program = catalogue.resolve(&Wanted { name, version, ..Wanted::default() }, &host).unwrap();
            let title = program.title();
            let canaries = Canaries::random();
            let launch = Launch {
                program,
                routes: vec![route("s1", &canaries, upstreams), route("s2", &canaries, upstreams)],
                settings: Settings::default(),
                overlay: None,
                decoys: canaries.decoys("http://127.0.0.1:9/decoy"),
                run_dir: dir.join(title.replace(' ', "-")),
                port: None,
                config: None,
                authority: None,
            };
            let running = launch.start(&host).await.unwrap_or_else(|error| panic!("{error}: {:#?}", error.tail()));
            #[cfg(target_os = "linux")]
            assert_eq!(listeners(running.addr().port()), ["0100007F"], "{title}");
            running.stop().await;
            assert!(running.exited().is_some(), "{title}");
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}

/// Addresses that listen on a port, in the kernel's hexadecimal.
#[cfg(target_os = "linux")]
fn listeners(port: u16) -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let tables = read("/proc/net/tcp") + &read("/proc/net/tcp6");
    let lines = tables.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = lines.filter(|fields| fields.get(3) == Some(&"0A"));
    let place = listening.filter_map(|fields| fields[1].split_once(':').map(|(a, p)| (a.to_owned(), p.to_owned())));
    place.filter(|(_, hex)| u16::from_str_radix(hex, 16) == Ok(port)).map(|(address, _)| address).collect()
}

/// A route with two legs.
fn route(name: &str, canaries: &Canaries, upstreams: SocketAddr) -> Route {
    let leg = |leg: &str| RouteLeg {
        spare_key: String::new(),
        name: leg.to_owned(),
        model: ModelName { vendor: "openai".to_owned(), model: "gpt-4o-mini".to_owned() },
        api: ApiId::OpenaiChat,
        base_url: format!("http://{upstreams}/{name}/{leg}"),
        host: upstreams.to_string(),
        key: canaries.leg("openai", name, leg),
    };
    Route { name: name.to_owned(), legs: vec![leg("primary"), leg("fallback")], pool: false }
}
