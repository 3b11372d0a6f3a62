//! HAR 1.2, as browsers and Polly.js write it.

use serde_json::Value;

use super::Loss;
use super::look::At;
use super::recorded::{Body, Piece, Recorded, Side};
use crate::diagnostic::Diagnostic;

/// Reads the entries of an archive.
pub(super) fn read(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    let log = root.need(&["log"])?;
    let creator = log.get("creator").and_then(|creator| creator.get("name")).map(At::text).transpose()?;
    let is_polly = creator.is_some_and(|name| name.to_lowercase().contains("polly"));
    log.need(&["entries"])?.items()?.map(|entry| recorded(entry, is_polly)).collect()
}

fn recorded(entry: At<'_>, is_polly: bool) -> Result<Recorded, Diagnostic> {
    let (request, response) = (entry.need(&["request"])?, entry.need(&["response"])?);
    let status = response.need(&["status"])?;
    let number = status.number()?;
    let sent = request.get("postData");
    let asked = match sent.and_then(|sent| sent.node.get("text").map(|node| At { node, ..sent })) {
        Some(text) => content_bytes(sent.unwrap_or(request), text)?,
        None if sent.is_some() => Body::Unknown,
        None => Body::Bytes(Vec::new()),
    };
    Ok(Recorded {
        method: request.text_of(&["method"])?,
        url: request.text_of(&["url"])?,
        request: Side { headers: request.headers_of(&["headers"])?, body: asked },
        // Browsers write 0 where none came.
        status: if number == 0 { None } else { Some(status.status()?) },
        http: response.text_of(&["httpVersion"])?,
        response: Side { headers: response.headers_of(&["headers"])?, body: answered(response)? },
        when: entry.text_of(&["startedDateTime"])?,
        lost: if is_polly { [Loss::HeaderOrder, Loss::HeaderCase].into() } else { [].into() },
        unusable: (number == 0).then(|| "no response came".to_owned()),
        ..Recorded::default()
    })
}

fn answered(response: At<'_>) -> Result<Body, Diagnostic> {
    let Some(content) = response.get("content") else { return Ok(Body::Unknown) };
    let Some(text) = content.get("text") else {
        let size = content.get("size").map(At::number).transpose()?;
        return Ok(if size.unwrap_or(0) == 0 { Body::Bytes(Vec::new()) } else { Body::Unknown });
    };
    content_bytes(content, text)
}

/// Text, or base64; of compressed bodies Polly.js keeps a list of base64 texts, as text.
fn content_bytes(content: At<'_>, text: At<'_>) -> Result<Body, Diagnostic> {
    if content.text_of(&["encoding"])?.as_deref() != Some("base64") {
        return text.text().map(|text| Body::Bytes(text.into_bytes()));
    }
    let plain = text.text()?;
    let Ok(Value::Array(pieces)) = serde_json::from_str::<Value>(&plain) else {
        return text.decode(&plain).map(Body::Bytes);
    };
    let piece = |piece: &Value| match piece {
        Value::String(base64) => text.decode(base64).map(Piece::new),
        _ => Err(text.error("a list of base64 texts has something else in it")),
    };
    pieces.iter().map(piece).collect::<Result<_, _>>().map(Body::Pieces)
}
