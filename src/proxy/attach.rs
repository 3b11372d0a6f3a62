//! A proxy that somebody else runs: asked by URL, configured by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::render::client_headers;
use super::{Ask, Bundle, ProxyError, Running};
use crate::api::{Api, ApiId};
use crate::history::ProxyFacts;
use crate::wire::Headers;

/// The route under which the fallback of an attached proxy is asked alone.
pub const CONTROL: &str = "control";

/// How an attached proxy is asked.
#[derive(Clone, Debug, Default)]
pub struct Attach {
    /// `http://HOST:PORT`, with the path under which the APIs' own paths are served.
    pub url: String,
    /// The profile that lends its endpoints, policy and `quiet`.
    pub lent: Option<Arc<Bundle>>,
    /// The model that the client names; left out: that of the case's first leg.
    pub model: Option<String>,
    /// The model under which the fallback alone is asked; left out: there are no controls.
    pub control_model: Option<String>,
    /// The key that the client presents.
    pub client_key: Option<String>,
    /// Further headers.
    pub headers: Headers,
}

#[derive(Debug)]
pub(super) struct Attached {
    pub(super) url: String,
    attach: Attach,
    /// Path of the URL without a slash at its end.
    base: String,
}

impl Attach {
    /// Finds the proxy and makes sure that somebody listens there.
    pub async fn open(self) -> Result<Running, ProxyError> {
        let (authority, base) = split(&self.url)?;
        let failed = |why: String| ProxyError::Unreachable { url: self.url.clone(), why };
        let found = tokio::net::lookup_host(authority.as_str()).await;
        let addresses: Vec<SocketAddr> =
            found.map_err(|error| failed(format!("its name has no address: {error}")))?.collect();
        let mut last = String::from("its name has no address");
        for addr in addresses {
            let connect = tokio::net::TcpStream::connect(addr);
            match tokio::time::timeout(Duration::from_secs(5), connect).await {
                Ok(Ok(_)) => {
                    let facts = self.facts();
                    let attached = Attached { url: self.url.clone(), attach: self, base };
                    return Ok(Running::attached(attached, addr, facts));
                }
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => last = String::from("no answer after 5 s"),
            }
        }
        Err(failed(last))
    }

    fn facts(&self) -> ProxyFacts {
        let mut facts = ProxyFacts {
            name: "attached".to_owned(),
            key_per_leg: true,
            model_per_leg: true,
            attached: true,
            ..ProxyFacts::default()
        };
        if let Some(profile) = self.lent.as_ref().map(|bundle| &bundle.profile) {
            facts.policy = profile.policy.clone();
            facts.policy.quiet = facts.policy.quiet.or(profile.quiet);
            facts.name.clone_from(&profile.profile);
            facts.front_ours = profile.front_ours;
            facts.key_per_leg = profile.key_per_leg;
            facts.model_per_leg = profile.model_per_leg;
        }
        facts
    }
}

impl Attached {
    pub(super) fn ask(&self, addr: SocketAddr, route: &str, api: ApiId) -> Result<Ask, String> {
        let model = if route == CONTROL {
            let model = self.attach.control_model.clone();
            Some(model.ok_or("no control: `--control-model` was not given")?)
        } else {
            self.attach.model.clone()
        };
        let lent = match &self.attach.lent {
            Some(bundle) => match bundle.profile.endpoints.get(&api) {
                Some(endpoint) => Some(endpoint),
                None => return Err(format!("{} has no endpoint for {api}", bundle.profile.profile)),
            },
            None => None,
        };
        let own = api.spoken().map(Api::path).ok_or_else(|| format!("{api} is not spoken yet"))?;
        // What depends on a route of ours means nothing here.
        let fixed = |text: &&str| !text.contains("{{") && !text.contains("{%");
        let path = lent.map(|endpoint| endpoint.path.as_str()).filter(fixed).unwrap_or(own);
        // A URL that ends in the version with which paths begin.
        let version = path.split_inclusive('/').take(2).collect::<String>();
        let base = self.base.strip_suffix(version.trim_end_matches('/')).unwrap_or(&self.base);
        let path = format!("{base}{path}");
        let session = lent.and_then(|endpoint| endpoint.session.clone());
        let mut headers = client_headers(api, self.attach.client_key.as_deref());
        let lent = lent.into_iter().flat_map(|endpoint| &endpoint.headers);
        let lent = lent.map(|(name, value)| (name.as_str(), value.as_str())).filter(|(_, value)| fixed(value));
        for (name, value) in lent.chain(self.attach.headers.iter()) {
            headers.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push(name, value);
        }
        Ok(Ask { addr, path, headers, model, session })
    }
}

impl Attached {
    /// The key that the client presents, and its further headers that are named like one.
    pub(super) fn secrets(&self) -> Vec<String> {
        let named = |name: &str| ["auth", "cookie", "key", "secret", "token"].iter().any(|word| name.contains(word));
        let headers = self.attach.headers.iter().filter(|(name, _)| named(&name.to_ascii_lowercase()));
        // The scheme in front of it (`Bearer`) is no secret.
        let values = headers.filter_map(|(_, value)| value.split_whitespace().next_back().map(str::to_owned));
        self.attach.client_key.iter().cloned().chain(values).collect()
    }
}

/// `host:port` and the path of a URL.
fn split(url: &str) -> Result<(String, String), ProxyError> {
    let bad = |why: &str| ProxyError::Usage(format!("`{url}` is no address of a proxy: {why}"));
    let rest = match url.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => return Err(bad("only http is spoken; put the proxy on a local port")),
        _ => return Err(bad("write http://HOST:PORT")),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() || authority.contains('@') || path.contains(['?', '#']) {
        return Err(bad("write http://HOST:PORT or http://HOST:PORT/PATH"));
    }
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let authority = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    Ok((authority, path.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let check = |url: &str, expect: Option<(&str, &str)>| {
            let found = split(url).ok();
            assert_eq!(found.as_ref().map(|(a, p)| (a.as_str(), p.as_str())), expect, "{url}");
        };
        check("http://127.0.0.1:4000", Some(("127.0.0.1:4000", "")));
        check("http://127.0.0.1:4000/v1/", Some(("127.0.0.1:4000", "/v1")));
        check("http://gateway.test", Some(("gateway.test:80", "")));
        check("http://[::1]:4000/x", Some(("[::1]:4000", "/x")));
        check("https://gateway.test", None);
        check("127.0.0.1:4000", None);
        check("http://me@host:1", None);
        check("http://", None);
    }

    fn attached(attach: Attach) -> Attached {
        let (_, base) = split(&attach.url).unwrap();
        Attached { url: attach.url.clone(), attach, base }
    }

    #[test]
    fn a_path_ending_in_v1_is_not_doubled() {
        let check = |url: &str, expect: &str| {
            let attached = attached(Attach { url: url.to_owned(), ..Attach::default() });
            let ask = attached.ask(([127, 0, 0, 1], 1).into(), "main", ApiId::OpenaiChat).unwrap();
            assert_eq!(ask.path, expect);
        };
        check("http://127.0.0.1:1", "/v1/chat/completions");
        check("http://127.0.0.1:1/v1", "/v1/chat/completions");
        check("http://127.0.0.1:1/team/v1", "/team/v1/chat/completions");
        check("http://127.0.0.1:1/team", "/team/v1/chat/completions");
    }

    #[test]
    fn the_control_needs_a_model_of_its_own() {
        let attach = Attach { url: "http://127.0.0.1:1".to_owned(), model: Some("m".to_owned()), ..Attach::default() };
        let addr = ([127, 0, 0, 1], 1).into();
        assert!(attached(attach.clone()).ask(addr, CONTROL, ApiId::OpenaiChat).is_err());
        let with = Attach { control_model: Some("fb".to_owned()), ..attach };
        assert_eq!(attached(with).ask(addr, CONTROL, ApiId::OpenaiChat).unwrap().model.as_deref(), Some("fb"));
    }
}
