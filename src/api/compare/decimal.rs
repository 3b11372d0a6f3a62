//! Numbers as exact decimals: `1.0`, `1` and `10e-1` are one, `0.2` and `0.20000000298` are two.

use serde_json::Number;

/// Digits up to which a number is written without an exponent.
const PLAIN: i64 = 40;

/// The one way in which a number of this value is written.
pub(super) fn canonical(number: &Number) -> Number {
    let text = number.to_string();
    let canonical = Decimal::parse(&text).map(|decimal| decimal.to_string());
    canonical
        .filter(|canonical| *canonical != text)
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| number.clone())
}

/// `0.digits * 10^point`, without zeros at either end of the digits.
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let leading = signed(all.len() - digits.len());
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() {
            return Some(Self { negative: false, digits: "0".to_owned(), point: 1 });
        }
        let point = exponent.checked_add(signed(whole.len()) - leading)?;
        Some(Self { negative, digits: digits.to_owned(), point })
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { negative, digits, point } = self;
        let sign = if *negative { "-" } else { "" };
        let length = signed(digits.len());
        if !(-PLAIN..=PLAIN).contains(point) {
            return write!(f, "{sign}{digits}e{}", point.saturating_sub(length));
        }
        if *point <= 0 {
            return write!(f, "{sign}0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap_or_default()));
        }
        if *point >= length {
            return write!(f, "{sign}{digits}{}", "0".repeat(usize::try_from(point - length).unwrap_or_default()));
        }
        let (whole, fraction) = digits.split_at(usize::try_from(*point).unwrap_or_default());
        write!(f, "{sign}{whole}.{fraction}")
    }
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expect: &str) {
        for text in texts {
            let number: Number = serde_json::from_str(text).expect("a number");
            assert_eq!(canonical(&number).to_string(), expect, "{text}");
        }
    }

    #[test]
    fn numbers_of_one_value_are_written_in_one_way() {
        check(&["0", "0.0", "-0", "0e7", "-0.0e-3"], "0");
        check(&["1", "1.0", "10e-1", "0.1E1", "1e+0", "100.00e-2"], "1");
        check(&["0.2", "0.20", "2e-1", "0.02e1"], "0.2");
        check(&["0.20000000298"], "0.20000000298");
        check(&["-12.5", "-1.25e1"], "-12.5");
        check(&["9007199254740993", "9007199254740993.0"], "9007199254740993");
        check(&["0.1000000000000000055511151231257827"], "0.1000000000000000055511151231257827");
        check(&["1e400", "10e399"], "1e+400");
        check(&["1e-400"], "1e-400");
        check(&["2.5e3"], "2500");
    }
}
