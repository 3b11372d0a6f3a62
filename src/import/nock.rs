//! nock's recordings: a list of calls, each with its scope.

use super::Loss;
use super::look::At;
use super::recorded::{Body, Piece, Recorded, Side};
use crate::diagnostic::Diagnostic;
use crate::wire::Headers;
use crate::yaml::Content;

/// Reads the calls.
pub(super) fn read(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    root.items()?.map(recorded).collect()
}

fn recorded(call: At<'_>) -> Result<Recorded, Diagnostic> {
    let (scope, path) = (call.need(&["scope"])?.text()?, call.need(&["path"])?.text()?);
    let request = call.node.get("body").map_or(Body::Unknown, |node| At { node, ..call }.parsed());
    let headers = call.any(&["rawHeaders", "headers"]).map(response_headers).transpose()?;
    let is_map = call.get("rawHeaders").is_none_or(|headers| headers.node.as_map().is_some());
    let mut lost = vec![Loss::SomeHeaders];
    lost.extend(is_map.then_some(Loss::HeaderOrder));
    Ok(Recorded {
        method: call.text_of(&["method"])?,
        url: Some(format!("{scope}{path}")),
        request: Side { headers: call.headers_of(&["reqheaders"])?, body: request },
        status: Some(call.need(&["status"])?.status()?),
        response: Side { headers, body: response(call)? },
        lost: lost.into_iter().collect(),
        ..Recorded::default()
    })
}

/// Names and values by turns, or a map.
fn response_headers(at: At<'_>) -> Result<Headers, Diagnostic> {
    if at.node.as_map().is_some() {
        return at.headers();
    }
    let texts: Vec<String> = at.items()?.map(At::text).collect::<Result<_, _>>()?;
    if !texts.len().is_multiple_of(2) {
        return Err(at.error("names and values stand by turns, and here one is too many"));
    }
    Ok(texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
}

/// Hexadecimal where it is binary or in pieces, else text, else the JSON that it was.
fn response(call: At<'_>) -> Result<Body, Diagnostic> {
    let is_binary = call.node.get("responseIsBinary").is_some_and(|flag| flag.content == Content::Bool(true));
    let Some(response) = call.get("response") else { return Ok(Body::Bytes(Vec::new())) };
    match &response.node.content {
        Content::Text(_) if is_binary => response.hex().map(Body::Bytes),
        Content::List(list) if !list.is_empty() && list.iter().all(|item| item.as_text().is_some()) => {
            let pieces = response.items()?.map(|piece| piece.hex().map(Piece::new));
            pieces.collect::<Result<_, _>>().map(Body::Pieces)
        }
        _ => Ok(response.parsed()),
    }
}
