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

/// The name that stands in a path.
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The path of a target, and its query.
pub(super) fn split(target: &str) -> (&str, &str) {
    let target = target.split('#').next().unwrap_or_default();
    target.split_once('?').unwrap_or((target, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_no_path() {
        let check = |name: &str, expect: &str| {
            assert_eq!(encode(name), expect);
            assert_eq!(decode(expect), name);
        };
        check("gemini-2.5-flash", "gemini-2.5-flash");
        check("a/b?c#d e%", "a%2Fb%3Fc%23d%20e%25");
        check("é", "%C3%A9");
        assert_eq!(decode("a%zz%4"), "a%zz%4");
    }

    #[test]
    fn targets_are_split() {
        let check = |target: &str, expect: (&str, &str)| assert_eq!(split(target), expect);
        check("/a?b=c#d", ("/a", "b=c"));
        check("/a#d?b", ("/a", ""));
        check("", ("", ""));
    }
}
