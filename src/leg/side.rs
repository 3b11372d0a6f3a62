//! Calls that ask for no generation, and paths that no vendor has.

use serde_json::json;

use super::decide::input_tokens;
use super::reply;
use crate::answer::Spoken;
use crate::api::{Api, ApiError, ApiId, EncodeContext, SideCall, Wrong};
use crate::fault::Plan;
use crate::wire::Request;

/// What a path asks for.
#[derive(Debug)]
pub(super) enum Call {
    /// A generation.
    Generate(&'static dyn Api),
    /// Something beside it, with its answer.
    Side(Plan),
    /// Nothing that this vendor has: the error.
    Wrong(ApiError),
}

/// What a request to a leg asks for. `path` is the vendor's, without the leg's prefix; `api` is the leg's, and no
/// other has paths there; `None` stands for every API.
pub(super) fn call(
    request: &Request,
    path: &str,
    api: Option<&'static dyn Api>,
    models: &[&str],
    side_calls: &[String],
) -> Call {
    let found = api.or_else(|| ApiId::of_path(path));
    if let Some(found) = found.filter(|found| found.own_path(path) == Some(path)) {
        return match request.method.as_str() {
            "POST" => Call::Generate(found),
            _ => Call::Wrong(found.refuse(Wrong::Method)),
        };
    }
    let Some(family) = api.or_else(|| ApiId::shown_by(&request.headers, path).spoken()) else {
        return Call::Side(reply::json(&json!({})));
    };
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    if let Some(answer) = family.side(&SideCall { method, path, models, tokens: input_tokens(&request.body.0) }) {
        return Call::Side(reply::json(&answer));
    }
    if side_calls.iter().any(|pattern| fits(pattern, &request.method, path)) {
        return Call::Side(reply::json(&json!({})));
    }
    Call::Wrong(family.refuse(Wrong::Path { method: &request.method, path }))
}

/// The answer to a request that is too large.
pub(super) fn too_large(api: Option<&dyn Api>) -> Call {
    match api {
        Some(api) => Call::Wrong(api.refuse(Wrong::Size)),
        None => Call::Side(reply::json(&json!({}))),
    }
}

/// The model that a path asks about.
pub(super) fn model_of(path: &str) -> Option<&str> {
    let name = ["/v1/models/", "/v1beta/models/"].into_iter().find_map(|base| path.strip_prefix(base))?;
    (!name.is_empty() && !name.contains([':', '/'])).then_some(name)
}

/// An answer beside the generations with the headers that the vendor sends with every answer, the id of the request
/// among them.
pub(super) fn dressed(mut plan: Plan, api: Option<&dyn Api>, seed: u64) -> Plan {
    if let Some(api) = api {
        let context = EncodeContext { model: String::new(), include_usage: false, seed, created: 0, input_tokens: 0 };
        plan.headers = api.render_unary(&Spoken::default(), &context).headers;
    }
    plan
}

/// `METHOD path`, where a `*` in the path stands for anything.
fn fits(pattern: &str, method: &str, path: &str) -> bool {
    let (wanted, glob) = pattern.split_once(' ').unwrap_or(("*", pattern));
    if wanted != "*" && !wanted.eq_ignore_ascii_case(method) {
        return false;
    }
    let mut pieces = glob.trim().split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = path.strip_prefix(first) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Headers;

    #[test]
    fn patterns_of_side_calls() {
        let check = |pattern: &str, method: &str, path: &str, expect: bool| {
            assert_eq!(fits(pattern, method, path), expect, "{pattern} {method} {path}");
        };
        check("POST */render", "POST", "/v1/chat/completions/render", true);
        check("POST */render", "GET", "/v1/chat/completions/render", false);
        check("POST */render", "POST", "/render/v1", false);
        check("GET /health", "GET", "/health", true);
        check("GET /health", "GET", "/health/x", false);
        check("* /a*b*c", "PUT", "/a-b-b-c", true);
        check("* /a*b*c", "PUT", "/a-c", false);
        check("/health", "HEAD", "/health", true);
    }

    #[test]
    fn paths_are_exact() {
        let check = |method: &str, path: &str, api: Option<ApiId>, expect: &str| {
            let request = Request {
                method: method.to_owned(),
                target: path.to_owned(),
                headers: Headers::default(),
                body: b"{}".to_vec().into(),
            };
            let got = match call(&request, path, api.and_then(ApiId::spoken), &["m"], &["GET /health".to_owned()]) {
                Call::Generate(api) => format!("generate {}", api.id()),
                Call::Side(plan) => format!("side {}", String::from_utf8(plan.body()).unwrap()),
                Call::Wrong(error) => format!("{} {}", error.status, error.message),
            };
            assert_eq!(got, expect, "{method} {path}");
        };
        let (chat, messages) = (Some(ApiId::OpenaiChat), Some(ApiId::AnthropicMessages));
        check("POST", "/v1/chat/completions", chat, "generate openai-chat");
        check("POST", "/v1/messages", None, "generate anthropic-messages");
        check("POST", "/v1/messages", chat, "404 Invalid URL (POST /v1/messages)");
        check("POST", "/v1/v1/chat/completions", chat, "404 Invalid URL (POST /v1/v1/chat/completions)");
        check("POST", "/v1/messages/", messages, "404 Not Found");
        check("GET", "/v1/chat/completions", chat, "405 Only POST requests are accepted.");
        check("GET", "/health", chat, "side {}");
        check("POST", "/v1/messages/count_tokens", messages, r#"side {"input_tokens":1}"#);
        check(
            "GET",
            "/v1/models/m",
            messages,
            r#"side {"type":"model","id":"m","display_name":"m","created_at":"2025-01-01T00:00:00Z","lifecycle":"active","deprecated_at":null,"retires_at":null}"#,
        );
        check("GET", "/v1/models/other", chat, "404 Invalid URL (GET /v1/models/other)");
        let gemini = Some(ApiId::Gemini);
        check("POST", "/v1beta/models/m:streamGenerateContent", gemini, "generate gemini");
        check("POST", "/v1beta/models/m:generateContent", None, "generate gemini");
        check("POST", "/x/v1beta/models/m:generateContent", gemini, "404 ");
        check("POST", "/v1beta/models/m:embedContent", gemini, "404 ");
        check(
            "POST",
            "/v1beta/models/m:generateContent",
            chat,
            "404 Invalid URL (POST /v1beta/models/m:generateContent)",
        );
        check("GET", "/v1beta/models/m:generateContent", gemini, "404 ");
        check(
            "POST",
            "/v1beta/models/m:countTokens",
            gemini,
            r#"side {"totalTokens":1,"promptTokensDetails":[{"modality":"TEXT","tokenCount":1}]}"#,
        );
        let bedrock = Some(ApiId::BedrockConverse);
        check("POST", "/model/a.b-v1%3A0/converse", None, "generate bedrock-converse");
        check("POST", "/model/a.b-v1:0/converse-stream", bedrock, "generate bedrock-converse");
        check("POST", "/model/a.b-v1:0/count-tokens", bedrock, r#"side {"inputTokens":1}"#);
        check("POST", "/model/m/count-tokens", None, r#"side {"inputTokens":1}"#);
        check("POST", "/x/model/m/converse", bedrock, "404 ");
        check("GET", "/model/m/converse", bedrock, "404 ");
        check("GET", "/v1beta/models/other", gemini, "404 ");
        check(
            "GET",
            "/v1/models",
            chat,
            r#"side {"object":"list","data":[{"id":"m","object":"model","created":1735689600,"owned_by":"system"}]}"#,
        );
    }
}
