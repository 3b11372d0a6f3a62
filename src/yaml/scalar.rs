//! Plain scalars: the core schema of YAML 1.2, without what other readers take for something else.

use serde_json::Number;

use super::Content;

/// What a plain scalar says. Digits with a leading zero stay text: YAML 1.1 reads them as octal.
pub(super) fn resolve(text: &str) -> Result<Content, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Content::Null,
        "true" | "True" | "TRUE" => Content::Bool(true),
        "false" | "False" | "FALSE" => Content::Bool(false),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" => {
            return Err(format!("`{text}` is not a number that can be used here"));
        }
        _ => match number(text)? {
            Some(number) => Content::Number(number),
            None => Content::Text(text.to_owned()),
        },
    })
}

fn number(text: &str) -> Result<Option<Number>, String> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Ok(None);
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Ok(None);
        }
        let text = text.strip_prefix('+').unwrap_or(text);
        return match (text.parse::<u64>(), text.parse::<i64>()) {
            (Ok(number), _) => Ok(Some(number.into())),
            (_, Ok(number)) => Ok(Some(number.into())),
            _ => Err(format!("the number {} is too large", crate::diagnostic::quoted(text))),
        };
    }
    let (radix, rest) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        _ => (10, ""),
    };
    if radix != 10 && digits.len() == text.len() && !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)) {
        return match u64::from_str_radix(rest, radix) {
            Ok(number) => Ok(Some(number.into())),
            Err(_) => Err(format!("the number {} is too large", crate::diagnostic::quoted(text))),
        };
    }
    if !is_float(digits) {
        return Ok(None);
    }
    let float: f64 = text.parse().map_err(|_| format!("`{text}` is no number"))?;
    match Number::from_f64(float) {
        Some(number) => Ok(Some(number)),
        None => Err(format!("the number {} is too large", crate::diagnostic::quoted(text))),
    }
}

/// `digits [. digits] [e [sign] digits]` or `. digits [e ...]`.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// Whether this text, unquoted, is text to every reader: YAML 1.2, and 1.1 as Python and Ruby read it.
pub(super) fn is_plain_text(text: &str) -> bool {
    let safe_inside = |c: char| c.is_ascii_alphanumeric() || " _-./@+,()=".contains(c);
    let Some(first) = text.chars().next() else { return false };
    let lower = text.to_ascii_lowercase();
    (first.is_ascii_alphabetic() || first == '/')
        && text.len() <= 200
        && text.chars().all(safe_inside)
        && !text.ends_with(' ')
        && !matches!(lower.as_str(), "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let got = match resolve(text) {
            Ok(content) => format!("{content:?}"),
            Err(error) => format!("error: {error}"),
        };
        assert_eq!(got, expect, "{text}");
    }

    #[test]
    fn resolves_the_core_schema() {
        check("~", "Null");
        check("true", "Bool(true)");
        check("no", r#"Text("no")"#);
        check("on", r#"Text("on")"#);
        check("0", "Number(Number(0))");
        check("-7", "Number(Number(-7))");
        check("+7", "Number(Number(7))");
        check("017", r#"Text("017")"#);
        check("0x1f", "Number(Number(31))");
        check("0o17", "Number(Number(15))");
        check("1_000", r#"Text("1_000")"#);
        check("12:30", r#"Text("12:30")"#);
        check("1.20", "Number(Number(1.2))");
        check(".5", "Number(Number(0.5))");
        check("1e3", "Number(Number(1000.0))");
        check(".", r#"Text(".")"#);
        check("1e", r#"Text("1e")"#);
        check("2026-11-23", r#"Text("2026-11-23")"#);
        check("0..1", r#"Text("0..1")"#);
        check("1e999", "error: the number `1e999` is too large");
        check("99999999999999999999", "error: the number `99999999999999999999` is too large");
        check(".nan", "error: `.nan` is not a number that can be used here");
    }
}
