//! Typed netstrings, in which mitmproxy writes flows: a length, a colon, so many bytes, and a letter for their type.

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Bytes(Vec<u8>),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// Where a value is not one, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) at: usize,
    pub(super) why: &'static str,
}

/// Values inside each other, at most.
const DEPTH: usize = 32;
/// Digits of a length, at most.
const DIGITS: usize = 12;

impl Value {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Bytes, or text as its bytes.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Text(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    /// Text, or bytes as text.
    pub(super) fn text(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// A whole number.
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }
}

/// Reads the value at `at`, and gives where it ends.
pub(super) fn read(bytes: &[u8], at: usize) -> Result<(Value, usize), Damage> {
    value(bytes, at, bytes.len(), DEPTH)
}

fn value(bytes: &[u8], at: usize, end: usize, depth: usize) -> Result<(Value, usize), Damage> {
    let damage = |at: usize, why| Err(Damage { at, why });
    let digits = bytes[at..end].iter().take(DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let length = std::str::from_utf8(&bytes[at..at + digits]).ok().and_then(|digits| digits.parse::<usize>().ok());
    let (Some(length), Some(b':')) = (length.filter(|_| digits <= DIGITS), bytes[..end].get(at + digits)) else {
        return damage(at, "here stands no length");
    };
    let start = at + digits + 1;
    let stop = start + length;
    let Some(kind) = bytes[..end].get(stop) else {
        return damage(at, "the file ends before this value does");
    };
    let payload = &bytes[start..stop];
    let text = || std::str::from_utf8(payload).ok();
    let read = match kind {
        b',' => Some(Value::Bytes(payload.to_vec())),
        b';' => text().map(|text| Value::Text(text.to_owned())),
        b'#' => text().and_then(|text| text.parse().ok()).map(Value::Int),
        b'^' => text().and_then(|text| text.parse().ok()).map(Value::Float),
        b'!' => match payload {
            b"true" => Some(Value::Bool(true)),
            b"false" => Some(Value::Bool(false)),
            _ => None,
        },
        b'~' => payload.is_empty().then_some(Value::Null),
        b']' | b'}' => {
            if depth == 0 {
                return damage(at, "too many values inside each other");
            }
            let mut items = Vec::new();
            let mut next = start;
            while next < stop {
                let (item, after) = value(bytes, next, stop, depth - 1)?;
                items.push(item);
                next = after;
            }
            if *kind == b']' { Some(Value::List(items)) } else { map(items) }
        }
        _ => return damage(stop, "this is no type of a value"),
    };
    match read {
        Some(read) => Ok((read, stop + 1)),
        None => damage(at, "this value is not of its type"),
    }
}

fn map(items: Vec<Value>) -> Option<Value> {
    let mut entries = Vec::with_capacity(items.len() / 2);
    let mut items = items.into_iter();
    while let Some(key) = items.next() {
        entries.push((key.text()?, items.next()?));
    }
    Some(Value::Map(entries))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_read() {
        let check =
            |text: &str, expect: Value| assert_eq!(read(text.as_bytes(), 0), Ok((expect, text.len())), "{text}");
        check("0:~", Value::Null);
        check("4:true!", Value::Bool(true));
        check("3:-12#", Value::Int(-12));
        check("4:12.5^", Value::Float(12.5));
        check("2:a:,", Value::Bytes(b"a:".to_vec()));
        check("2:\u{e9};", Value::Text("\u{e9}".to_owned()));
        check("8:1:1#1:a,]", Value::List(vec![Value::Int(1), Value::Bytes(b"a".to_vec())]));
        check("8:1:k;1:1#}", Value::Map(vec![("k".to_owned(), Value::Int(1))]));
        check("0:}", Value::Map(vec![]));
    }

    #[test]
    fn damage_says_where() {
        let check = |text: &str, at: usize, why: &'static str| {
            assert_eq!(read(text.as_bytes(), 0), Err(Damage { at, why }), "{text}");
        };
        check("", 0, "here stands no length");
        check("x", 0, "here stands no length");
        check("9999999999999:a,", 0, "here stands no length");
        check("5:a,", 0, "the file ends before this value does");
        check("1:a?", 3, "this is no type of a value");
        check("1:a#", 0, "this value is not of its type");
        check("4:true~", 0, "this value is not of its type");
        check("4:1:k;}", 0, "this value is not of its type");
        check("5:9:k;,}", 2, "the file ends before this value does");
        let deep = (0..40).fold(String::new(), |inner, _| format!("{}:{inner}]", inner.len()));
        assert_eq!(read(deep.as_bytes(), 0).unwrap_err().why, "too many values inside each other");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "[0-9]{0,3}:[0-9a:,;#!~\\]}^]{0,24}") {
            let _ = read(text.as_bytes(), 0);
        }
    }
}
