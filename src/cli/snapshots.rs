//! `crossfade review`, `accept` and `reject`.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use super::args::SnapshotArgs;
use super::{Failure, print};
use crate::runner::Exit;
use crate::snapshot::{self, Pending};

/// Shows each pending snapshot and asks what to do with it; without a terminal they are shown alone.
pub(super) fn review(args: &SnapshotArgs) -> Result<Exit, Failure> {
    let pending = pending(args)?;
    if pending.is_empty() {
        print("no pending snapshots\n");
        return Ok(Exit::AsExpected);
    }
    let ask = io::stdin().is_terminal() && io::stdout().is_terminal();
    let mut left = 0;
    for (number, each) in pending.iter().enumerate() {
        let diff = each.diff().map_err(|error| failed(&each.path, error))?;
        let kind = if each.is_first() { "new" } else { "changed" };
        print(&format!("[{}/{}] {kind}: {}\n{diff}\n", number + 1, pending.len(), each.path.display()));
        match if ask { answer() } else { Answer::Skip } {
            Answer::Accept => each.accept().map_err(|error| failed(&each.path, error))?,
            Answer::Reject => each.reject().map_err(|error| failed(&each.path, error))?,
            Answer::Skip => left += 1,
        }
    }
    if left > 0 {
        print(&format!("{left} left; `crossfade accept` or `crossfade reject` takes all of them\n"));
    }
    Ok(Exit::AsExpected)
}

/// Accepts or rejects every pending snapshot.
pub(super) fn settle(args: &SnapshotArgs, accept: bool) -> Result<Exit, Failure> {
    let pending = pending(args)?;
    for each in &pending {
        let done = if accept { each.accept() } else { each.reject() };
        done.map_err(|error| failed(&each.path, error))?;
        print(&format!("{} {}\n", if accept { "accepted" } else { "rejected" }, each.path.display()));
    }
    if pending.is_empty() {
        print("no pending snapshots\n");
    }
    Ok(Exit::AsExpected)
}

fn pending(args: &SnapshotArgs) -> Result<Vec<Pending>, Failure> {
    let here = [PathBuf::from(".")];
    let places: &[PathBuf] = if args.paths.is_empty() { &here } else { &args.paths };
    if let Some(missing) = places.iter().find(|place| !place.exists() && !place.with_extension("snap.new").exists()) {
        return Err(Failure::usage(format!("there is no file or folder {}", missing.display())));
    }
    snapshot::pending(places).map_err(|error| Failure::file("pending snapshots", error))
}

fn failed(path: &Path, error: io::Error) -> Failure {
    Failure::file(&path.display().to_string(), error)
}

enum Answer {
    Accept,
    Reject,
    Skip,
}

/// Asks until the answer is one.
fn answer() -> Answer {
    loop {
        print("(a)ccept, (r)eject, (s)kip? ");
        let mut line = String::new();
        match io::stdin().read_line(&mut line) {
            Ok(0) | Err(_) => return Answer::Skip,
            Ok(_) => {}
        }
        match line.trim() {
            "a" | "accept" => return Answer::Accept,
            "r" | "reject" => return Answer::Reject,
            "s" | "skip" => return Answer::Skip,
            _ => {}
        }
    }
}
