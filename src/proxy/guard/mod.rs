//! The guard: a process of ours between Crossfade and a proxy, so that nothing outlives us.
//!
//! Crossfade starts itself again as `crossfade __guard -- COMMAND...` and keeps a pipe to the guard's standard input.
//! However Crossfade ends, even by SIGKILL, the pipe closes; the guard then ends the proxy's whole process group, by
//! SIGTERM and after a grace by SIGKILL. On Linux the guard also takes in what left the group, and ends that too.

#[cfg(unix)]
mod unix;

use std::ffi::OsString;
use std::time::Duration;

/// The hidden subcommand; its arguments are `--` and the command.
pub const SUBCOMMAND: &str = "__guard";

/// How long a proxy may take to end by itself.
pub const GRACE: Duration = Duration::from_secs(2);

/// Exit code where the command cannot be started, as shells have it.
const CANNOT_START: u8 = 127;

/// Runs the command as the guard; returns the exit code to end with. To be called before any other thread is there.
pub fn run(arguments: &[OsString]) -> u8 {
    #[cfg(unix)]
    return unix::run(arguments);
    #[cfg(not(unix))]
    {
        // Only the proxy inside runs on other systems, and that needs no guard.
        let _ = arguments;
        CANNOT_START
    }
}
