//! The guard where there are process groups and signals.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use tokio::signal::unix::{SignalKind, signal as listen};

use super::{CANNOT_START, GRACE};

enum Happened {
    /// Crossfade has gone, or wants the proxy to end, or the guard itself is asked to.
    Closed,
    /// The proxy ended.
    Ended(ExitStatus),
}

pub(super) fn run(arguments: &[OsString]) -> u8 {
    let command = arguments.strip_prefix(&[OsString::from("--")]).unwrap_or(arguments);
    let Some((program, arguments)) = command.split_first() else { return CANNOT_START };
    adopt();
    // Before there is anything to end.
    let signals = Signals::listen().ok();
    let child = Command::new(program).args(arguments).stdin(Stdio::null()).process_group(0).spawn();
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            // The guard's standard error is the proxy's log.
            let _ = writeln!(std::io::stderr(), "crossfade: cannot start {}: {error}", program.display());
            return CANNOT_START;
        }
    };
    watch(child, signals)
}

fn watch(mut child: Child, signals: Option<Signals>) -> u8 {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let (tell, happened) = mpsc::channel();
    let (closed, asked) = (tell.clone(), tell.clone());
    if let Some(signals) = signals {
        thread::spawn(move || {
            signals.wait();
            let _ = asked.send(Happened::Closed);
        });
    }
    thread::spawn(move || {
        let mut buffer = [0; 64];
        let mut input = std::io::stdin();
        while input.read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = closed.send(Happened::Closed);
    });
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = tell.send(Happened::Ended(status));
        }
    });
    let mut first = happened.recv().ok();
    if matches!(first, Some(Happened::Closed)) {
        signal(group, Signal::TERM);
        first = happened.recv_timeout(GRACE).ok();
    }
    // The proxy's own children may be there still, whatever became of the proxy.
    signal(group, Signal::KILL);
    let status = match first {
        Some(Happened::Ended(status)) => Some(status),
        _ => happened.recv_timeout(GRACE).ok().and_then(|happened| match happened {
            Happened::Ended(status) => Some(status),
            Happened::Closed => None,
        }),
    };
    end_adopted();
    status.map_or(CANNOT_START, code)
}

/// Signals that would end the guard: whoever ends every process of our name means the proxies, too.
struct Signals {
    runtime: tokio::runtime::Runtime,
    streams: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    /// From now on they are heard.
    fn listen() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
        let streams = {
            let _inside = runtime.enter();
            kinds.into_iter().map(listen).collect::<std::io::Result<Vec<_>>>()?
        };
        Ok(Self { runtime, streams })
    }

    /// Waits for the first one.
    fn wait(mut self) {
        self.runtime.block_on(std::future::poll_fn(|context| {
            let heard = self.streams.iter_mut().any(|stream| stream.poll_recv(context).is_ready());
            if heard { Poll::Ready(()) } else { Poll::Pending }
        }));
    }
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group.filter(|group| test_kill_process_group(*group).is_ok()) {
        let _ = kill_process_group(group, signal);
    }
}

/// The exit code as shells give it: 128 and the signal for a process that a signal ended.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(1)
}

/// Orphans of the proxy become children of the guard instead of the system's first process.
#[cfg(target_os = "linux")]
fn adopt() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

#[cfg(not(target_os = "linux"))]
fn adopt() {}

/// Ends what the guard took in: processes that left the proxy's group, and theirs in turn.
#[cfg(target_os = "linux")]
fn end_adopted() {
    for _ in 0..64 {
        let children = children();
        if children.is_empty() {
            return;
        }
        for child in children {
            let _ = rustix::process::kill_process(child, Signal::KILL);
            let _ = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty());
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn end_adopted() {}

/// The guard's children, of every one of its threads.
#[cfg(target_os = "linux")]
fn children() -> Vec<Pid> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids = lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>());
    pids.filter_map(Pid::from_raw).collect()
}
