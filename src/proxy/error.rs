//! What can go wrong with a proxy, each in one line.

use std::path::PathBuf;

/// Lines of a log that are shown.
const TAIL: usize = 12;

/// What went wrong with a proxy. Displayed as one line; [`ProxyError::tail`] has the end of its log.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// No such profile.
    #[error("there is no proxy profile `{name}`; {help}")]
    Unknown {
        /// As it was named.
        name: String,
        /// What was likely meant.
        help: String,
    },
    /// The command line or `crossfade.yaml` names it in a way that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// It is not installed, or not where it should be.
    #[error("{what}; {help}")]
    Missing {
        /// What is missing.
        what: String,
        /// What installs it.
        help: String,
    },
    /// The installation failed.
    #[error("{name} was not installed: {why}{}", log_note(log.as_ref()))]
    Install {
        /// Profile and version.
        name: String,
        /// Why.
        why: String,
        /// Its log.
        log: Option<PathBuf>,
        /// The end of its log.
        tail: Vec<String>,
    },
    /// Nobody answers where a running proxy should be.
    #[error("the proxy at {url} could not be reached: {why}")]
    Unreachable {
        /// Its address.
        url: String,
        /// Why.
        why: String,
    },
    /// A template does not render, or the overlay does not fit.
    #[error("the configuration of {name} cannot be made: {why}")]
    Configure {
        /// Profile.
        name: String,
        /// Why.
        why: String,
    },
    /// It did not come up.
    #[error("{name} did not start: {why}{}", log_note(log.as_ref()))]
    Start {
        /// Profile and version.
        name: String,
        /// Why.
        why: String,
        /// Its log.
        log: Option<PathBuf>,
        /// The end of its log.
        tail: Vec<String>,
    },
}

fn log_note(log: Option<&PathBuf>) -> String {
    log.map(|log| format!(" (log: {})", log.display())).unwrap_or_default()
}

impl ProxyError {
    /// The end of the log that goes with the error, oldest line first.
    pub fn tail(&self) -> &[String] {
        match self {
            Self::Install { tail, .. } | Self::Start { tail, .. } => tail,
            _ => &[],
        }
    }

    /// Whether the caller asked for something that makes no sense (exit 2 rather than 6).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Usage(_))
    }
}

/// The last lines of a log that are not empty, without colours.
pub(super) fn tail(log: &std::path::Path) -> Vec<String> {
    let text = last_bytes(log, 64 << 10);
    let lines: Vec<String> = text.lines().map(plain).filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL)..].to_vec()
}

fn last_bytes(log: &std::path::Path, most: u64) -> String {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let read = || {
        let mut file = std::fs::File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

/// A line without escape sequences and control characters, of bounded length.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // `ESC [ ... letter`; anything else loses its escape alone.
            if chars.clone().next() == Some('[') {
                let _ = chars.by_ref().skip(1).find(char::is_ascii_alphabetic);
            }
        } else if c == '\t' || !c.is_control() {
            out.push(c);
        }
    }
    match out.char_indices().nth(400) {
        Some((at, _)) => format!("{}...", &out[..at]),
        None => out.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_lose_their_colours() {
        let check = |line: &str, expect: &str| assert_eq!(plain(line), expect);
        check("\u{1b}[32mINFO\u{1b}[0m:     up  ", "INFO:     up");
        check("\u{1b}", "");
        check("a\u{7}b", "ab");
        check(&"x".repeat(1000), &format!("{}...", "x".repeat(400)));
    }
}
