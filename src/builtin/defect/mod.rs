//! Named defects: each breaks one thing of the reference proxy, so that every check is proved both ways.

mod table;

use std::fmt;
use std::str::FromStr;

pub use table::Defect;

/// What a defect does wrong, and how that shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    family: Family,
    name: &'static str,
    summary: &'static str,
    fails: &'static [&'static str],
    policy: &'static str,
    rows: &'static [u8],
}

/// Which part of the proxy a defect breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Which leg is asked, and when.
    Routing,
    /// What a leg is asked.
    Request,
    /// How an answer goes on where another leg takes over.
    Seam,
    /// What the client hears of an answer.
    Answer,
    /// What the client is told when all is lost.
    Error,
    /// When things end, and what is kept apart.
    Lifecycle,
}

impl Family {
    /// Every family, in the order in which they are listed.
    pub const ALL: [Self; 6] = [Self::Routing, Self::Request, Self::Seam, Self::Answer, Self::Error, Self::Lifecycle];

    /// What its defects break, for a list.
    pub fn title(self) -> &'static str {
        match self {
            Self::Routing => "which leg is asked, and when",
            Self::Request => "what a leg is asked",
            Self::Seam => "where another leg takes over",
            Self::Answer => "what the client hears of an answer",
            Self::Error => "what the client is told when all is lost",
            Self::Lifecycle => "when things end, and what is kept apart",
        }
    }
}

impl Defect {
    /// The name used on the command line and in files.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it does wrong, in one sentence.
    pub fn summary(self) -> &'static str {
        self.facts().summary.trim()
    }

    /// The part of the proxy that it breaks.
    pub fn family(self) -> Family {
        self.facts().family
    }

    /// The checks that it fails (or, where they only recommend, that warn), and no others.
    pub fn fails(self) -> &'static [&'static str] {
        self.facts().fails
    }

    /// The policy under which it shows.
    pub fn policy(self) -> &'static str {
        self.facts().policy
    }

    /// The reported bugs that it mimics, by their number in the catalogue of reports.
    pub fn rows(self) -> &'static [u8] {
        self.facts().rows
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
            .iter()
            .find(|defect| defect.name() == text)
            .copied()
            .ok_or_else(|| format!("no defect is called `{text}`"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for defect in Defect::ALL {
            assert_eq!(defect.name().parse(), Ok(*defect));
            assert_eq!(serde_json::to_value(defect).unwrap(), defect.name());
        }
        let names: BTreeSet<_> = Defect::ALL.iter().map(|defect| defect.name()).collect();
        assert_eq!(names.len(), Defect::ALL.len());
    }

    #[test]
    fn each_says_what_it_does_and_what_that_fails() {
        for defect in Defect::ALL {
            assert!(defect.summary().ends_with('.') && !defect.summary().contains("  "), "{defect}");
            let fails: BTreeSet<_> = defect.fails().iter().collect();
            assert!(!fails.is_empty() && fails.len() == defect.fails().len(), "{defect}");
            assert!(crate::builtin::chosen([defect.policy()]).is_ok(), "{defect}");
        }
    }
}
