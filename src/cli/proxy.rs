//! The proxy that a command means, and `crossfade proxy`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::json;

use super::args::{ProxyArgs, ProxyCommand};
use super::files::Place;
use super::{Failure, block_on, print, variable};
use crate::builtin::{self, Defect, Promise};
use crate::proxy::{
    Attach, Bundle, Canaries, CaseBy, Catalogue, GetBy, Host, Installed, Launch, LegBy, ModelChoice, Policy, Profile,
    Program, Remembers, Wanted, install,
};
use crate::runner::{Exit, ProxyLine, Target};
use crate::scenario::Settings;
use crate::wire::{Headers, bad_header};

/// Where the legs listen for a proxy that runs already, unless told otherwise.
const LISTEN: &str = "127.0.0.1:9100";

/// The proxy of a run, and how reports name it.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) target: Target,
    pub(super) line: ProxyLine,
    pub(super) listen: Option<SocketAddr>,
}

/// What is known of this machine.
pub(super) fn host() -> Result<Host, Failure> {
    let exe = std::env::current_exe().map_err(|error| Failure::file("this program", error))?;
    let home = match variable("CROSSFADE_HOME") {
        Some(home) => PathBuf::from(home),
        None => cache_folder().join("crossfade"),
    };
    let home = std::path::absolute(&home).unwrap_or(home);
    Ok(Host { home, path: std::env::var_os("PATH").unwrap_or_default(), exe })
}

fn cache_folder() -> PathBuf {
    let home = || PathBuf::from(variable("HOME").unwrap_or_else(|| ".".to_owned()));
    match variable("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None if cfg!(target_os = "macos") => home().join("Library/Caches"),
        None if cfg!(windows) => variable("LOCALAPPDATA").map_or_else(home, PathBuf::from),
        None => home().join(".cache"),
    }
}

/// The profiles that there are: bundled ones, and those in `profiles/` beside `crossfade.yaml`.
pub(super) fn catalogue(place: &Place) -> Result<Catalogue, Failure> {
    Catalogue::with_folder(&place.root.join("profiles")).map_err(|errors| Failure::load(&errors, false))
}

/// The proxy that is meant; `None` if neither the command line nor `crossfade.yaml` names one.
pub(super) fn choose(place: &Place, args: &ProxyArgs, folder: &Path) -> Result<Option<Choice>, Failure> {
    let args = with_config(place, args);
    let Some(proxy) = &args.proxy else { return Ok(None) };
    let catalogue = catalogue(place)?;
    if proxy.contains("://") {
        attached(&catalogue, &args, proxy).map(Some)
    } else {
        launched(&catalogue, &args, proxy, folder).map(Some)
    }
}

/// The options, completed from `crossfade.yaml` where the command line names no proxy.
fn with_config(place: &Place, args: &ProxyArgs) -> ProxyArgs {
    let mut args = args.clone();
    if args.proxy.is_some() {
        return args;
    }
    let Some(config) = &place.config.proxy else { return args };
    args.proxy = config.url.clone().or_else(|| config.name.clone());
    let or = |given: &mut Option<String>, other: &Option<String>| {
        if given.is_none() {
            given.clone_from(other);
        }
    };
    or(&mut args.lent, &config.r#as);
    or(&mut args.client_key, &config.client_key);
    or(&mut args.control_model, &config.control_model);
    or(&mut args.listen, &config.listen);
    or(&mut args.model, &config.model);
    if args.from.is_none() && args.bin.is_none() {
        args.from.clone_from(&config.from);
        args.bin.clone_from(&config.bin);
    }
    args.header.extend(config.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    args
}

fn launched(catalogue: &Catalogue, args: &ProxyArgs, proxy: &str, folder: &Path) -> Result<Choice, Failure> {
    let attached_only = [
        ("--as", args.lent.is_some()),
        ("--client-key", args.client_key.is_some()),
        ("--control-model", args.control_model.is_some()),
        ("--header", !args.header.is_empty()),
        ("--listen", args.listen.is_some()),
        ("--model", args.model.is_some()),
    ];
    if let Some((option, _)) = attached_only.iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!(
            "`{option}` is for a proxy that runs already; give its URL to `--proxy`, like `http://127.0.0.1:4000`"
        )));
    }
    let mut wanted: Wanted = proxy.parse().map_err(Failure::from)?;
    wanted.from.clone_from(&args.from);
    wanted.bin.clone_from(&args.bin);
    let host = host()?;
    let mut program = catalogue.resolve(&wanted, &host)?;
    let inside = program.profile().get == GetBy::Builtin;
    let overlay = reference_overlay(args, inside)?;
    if let Some(policy) = overlay.as_ref().and_then(|overlay| overlay.get("policy")) {
        declare(&mut program, policy);
    }
    let line = ProxyLine {
        name: program.profile().profile.clone(),
        version: if inside { None } else { program.version.clone() },
        commit: program.commit.clone(),
        dirty: program.dirty,
        how: if inside { described(args) } else { program.how.clone() },
    };
    let target = Target::Launched { program: Box::new(program), host, overlay, port: None, folder: folder.to_owned() };
    Ok(Choice { target, line, listen: None })
}

/// What is chosen for the reference proxy, its profile declares.
fn declare(program: &mut Program, policy: &serde_json::Value) {
    let Ok(promise) = serde_json::from_value::<Promise>(policy.clone()) else { return };
    let mut bundle = Bundle::clone(&program.bundle);
    bundle.profile.policy = bundle.profile.policy.patched(&promise.declared());
    bundle.profile.model_per_leg = promise.model == ModelChoice::PerLeg;
    program.bundle = Arc::new(bundle);
}

/// Policy and defects of the reference proxy, as its configuration says them.
fn reference_overlay(args: &ProxyArgs, inside: bool) -> Result<Option<serde_json::Value>, Failure> {
    if !inside && (!args.policy.is_empty() || !args.defect.is_empty()) {
        return Err(Failure::usage("`--policy` and `--defect` are for `--proxy builtin` alone"));
    }
    let mut overlay = serde_json::Map::new();
    if !args.policy.is_empty() {
        let chosen = builtin::chosen(args.policy.iter().map(String::as_str));
        overlay.insert("policy".to_owned(), chosen.map_err(|why| Failure::usage(format!("--policy: {why}")))?);
    }
    if !args.defect.is_empty() {
        for name in &args.defect {
            if !Defect::ALL.iter().any(|defect| defect.name() == name) {
                let names = Defect::ALL.iter().map(|defect| defect.name());
                let meant = crate::diagnostic::did_you_mean(name, names);
                let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
                let all = "`crossfade show defects` lists them";
                return Err(Failure::usage(format!("no defect is called `{name}`{meant} ({all})")));
            }
        }
        overlay.insert("defects".to_owned(), json!(args.defect));
    }
    Ok((!overlay.is_empty()).then(|| overlay.into()))
}

fn described(args: &ProxyArgs) -> String {
    let policy = args.policy.iter().map(|policy| format!("policy {policy}"));
    let defects = args.defect.iter().map(|defect| format!("defect {defect}"));
    policy.chain(defects).collect::<Vec<_>>().join(", ")
}

fn attached(catalogue: &Catalogue, args: &ProxyArgs, url: &str) -> Result<Choice, Failure> {
    if args.from.is_some() || args.bin.is_some() {
        return Err(Failure::usage("`--from` and `--bin` start a proxy; one that has a URL runs already"));
    }
    reference_overlay(args, false)?;
    if !url.starts_with("http://") {
        let help = "write http://HOST:PORT; TLS is not spoken, so put the proxy on a local port";
        return Err(Failure::usage(format!("`{url}` is no address of a proxy: {help}")));
    }
    let lent = args.lent.as_deref().map(|name| catalogue.find(name)).transpose()?;
    let listen = args.listen.as_deref().unwrap_or(LISTEN);
    let listen: SocketAddr =
        listen.parse().map_err(|_| Failure::usage(format!("`{listen}` is no address like {LISTEN}")))?;
    let mut headers = Headers::default();
    for header in &args.header {
        let Some((name, value)) = header.split_once(':') else {
            return Err(Failure::usage(format!("a header is written `NAME: VALUE`, not `{header}`")));
        };
        let (name, value) = (name.trim(), value.trim());
        if let Some(why) = bad_header(name, value) {
            return Err(Failure::usage(why));
        }
        headers.push(name, value);
    }
    let profile = lent.as_ref().map_or_else(unknown, |bundle| Profile::clone(&bundle.profile));
    let name = if lent.is_some() { profile.profile.clone() } else { "attached".to_owned() };
    let attach = Attach {
        url: url.to_owned(),
        lent: lent.as_ref().map(Arc::clone),
        model: args.model.clone(),
        control_model: args.control_model.clone(),
        client_key: args.client_key.clone(),
        headers,
    };
    let line = ProxyLine {
        name,
        version: None,
        commit: None,
        dirty: false,
        how: format!("attached at {url}, legs at http://{listen}"),
    };
    let target = Target::Attached { attach: Box::new(attach), profile: Box::new(profile) };
    Ok(Choice { target, line, listen: Some(listen) })
}

/// The profile of a proxy of which nothing is known.
fn unknown() -> Profile {
    Profile {
        profile: "attached".to_owned(),
        summary: String::new(),
        get: GetBy::Builtin,
        versions: IndexMap::new(),
        from: Vec::new(),
        repository: None,
        files: BTreeMap::new(),
        overlay: None,
        command: Vec::new(),
        env: BTreeMap::new(),
        ready: None,
        endpoints: BTreeMap::new(),
        case_by: CaseBy::None,
        leg_by: LegBy::Prefix,
        routes: Some(1),
        legs: None,
        vendor_before_model: false,
        pools: true,
        legs_by_arrival: false,
        model_per_leg: true,
        leg_apis: BTreeMap::new(),
        key_per_leg: true,
        remembers: Remembers::Nothing,
        front_ours: false,
        quiet: None,
        cannot: BTreeMap::new(),
        policy: Policy::default(),
    }
}

/// `crossfade proxy`.
pub(super) fn command(command: &ProxyCommand) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let catalogue = catalogue(&place)?;
    let host = host()?;
    match command {
        ProxyCommand::Install { proxy } => {
            let wanted: Wanted = proxy.parse().map_err(Failure::from)?;
            let bundle = catalogue.find(&wanted.name)?;
            let mut step = |line: &str| log::warn!("{line}");
            match install(&bundle, wanted.version.as_deref(), &host, &mut step)? {
                Installed::Needless(why) => print(&format!("nothing to install: {why}\n")),
                Installed::Before(folder) => print(&format!("already installed: {}\n", folder.display())),
                Installed::Now(folder) => print(&format!("installed: {}\n", folder.display())),
            }
            Ok(Exit::AsExpected)
        }
        ProxyCommand::Start { proxy, config, port } => {
            let wanted: Wanted = proxy.parse().map_err(Failure::from)?;
            let program = catalogue.resolve(&wanted, &host)?;
            let config =
                std::fs::read_to_string(config).map_err(|error| Failure::file(&config.display().to_string(), error))?;
            let run_dir = std::env::temp_dir().join(format!("crossfade-start-{}", std::process::id()));
            let launch = Launch {
                program,
                routes: Vec::new(),
                settings: Settings::default(),
                overlay: None,
                decoys: Canaries::random().decoys("http://127.0.0.1:9/decoy"),
                run_dir,
                port: *port,
                config: Some(config),
                authority: None,
            };
            block_on(async {
                let running = launch.start(&host).await?;
                let (title, addr) = (running.title(), running.addr());
                // A configuration of the user's own may name another port than the one that the proxy was given.
                print(&match tokio::net::TcpStream::connect(addr).await {
                    Ok(_) => format!("{title} listens at http://{addr}; ctrl-C ends it\n"),
                    Err(_) => format!("{title} is up, at the address that its configuration names; ctrl-C ends it\n"),
                });
                let mut stop = super::signals::signals();
                let ended = tokio::select! {
                    how = running.wait_exit() => Some(how),
                    _ = stop.wait_for(|stop| *stop) => None,
                };
                running.stop().await;
                let _ = std::fs::remove_dir_all(&launch.run_dir);
                match ended {
                    Some(how) => {
                        Err(Failure { exit: Exit::ProxyDown, text: format!("error: {}: {how}\n", running.title()) })
                    }
                    None => Ok(Exit::Interrupted),
                }
            })?
        }
    }
}
