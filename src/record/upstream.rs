//! The one upstream that is recorded, and which requests go there. No I/O.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use hyper::Uri;

use crate::http1::RequestHead;

/// The base URL of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// By TLS.
    pub(super) secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// `host` or `host:port`, as the `Host` header says it.
    pub(super) authority: String,
    /// Path of the base URL, without a slash at its end.
    pub(super) base: String,
}

impl FromStr for Upstream {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{why}; a base URL looks like `https://api.anthropic.com`");
        let uri: Uri = text.parse().map_err(|_| wrong(&format!("`{text}` is no URL")))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("the scheme is `https` or `http`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("there is no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a URL with a user name: keys are the client's"));
        }
        if uri.query().is_some() {
            return Err(wrong("a URL with a query"));
        }
        Ok(Self {
            secure,
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            authority: authority.as_str().to_owned(),
            base: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.secure { "https" } else { "http" }, self.authority, self.base)
    }
}

/// Why a request goes nowhere: our own answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) why: String,
}

impl Refusal {
    pub(super) fn new(status: u16, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }

    /// The whole answer. The connection ends behind it: what was refused may not have been read.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let body = serde_json::json!({"error": {"type": "crossfade_record", "message": self.why}}).to_string();
        let reason = hyper::StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason());
        let head = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or_default());
        let fields =
            format!("content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
        format!("{head}{fields}\r\n{body}").into_bytes()
    }
}

impl Upstream {
    /// The request as this upstream gets it: below the base path, and for its host. `own` is where we listen.
    pub(super) fn direct(&self, mut head: RequestHead, own: SocketAddr) -> Result<RequestHead, Refusal> {
        let only = || format!("this recorder forwards to {self} alone");
        if head.method == "CONNECT" {
            return Err(Refusal::new(405, format!("{}; make it the base URL of the client, not its proxy", only())));
        }
        let path = match head.target.as_str() {
            path if path.starts_with('/') => path.to_owned(),
            "*" => return Err(Refusal::new(400, format!("{}, and `*` is no path there", only()))),
            absolute => {
                let uri: Uri = absolute.parse().map_err(|_| Refusal::new(400, "the target is no URL"))?;
                let place = uri.authority().map(hyper::http::uri::Authority::as_str).unwrap_or_default();
                let ours = [own.to_string(), format!("localhost:{}", own.port())];
                let theirs = place == self.authority && (uri.scheme_str() == Some("https")) == self.secure;
                if !theirs && !ours.iter().any(|ours| ours == place) {
                    return Err(Refusal::new(403, format!("{}, not to {place}", only())));
                }
                uri.path_and_query().map_or("/", |path| path.as_str()).to_owned()
            }
        };
        head.target = format!("{}{path}", self.base);
        let mut named = false;
        for (_, value) in head.headers.0.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("host")) {
            self.authority.clone_into(value);
            named = true;
        }
        if !named && head.minor == 1 {
            head.headers.0.insert(0, ("Host".to_owned(), self.authority.clone()));
        }
        Ok(head)
    }
}

/// The path of a target, without its query.
pub(super) fn path(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 4000))
    }

    #[test]
    fn base_urls_are_read() {
        let check = |text: &str, expect: Result<(bool, &str, u16, &str), &str>| {
            let got = text.parse::<Upstream>();
            let shown = got.as_ref().map(|up| (up.secure, up.host.as_str(), up.port, up.base.as_str()));
            assert_eq!(shown.map_err(|why| why.split(';').next().unwrap()), expect, "{text}");
        };
        check("https://api.anthropic.com", Ok((true, "api.anthropic.com", 443, "")));
        check("https://openrouter.ai/api/", Ok((true, "openrouter.ai", 443, "/api")));
        check("http://[::1]:8080/v1", Ok((false, "::1", 8080, "/v1")));
        check("api.anthropic.com", Err("the scheme is `https` or `http`"));
        check("ftp://x", Err("the scheme is `https` or `http`"));
        check("https://me:key@x", Err("a URL with a user name: keys are the client's"));
        check("https://x?key=1", Err("a URL with a query"));
        check("not a url", Err("`not a url` is no URL"));
    }

    #[test]
    fn requests_go_to_the_upstream_and_nowhere_else() {
        let upstream: Upstream = "https://there/api".parse().unwrap();
        let check = |method: &str, target: &str, expect: Result<&str, u16>| {
            let headers = [("HOST", "127.0.0.1:4000"), ("X", "y")].into_iter().collect();
            let head = RequestHead { method: method.to_owned(), target: target.to_owned(), minor: 1, headers };
            let got = upstream.direct(head, own());
            if let Ok(head) = &got {
                assert_eq!(head.headers.iter().collect::<Vec<_>>(), [("HOST", "there"), ("X", "y")], "{target}");
            }
            assert_eq!(got.as_ref().map(|head| head.target.as_str()).map_err(|no| no.status), expect, "{target}");
        };
        check("POST", "/v1/messages?a=b", Ok("/api/v1/messages?a=b"));
        check("POST", "//elsewhere/x", Ok("/api//elsewhere/x"));
        check("POST", "http://127.0.0.1:4000/v1/messages", Ok("/api/v1/messages"));
        check("POST", "http://localhost:4000", Ok("/api/"));
        check("POST", "https://there/v1/messages", Ok("/api/v1/messages"));
        check("POST", "http://there/v1/messages", Err(403));
        check("POST", "http://elsewhere/v1/messages", Err(403));
        check("POST", "http://127.0.0.1:4001/v1/messages", Err(403));
        check("CONNECT", "there:443", Err(405));
        check("OPTIONS", "*", Err(400));
        check("POST", "v1/messages", Err(400));
    }
}
