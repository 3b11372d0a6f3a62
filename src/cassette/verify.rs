//! Whether a cassette is fit to be relied on.

use super::look::looks;
use super::{Cassette, RecordedEnd};
use crate::api::Level;

/// What is wrong with a cassette, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Whether it must be seen to.
    pub wrong: bool,
    /// What.
    pub text: String,
}

/// What the streams of a cassette that ended properly say against the grammar of their API: wrong where an official SDK
/// raises, hangs or loses data. What is cut short breaks no grammar.
pub fn grammar(cassette: &Cassette) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (index, (exchange, look)) in looks(cassette).enumerate() {
        let complete = exchange.response.end == RecordedEnd::Complete;
        for finding in &look.findings {
            remarks.push(Remark {
                wrong: complete && finding.level == Level::Must,
                text: format!("exchange {}: grammar {}: {}", index + 1, finding.rule, finding.message),
            });
        }
        if let Some(why) = &look.unread {
            remarks.push(Remark { wrong: true, text: format!("exchange {}: not read: {why}", index + 1) });
        }
    }
    remarks
}

/// Days from one date to another, both `YYYY-MM-DD`; `None` where one is no date.
pub fn days_between(from: &str, to: &str) -> Option<i64> {
    Some(days(to)? - days(from)?)
}

/// Days since 1970-01-01, by Howard Hinnant's `days_from_civil`.
fn days(date: &str) -> Option<i64> {
    let mut fields = date.splitn(3, '-').map(|field| field.parse::<i64>().ok());
    let (year, month, day) = (fields.next()??, fields.next()??, fields.next()??);
    if date.len() != 10 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        let check = |from: &str, to: &str, expect: Option<i64>| assert_eq!(days_between(from, to), expect);
        check("1970-01-01", "1970-01-01", Some(0));
        check("2024-02-28", "2024-03-01", Some(2));
        check("2025-12-31", "2026-01-01", Some(1));
        check("2026-05-30", "2026-11-26", Some(180));
        check("2026-11-26", "2026-05-30", Some(-180));
        check("2026-13-01", "2026-11-26", None);
        check("yesterday", "2026-11-26", None);
    }
}
