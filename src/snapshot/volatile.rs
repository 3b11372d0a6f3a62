//! What proxies make up anew for every request: ids, times, local addresses. Known by form alone.

use std::collections::BTreeMap;

/// Generated ids, numbered by first use.
#[derive(Clone, Debug, Default)]
pub(super) struct Ids {
    seen: BTreeMap<String, usize>,
}

impl Ids {
    fn placeholder(&mut self, id: &str) -> String {
        let next = self.seen.len() + 1;
        format!("<id-{}>", self.seen.entry(id.to_owned()).or_insert(next))
    }
}

/// Prefixes under which vendors and proxies number their things.
const PREFIXES: [&str; 11] =
    ["call_", "toolu_", "chatcmpl-", "msg_", "req_", "resp_", "fc_", "rs_", "ws_", "run_", "session_"];

/// Replaces ids, times and local addresses.
pub(super) fn replace(text: &str, ids: &mut Ids) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let token = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if token == 0 {
            let next = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..next]);
            rest = &rest[next..];
            continue;
        }
        let (word, after) = rest.split_at(token);
        out.push_str(&of_word(word, ids));
        rest = after;
    }
    out
}

/// Whether this is what is written for something of here.
pub(super) fn is_placeholder(text: &str) -> bool {
    let id = text.strip_prefix("<id-").and_then(|rest| rest.strip_suffix('>'));
    matches!(text, "<time>" | "<date>" | "<address>")
        || id.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What a token is made of; a host with its port and a time of day are one token.
fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | '+')
}

fn of_word(word: &str, ids: &mut Ids) -> String {
    let core = word.trim_matches(|c| matches!(c, '.' | ':' | '-' | '_' | '+'));
    let replaced = if is_generated(core) {
        ids.placeholder(core)
    } else if is_time(core) {
        "<time>".to_owned()
    } else if is_date(core) {
        "<date>".to_owned()
    } else if is_local_address(core) {
        "<address>".to_owned()
    } else {
        return word.to_owned();
    };
    word.replacen(core, &replaced, 1)
}

fn is_generated(word: &str) -> bool {
    let random = |tail: &str| {
        tail.len() >= 8
            && tail.bytes().any(|byte| byte.is_ascii_digit())
            && tail.bytes().any(|byte| byte.is_ascii_alphabetic())
            && tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    PREFIXES.iter().any(|prefix| word.strip_prefix(prefix).is_some_and(random)) || is_uuid(word) || is_long_hex(word)
}

fn is_uuid(word: &str) -> bool {
    let groups: Vec<&str> = word.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_long_hex(word: &str) -> bool {
    word.len() >= 24
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// `2026-11-23T10:20:30`, with anything behind it.
fn is_time(word: &str) -> bool {
    word.split_once('T')
        .is_some_and(|(date, time)| is_date(date) && fits(time.get(..8).unwrap_or_default(), "00:00:00"))
}

/// `2026-11-23` alone: dates inside model names are part of the name.
fn is_date(word: &str) -> bool {
    fits(word, "0000-00-00") && (word.starts_with("19") || word.starts_with("20"))
}

/// Whether a text has the form of a pattern, in which `0` is any digit.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(a, b)| if b == b'0' { a.is_ascii_digit() } else { a == b })
}

fn is_local_address(word: &str) -> bool {
    ["127.0.0.1:", "localhost:"].iter().any(|host| {
        word.strip_prefix(host).is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let check = |text: &str, expect: &str| assert_eq!(replace(text, &mut Ids::default()), expect);
        check("call_abc123def456, call_abc123def456, call_zzz999yyy888", "<id-1>, <id-1>, <id-2>");
        check("call_weather", "call_weather");
        check("resp_1a2b3c4d5e6f has rs_0a1b2c3d4e5f and msg_9a8b7c6d5e4f", "<id-1> has <id-2> and <id-3>");
        check("f81d4fae-7dec-11d0-a765-00a0c91e6bf6.", "<id-1>.");
        check("trace 4bf92f3577b34da6a3ce929d0e0e4736", "trace <id-1>");
        check("Today is 2026-11-23.", "Today is <date>.");
        check("at 2026-11-23T10:20:30.123Z", "at <time>");
        check("gpt-4o-2024-08-06 and claude-sonnet-4-5-20250929", "gpt-4o-2024-08-06 and claude-sonnet-4-5-20250929");
        check("http://127.0.0.1:39121/x and localhost:80", "http://<address>/x and <address>");
        check("a time of 10:20:30, ünïcode — €", "a time of 10:20:30, ünïcode — €");
    }
}
