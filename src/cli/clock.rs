//! The time of day, for names of folders, and the date.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now in UTC, as `2026-11-23T11-40-12`: sorts by time and is a name on every file system.
pub(super) fn stamp() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    at(seconds)
}

/// Today in UTC, as `2026-11-23`.
pub(super) fn date() -> String {
    let mut date = stamp();
    date.truncate(10);
    date
}

fn at(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days to a date, by Howard Hinnant's `civil_from_days`, for dates from 1970 on.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}-{:02}-{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(at(0), "1970-01-01T00-00-00");
        assert_eq!(at(951_782_400), "2000-02-29T00-00-00");
        assert_eq!(at(1_795_434_012), "2026-11-23T11-40-12");
    }
}
