//! Paths with a name in them.

/// A name as it stands in a path: what would end it there is escaped.
pub(super) fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@:!$&'()*+,;={}".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15]
                    .map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase()),
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_path() {
        let check = |name: &str, expect: &str| assert_eq!(encode(name), expect);
        check("gemini-2.5-flash", "gemini-2.5-flash");
        check("a/b?c#d e%", "a%2Fb%3Fc%23d%20e%25");
        check("é", "%C3%A9");
    }
}
