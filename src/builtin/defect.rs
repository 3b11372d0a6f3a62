//! Named defects: each breaks one thing of the reference proxy, so that every check is proved both ways.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that the reference proxy does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// Every target whose API has a prefill is asked to continue by it, whether or not its model accepts one.
    PrefillToEveryone,
    /// A sentence of the proxy is added to the system prompt of every fallback.
    SystemPromptEdited,
    /// As `prefill-to-everyone`, and the refusal is shown instead of the original error.
    #[serde(rename = "fallback-400-shown")]
    Fallback400Shown,
    /// A stream that broke off gets an invented finish and end mark.
    TruncationFinished,
    /// The last word before a seam is said again behind it.
    TextDoubled,
    /// The blank with which a continuation begins is dropped.
    SeamBlankLost,
    /// The message begins again at a seam.
    TwoStarts,
    /// A fallback gets the primary's key too.
    PrimaryKeyOnFallback,
    /// A request that was refused with 400 is sent again.
    #[serde(rename = "retry-on-400")]
    RetryOn400,
    /// Every error tells all routes of the proxy.
    RouteMapLeaked,
    /// The upstream is read to its end though the client has gone.
    UpstreamNotCancelled,
    /// A stream is delivered at its end.
    BufferedStream,
}

impl Defect {
    /// Every defect.
    pub const ALL: [Self; 12] = [
        Self::PrefillToEveryone,
        Self::SystemPromptEdited,
        Self::Fallback400Shown,
        Self::TruncationFinished,
        Self::TextDoubled,
        Self::SeamBlankLost,
        Self::TwoStarts,
        Self::PrimaryKeyOnFallback,
        Self::RetryOn400,
        Self::RouteMapLeaked,
        Self::UpstreamNotCancelled,
        Self::BufferedStream,
    ];

    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// What it does wrong, in one sentence.
    pub fn summary(self) -> &'static str {
        self.facts().1
    }

    /// The checks that it fails, and no others.
    pub fn fails(self) -> &'static [&'static str] {
        self.facts().2
    }

    /// The policy under which it shows: most do at a seam, which needs one that continues.
    pub fn policy(self) -> &'static str {
        "continue_user"
    }

    fn facts(self) -> (&'static str, &'static str, &'static [&'static str]) {
        match self {
            Self::PrefillToEveryone => (
                "prefill-to-everyone",
                "Every fallback of an API with prefill is asked to continue by it, whether or not its model accepts one.",
                &["fallback.accepted"],
            ),
            Self::SystemPromptEdited => (
                "system-prompt-edited",
                "A sentence of the proxy is added to the system prompt of every fallback request.",
                &["fallback.same-as-control"],
            ),
            Self::Fallback400Shown => (
                "fallback-400-shown",
                "Every fallback is asked as by prefill-to-everyone, and its refusal is shown instead of the original error.",
                &["fallback.accepted", "error.not-self-inflicted"],
            ),
            Self::TruncationFinished => (
                "truncation-finished",
                "A stream that broke off after content gets an invented finish and end mark.",
                &["stream.truncation-visible", "expect.outcome"],
            ),
            Self::TextDoubled => {
                let fails = &["stream.text", "expect.outcome"];
                ("text-doubled", "The last word before a seam is said again behind it.", fails)
            }
            Self::SeamBlankLost => {
                ("seam-blank-lost", "The blank with which a continuation begins is dropped.", &["stream.text"])
            }
            Self::TwoStarts => ("two-starts", "The message begins again at a seam.", &["stream.single-start"]),
            Self::PrimaryKeyOnFallback => (
                "primary-key-on-fallback",
                "A fallback request carries the primary's key beside its own.",
                &["fallback.credentials"],
            ),
            Self::RetryOn400 => {
                ("retry-on-400", "A request that was refused for good is sent once more.", &["fallback.attempts"])
            }
            Self::RouteMapLeaked => {
                ("route-map-leaked", "Every error tells all routes of the proxy.", &["error.no-internals"])
            }
            Self::UpstreamNotCancelled => (
                "upstream-not-cancelled",
                "The upstream is read to its end though the client has gone.",
                &["lifecycle.cancel"],
            ),
            Self::BufferedStream => {
                ("buffered-stream", "A stream is delivered as a whole at its end.", &["stream.incremental"])
            }
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Defect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|defect| defect.name() == text)
            .ok_or_else(|| format!("no defect is called `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for defect in Defect::ALL {
            assert_eq!(defect.name().parse(), Ok(defect));
            assert_eq!(serde_json::to_value(defect).unwrap(), defect.name());
            assert!(!defect.fails().is_empty());
        }
    }
}
