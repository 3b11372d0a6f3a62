//! `fallback.credentials`: whose keys a leg is sent.

use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::NONE;
use crate::check::Evidence;
use crate::check::found::Found;
use crate::check::view::StepView;
use crate::history::UpstreamExchange;
use crate::proxy::Credentials;

/// A key that a leg must not see, and whose it is.
struct Forbidden {
    whose: String,
    key: String,
}

/// Shortest value that is looked for: anything shorter is no secret.
const LEAST: usize = 8;

/// `fallback.credentials`.
pub(in crate::check) const CREDENTIALS: Check = Check {
    judge: Judge::Step(credentials),
    info: CheckInfo {
        id: "fallback.credentials",
        level: Level::Must,
        requirement: "No leg is sent a key of another leg, of another route, or a decoy, in any decoded form.",
        rationale: "A key that reaches another provider is disclosed to it, and the request fails besides.",
        passes: "Each leg is sent its own key only.",
        fails: "The primary's key in any header, the query or the body of the fallback's request, plain, URL-encoded \
                or in base64.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/14371",
            "https://github.com/BerriAI/litellm/issues/16667",
        ],
    },
};

fn credentials(step: &StepView<'_>) -> Found {
    let exchanges = step.step.upstream.iter().enumerate();
    let leaks: Vec<(String, Evidence)> = exchanges
        .flat_map(|(index, exchange)| {
            let forbidden = forbidden(step, exchange);
            let leaks = forbidden.into_iter().filter_map(move |forbidden| {
                let place = place(exchange, &forbidden.key)?;
                let evidence = Evidence {
                    exchange: step.upstream(index),
                    path: Some(place.clone()),
                    expected: Some(format!("<key:{}>", exchange.leg)),
                    got: Some(format!("<{}>", forbidden.whose)),
                };
                Some((format!("`{}` was sent the {} in {place}", exchange.leg, forbidden.whose), evidence))
            });
            leaks.collect::<Vec<_>>()
        })
        .collect();
    if let Some((reason, _)) = leaks.first() {
        return Found::fail(reason.clone()).with_all(leaks.iter().map(|(_, evidence)| evidence.clone()));
    }
    if step.history.proxy.attached {
        return Found::skip("attached");
    }
    if step.fallback_calls().next().is_none() {
        return Found::not_exercised(NONE);
    }
    Found::pass()
}

fn forbidden(step: &StepView<'_>, exchange: &UpstreamExchange) -> Vec<Forbidden> {
    let proxy = &step.history.proxy;
    let own = step.facts(&exchange.leg).map(|facts| [facts.key.as_str(), facts.spare_key.as_str()]).unwrap_or_default();
    let mut out = Vec::new();
    // Where keys pass through, or a slot has one key, the legs of a route are not told apart by them.
    let own_keys = proxy.key_per_leg && proxy.policy.credentials != Some(Credentials::Passthrough);
    if own_keys {
        let others = proxy.legs.iter().filter(|facts| facts.name != exchange.leg);
        let keys = others.flat_map(|facts| [&facts.key, &facts.spare_key].map(|key| (&facts.name, key)));
        out.extend(keys.map(|(name, key)| Forbidden { whose: format!("key:{name}"), key: key.clone() }));
    }
    out.extend(
        proxy.other_keys.iter().map(|(route, key)| Forbidden { whose: format!("key:{route}"), key: key.clone() }),
    );
    let passes = proxy.policy.credentials == Some(Credentials::Passthrough);
    let decoys = proxy.decoys.iter().filter(|(what, _)| what.as_str() != "decoy route");
    out.extend(
        decoys
            .filter(|(what, _)| !(passes && what.as_str() == "admin key"))
            .map(|(what, value)| Forbidden { whose: what.clone(), key: value.clone() }),
    );
    out.retain(|forbidden| forbidden.key.len() >= LEAST && !own.contains(&forbidden.key.as_str()));
    out
}

/// Where a request carries a key, in any decoded form.
fn place(exchange: &UpstreamExchange, key: &str) -> Option<String> {
    let request = &exchange.request;
    if let Some((name, _)) = request.headers.iter().find(|(_, value)| carries(value, key)) {
        return Some(format!("header {}", name.to_ascii_lowercase()));
    }
    if carries(&request.target, key) {
        return Some("the request line".to_owned());
    }
    carries(&request.body.to_text(), key).then(|| "the body".to_owned())
}

/// Whether a text holds a key: as it is, URL-encoded, escaped as JSON, or anywhere inside base64 of either alphabet.
pub(in crate::check) fn carries(text: &str, key: &str) -> bool {
    if key.len() < LEAST {
        return false;
    }
    let plain = |text: &str| text.contains(key) || in_base64(text, key);
    if plain(text) {
        return true;
    }
    let decoded = percent_decoded(text);
    if decoded != text && plain(&decoded) {
        return true;
    }
    text.contains('\\') && unescaped(text).contains(key)
}

/// The key inside a base64 text stands at one of three alignments; what depends on its neighbours is left out.
fn in_base64(text: &str, key: &str) -> bool {
    let text = text.replace('-', "+").replace('_', "/");
    (0..3).any(|shift| {
        let mut bytes = vec![0_u8; shift];
        bytes.extend_from_slice(key.as_bytes());
        let encoded = STANDARD.encode(&bytes);
        let from = (shift * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        encoded.get(from..to).is_some_and(|core| core.len() >= LEAST && text.contains(core))
    })
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let (byte, length) = match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) => (byte, 3),
            None => (bytes[at], 1),
        };
        out.push(byte);
        at += length;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A text without the escapes of JSON.
fn unescaped(text: &str) -> String {
    let quoted = format!("\"{}\"", text.replace('"', "\\\"").replace("\\\\\"", "\\\""));
    serde_json::from_str(&quoted).unwrap_or_else(|_| text.replace('\\', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_any_form() {
        let key = "sk-primary-7Qz/x+9f?a";
        let check = |text: &str, expect: bool| assert_eq!(carries(text, key), expect, "{text}");
        check("Bearer sk-primary-7Qz/x+9f?a", true);
        check("?key=sk-primary-7Qz%2Fx%2B9f%3Fa&b=1", true);
        check("{\"key\":\"sk-primary-7Qz\\/x+9f?a\"}", true);
        check("sk-primary-7Qz", false);
        check("", false);
        for prefix in ["", "u", "us", "user:"] {
            let text = format!("{prefix}{key}:tail");
            check(&format!("Basic {}", STANDARD.encode(&text)), true);
            check(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text), true);
        }
    }
}
