//! What the program says to its caller.

/// The exit codes. They are public interface: scripts and CI rely on them.
///
/// Where several apply, the first in this order counts: usage, load, interrupted, proxy down, failed, inconclusive,
/// nothing judged, as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything was as expected.
    AsExpected = 0,
    /// A failure that the baseline does not list, a changed snapshot, or a stale entry of the baseline.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A file does not load.
    Load = 3,
    /// Nothing was judged: no case was selected, or every case was skipped.
    NothingJudged = 4,
    /// The harness could not tell.
    Inconclusive = 5,
    /// The proxy could not be installed, started or reached, or died and stayed dead.
    ProxyDown = 6,
    /// Interrupted from the keyboard or by a signal.
    Interrupted = 130,
}

impl Exit {
    /// Every code, the one that counts first in front.
    pub const BY_PRECEDENCE: [Self; 8] = [
        Self::Usage,
        Self::Load,
        Self::Interrupted,
        Self::ProxyDown,
        Self::Failed,
        Self::Inconclusive,
        Self::NothingJudged,
        Self::AsExpected,
    ];

    /// The number given to the system.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The code that has this number.
    pub fn of_code(code: u8) -> Option<Self> {
        Self::BY_PRECEDENCE.into_iter().find(|exit| exit.code() == code)
    }

    /// Of two codes the one that counts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |exit| Self::BY_PRECEDENCE.iter().position(|each| *each == exit);
        if rank(self) <= rank(other) { self } else { other }
    }

    /// One sentence for the help.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AsExpected => "all as expected",
            Self::Failed => "an unexpected failure, a changed snapshot, or a stale baseline entry",
            Self::Usage => "the command line makes no sense",
            Self::Load => "a file does not load",
            Self::NothingJudged => "nothing was judged",
            Self::Inconclusive => "inconclusive: the harness could not tell",
            Self::ProxyDown => "the proxy could not be installed, started or reached, or died",
            Self::Interrupted => "interrupted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weightier_code_counts() {
        let check = |a: Exit, b: Exit, expect: Exit| {
            assert_eq!(a.and(b), expect);
            assert_eq!(b.and(a), expect);
        };
        check(Exit::AsExpected, Exit::Failed, Exit::Failed);
        check(Exit::Failed, Exit::Inconclusive, Exit::Failed);
        check(Exit::Inconclusive, Exit::NothingJudged, Exit::Inconclusive);
        check(Exit::NothingJudged, Exit::AsExpected, Exit::NothingJudged);
        check(Exit::Failed, Exit::ProxyDown, Exit::ProxyDown);
        check(Exit::ProxyDown, Exit::Interrupted, Exit::Interrupted);
        check(Exit::Interrupted, Exit::Load, Exit::Load);
        check(Exit::Load, Exit::Usage, Exit::Usage);
    }
}
