//! Where credentials are taken out of an exchange before anything is written.

use crate::cassette::Exchange;

/// Headers that carry credentials or sessions.
const SECRET: [&str; 12] = [
    "api-key",
    "authorization",
    "cookie",
    "openai-organization",
    "openai-project",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-goog-api-key",
    "x-subscription-token",
    "anthropic-organization-id",
];

/// Takes credentials out, and says in words what was taken.
pub(super) fn redact(exchange: &mut Exchange) -> Vec<String> {
    let mut words = Vec::new();
    for headers in [&mut exchange.request.headers, &mut exchange.response.headers, &mut exchange.response.trailers] {
        headers.0.retain(|(name, _)| {
            let secret = SECRET.iter().find(|secret| name.eq_ignore_ascii_case(secret));
            words.extend(secret.map(|secret| format!("the header {secret}")));
            secret.is_none()
        });
    }
    if let Some((path, query)) = exchange.request.target.split_once('?') {
        let is_key =
            |pair: &&str| pair.split('=').next().is_some_and(|name| ["key", "api_key", "api-key"].contains(&name));
        if query.split('&').any(|pair| is_key(&pair)) {
            let kept: Vec<&str> = query.split('&').filter(|pair| !is_key(pair)).collect();
            let kept = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
            exchange.request.target = format!("{path}{kept}");
            words.push("the key in the query".to_owned());
        }
    }
    words
}
