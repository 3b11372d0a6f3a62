//! Recordings that are kept as stubs to match requests with: WireMock's mappings and httpmock's documents.

use super::Loss;
use super::look::At;
use super::recorded::{Body, Recorded, Side};
use crate::diagnostic::Diagnostic;
use crate::wire::Headers;

/// Reads a mapping of WireMock, or a file of several. `beside` gives the bytes of a file in `__files`.
pub(super) fn wiremock(
    root: At<'_>,
    beside: &dyn Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<Recorded>, Diagnostic> {
    match root.get("mappings") {
        Some(mappings) => mappings.items()?.map(|mapping| stub(mapping, beside)).collect(),
        None => Ok(vec![stub(root, beside)?]),
    }
}

fn stub(mapping: At<'_>, beside: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Result<Recorded, Diagnostic> {
    let (request, response) = (mapping.need(&["request"])?, mapping.need(&["response"])?);
    let body = if let Some(name) = response.get("bodyFileName") {
        let bytes = beside(&name.text()?).map_err(|why| {
            name.error(why).help("the bodies of `mappings/x.json` lie in the folder `__files` beside `mappings`")
        })?;
        Body::Bytes(bytes)
    } else if let Some(encoded) = response.get("base64Body") {
        Body::Bytes(encoded.base64()?)
    } else if let Some(json) = response.get("jsonBody") {
        Body::Json(json.value())
    } else {
        Body::Bytes(response.text_of(&["body"])?.unwrap_or_default().into_bytes())
    };
    let asked = match request.get("bodyPatterns").map(At::items).transpose()?.and_then(|mut patterns| patterns.next()) {
        None => Body::Unknown,
        // The JSON, as text or as itself; a text that a body is to equal is all of it.
        Some(pattern) => pattern.any(&["equalToJson", "equalTo", "binaryEqualTo"]).map_or(Body::Unknown, At::parsed),
    };
    let mut headers = Headers::default();
    if let Some(patterns) = request.get("headers")
        && let Some(map) = patterns.node.as_map()
    {
        for name in map.keys() {
            let value = patterns.get(name).and_then(|pattern| pattern.get("equalTo"));
            if let Some(value) = value {
                headers.push(name, value.text()?);
            }
        }
    }
    Ok(Recorded {
        method: request.text_of(&["method"])?,
        url: request.text_of(&["url", "urlPath"])?,
        request: Side { headers: Some(headers), body: asked },
        status: response.get("status").map(At::status).transpose()?,
        response: Side { headers: response.headers_of(&["headers"])?, body },
        lost: [Loss::HeaderOrder, Loss::SomeHeaders].into(),
        ..Recorded::default()
    })
}

/// Reads a document of httpmock: what is asked is kept under `when`, what is answered under `then`.
pub(super) fn httpmock(document: At<'_>) -> Result<Recorded, Diagnostic> {
    let (when, then) = (document.need(&["when"])?, document.need(&["then"])?);
    let path = when.need(&["path"])?.text()?;
    let mut query = Vec::new();
    for parameter in when.get("query_param").map(At::items).transpose()?.into_iter().flatten() {
        query.push(format!("{}={}", parameter.need(&["name"])?.text()?, parameter.need(&["value"])?.text()?));
    }
    let url = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    let text = |at: At<'_>| at.text_of(&["body"]).map(|text| text.map(String::into_bytes).map(Body::Bytes));
    let answered = match then.get("body_base64") {
        Some(encoded) => Body::Bytes(encoded.base64()?),
        None => text(then)?.unwrap_or(Body::Bytes(Vec::new())),
    };
    Ok(Recorded {
        method: when.text_of(&["method"])?,
        url: Some(url),
        request: Side { headers: when.headers_of(&["header"])?, body: text(when)?.unwrap_or_default() },
        status: Some(then.need(&["status"])?.status()?),
        response: Side { headers: then.headers_of(&["header"])?, body: answered },
        lost: [Loss::SomeHeaders, Loss::StreamBytes, Loss::Ids].into(),
        ..Recorded::default()
    })
}
