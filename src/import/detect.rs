//! The API of an exchange.

use serde_json::Value;

use crate::api::{Api, ApiId};
use crate::cassette::Exchange;

/// Ends of paths that APIs have with whichever vendor.
const ENDS: [(&str, ApiId); 9] = [
    ("/chat/completions", ApiId::OpenaiChat),
    ("/responses", ApiId::OpenaiResponses),
    ("/v1/messages", ApiId::AnthropicMessages),
    ("/v2/chat", ApiId::CohereChat),
    ("/api/chat", ApiId::OllamaChat),
    ("/converse", ApiId::BedrockConverse),
    ("/converse-stream", ApiId::BedrockConverse),
    // On Vertex the path is longer.
    (":generateContent", ApiId::Gemini),
    (":streamGenerateContent", ApiId::Gemini),
];

/// What streams of an API say and no others do.
const WORDS: [(&str, ApiId); 6] = [
    ("\"type\":\"message_start\"", ApiId::AnthropicMessages),
    ("\"type\":\"response.created\"", ApiId::OpenaiResponses),
    ("\"type\":\"message-start\"", ApiId::CohereChat),
    ("\"choices\":", ApiId::OpenaiChat),
    ("\"candidates\":", ApiId::Gemini),
    ("\"promptFeedback\":", ApiId::Gemini),
];

/// The API in which a request was made; `Err` says what it was instead.
pub(super) fn by_request(exchange: &Exchange) -> Result<ApiId, String> {
    let request = &exchange.request;
    let path = request.target.split(['?', '#']).next().unwrap_or_default();
    let no = || Err(format!("`{} {path}` generates nothing in an API that is spoken here", request.method));
    if !request.method.eq_ignore_ascii_case("post") {
        return no();
    }
    let by_end = ENDS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, api)| *api);
    match by_end.or_else(|| ApiId::of_path(path).map(Api::id)) {
        Some(ApiId::BedrockInvoke) if !is_of_claude(&request.bytes()) => Err(format!(
            "`{path}` is asked in a form of its own: of InvokeModel only Claude's messages are spoken here"
        )),
        Some(api) => Ok(api),
        None => no(),
    }
}

fn is_of_claude(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body.get("anthropic_version").is_some())
}

/// The API of a stream without its request.
pub(super) fn by_answer(exchange: &Exchange) -> Result<ApiId, String> {
    let body = exchange.response.chunks.iter().flat_map(crate::cassette::RecordedChunk::bytes).collect::<Vec<u8>>();
    // Blanks behind colons are the vendor's own.
    let text = String::from_utf8_lossy(&body).replace("\": ", "\":");
    let api = WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, api)| *api);
    api.ok_or_else(|| "the source has no request, and the answer is none of an API that is spoken here".to_owned())
}
