//! How requests look that come for a leg of a proxy under test: below a prefix, with a key that was made up. No I/O.

use std::fmt;

use super::upstream::{Refusal, Upstream, path};
use crate::http1::RequestHead;

/// What stands between the requests of a proxy and those that its provider would get.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Front {
    /// Put before every path; empty, or with a slash in front and none at its end.
    pub prefix: String,
    /// Keys that the proxy was given, made up for the run.
    pub made_up: Vec<String>,
    /// The provider's key: it takes their place on the way out, and is written nowhere.
    pub key: Option<String>,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Front {
    /// The request without the prefix. Where base URL and path both say the version, it is said once: a proxy puts
    /// `/v1` behind the base URL of a leg, and people put it into that of a provider.
    pub(super) fn strip(&self, mut head: RequestHead, upstream: &Upstream) -> Result<RequestHead, Refusal> {
        if self.prefix.is_empty() {
            return Ok(head);
        }
        let asked = head.target.strip_prefix(&upstream.base).unwrap_or(&head.target);
        let below = asked.strip_prefix(&self.prefix).filter(|below| below.is_empty() || below.starts_with(['/', '?']));
        let Some(below) = below else {
            return Err(Refusal::new(404, format!("this leg is asked below {}, not at {}", self.prefix, path(asked))));
        };
        let version = upstream.base.rsplit('/').next().filter(|last| is_version(last)).unwrap_or_default();
        let twice = below.strip_prefix('/').and_then(|below| below.strip_prefix(version));
        let rest = twice.filter(|rest| !version.is_empty() && rest.starts_with('/')).unwrap_or(below);
        head.target = format!("{}{rest}", upstream.base);
        Ok(head)
    }

    /// The request as it goes out: with the provider's key, if there is one.
    pub(super) fn unlock(&self, mut head: RequestHead) -> RequestHead {
        let Some(key) = &self.key else { return head };
        for made_up in &self.made_up {
            for (_, value) in &mut head.headers.0 {
                if value.contains(made_up.as_str()) {
                    *value = value.replace(made_up.as_str(), key);
                }
            }
            if head.target.contains(made_up.as_str()) {
                head.target = head.target.replace(made_up.as_str(), &in_target(key));
            }
        }
        head
    }
}

/// `v1`, `v1beta`, `v4`.
fn is_version(segment: &str) -> bool {
    segment.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A text as a target spells it.
fn in_target(text: &str) -> String {
    let spelled = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(spelled).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(target: &str, headers: &[(&str, &str)]) -> RequestHead {
        let headers = headers.iter().copied().collect();
        RequestHead { method: "POST".to_owned(), target: target.to_owned(), minor: 1, headers }
    }

    #[test]
    fn the_prefix_goes_and_the_version_is_said_once() {
        let check = |base: &str, prefix: &str, target: &str, expect: Result<&str, u16>| {
            let upstream: Upstream = format!("http://there{base}").parse().unwrap();
            let front = Front { prefix: prefix.to_owned(), ..Front::default() };
            let got = front.strip(head(&format!("{base}{target}"), &[]), &upstream);
            assert_eq!(
                got.as_ref().map(|head| head.target.as_str()).map_err(|no| no.status),
                expect,
                "{base} {target}"
            );
        };
        check("", "", "/v1/messages", Ok("/v1/messages"));
        check("", "/s1/primary", "/s1/primary/v1/messages?beta=true", Ok("/v1/messages?beta=true"));
        check("/api", "/s1/primary", "/s1/primary/v1/chat/completions", Ok("/api/v1/chat/completions"));
        check("/v1", "/s1/primary", "/s1/primary/v1/chat/completions", Ok("/v1/chat/completions"));
        check("/v1", "/s1/primary", "/s1/primary/v1beta/x", Ok("/v1/v1beta/x"));
        check("/v1", "/s1/primary", "/s1/primary/chat/completions", Ok("/v1/chat/completions"));
        check("", "/s1/primary", "/s1/primary2/v1/messages", Err(404));
        check("", "/s1/primary", "/v1/messages", Err(404));
    }

    #[test]
    fn the_made_up_key_is_replaced_wherever_it_stands_in_the_head() {
        let headers = [("Authorization", "Bearer sk-made"), ("x-api-key", "sk-spare"), ("x-other", "sk-other")];
        let asked = head("/v1/x?key=sk-made&a=b", &headers);
        let mut front = Front { made_up: vec!["sk-made".to_owned(), "sk-spare".to_owned()], ..Front::default() };
        assert_eq!(front.unlock(asked.clone()), asked, "without a key of the user's it stays");
        front.key = Some("real/key".to_owned());
        let got = front.unlock(asked);
        assert_eq!(got.target, "/v1/x?key=real%2Fkey&a=b");
        let values: Vec<_> = got.headers.iter().map(|(_, value)| value).collect();
        assert_eq!(values, ["Bearer real/key", "real/key", "sk-other"]);
        assert!(!format!("{front:?}").contains("real"));
    }
}
