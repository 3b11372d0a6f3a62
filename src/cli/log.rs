//! The log: on stderr, warnings unless more or less is asked for.

use std::io::Write as _;

use log::{LevelFilter, Log, Metadata, Record};

use super::variable;

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("crossfade")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let level = record.level().as_str().to_lowercase();
            let _ = writeln!(std::io::stderr(), "{level}: {}", record.args());
        }
    }

    fn flush(&self) {}
}

/// Sets the log up: `-q`, `-v`, `-vv`, else `CROSSFADE_LOG` (`error`, `warn`, `info`, `debug`, `trace`).
pub(super) fn init(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => LevelFilter::Error,
        (_, 0) => variable("CROSSFADE_LOG").and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::Warn),
        (_, 1) => LevelFilter::Info,
        _ => LevelFilter::Trace,
    };
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(level);
    }
}
