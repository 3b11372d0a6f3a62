//! Recorders of their own kind, each a request and its response in JSON: Azure's test proxy, Datadog's test agent,
//! req_llm, Mastra's and opencode's recorders.

use super::Loss;
use super::look::At;
use super::recorded::{Body, Piece, Recorded, Side};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Content, Node};

/// What Azure's test proxy keeps: `Entries`, bodies parsed where they were JSON.
pub(super) fn azure(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    let entry = |entry: At<'_>| {
        let body = |key| entry.node.get(key).map_or(Body::Unknown, |node| lines(At { node, ..entry }));
        Ok(Recorded {
            method: entry.text_of(&["RequestMethod"])?,
            url: Some(entry.need(&["RequestUri"])?.text()?),
            request: Side { headers: entry.headers_of(&["RequestHeaders"])?, body: body("RequestBody") },
            status: Some(entry.need(&["StatusCode"])?.status()?),
            response: Side { headers: entry.headers_of(&["ResponseHeaders"])?, body: body("ResponseBody") },
            lost: [Loss::HeaderOrder, Loss::Masked].into(),
            ..Recorded::default()
        })
    };
    root.need(&["Entries"])?.items()?.map(entry).collect()
}

/// A stream is kept line by line, each line with its end.
fn lines(at: At<'_>) -> Body {
    match &at.node.content {
        Content::List(list) if !list.is_empty() && list.iter().all(|item| item.as_text().is_some()) => {
            Body::Bytes(list.iter().filter_map(Node::as_text).collect::<String>().into_bytes())
        }
        _ => at.parsed(),
    }
}

/// What Datadog's test agent keeps: one pair, bytes that are no text behind `base64:`.
pub(super) fn datadog(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    let (request, response) = (root.need(&["request"])?, root.need(&["response"])?);
    let body = |at: At<'_>| match at.node.get("body").map(|node| At { node, ..at }) {
        None => Ok(Body::Unknown),
        Some(body) => match body.node.as_text().and_then(|text| text.strip_prefix("base64:")) {
            Some(encoded) => body.decode(encoded).map(Body::Bytes),
            None => Ok(body.parsed()),
        },
    };
    let status = response.need(&["status"])?;
    Ok(vec![Recorded {
        method: request.text_of(&["method"])?,
        url: request.text_of(&["url"])?,
        request: Side { headers: request.headers_of(&["headers"])?, body: body(request)? },
        status: Some(status.get("code").unwrap_or(status).status()?),
        response: Side { headers: response.headers_of(&["headers"])?, body: body(response)? },
        lost: [Loss::HeaderOrder, Loss::SomeHeaders].into(),
        ..Recorded::default()
    }])
}

/// What req_llm keeps: one pair; a stream in its chunks.
pub(super) fn req_llm(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    let (request, response) = (root.need(&["request"])?, root.need(&["response"])?);
    let asked = match request.get("body").and_then(|body| body.get("b64")) {
        Some(encoded) => Body::Bytes(encoded.base64()?),
        None => request.get("canonical_json").map_or(Body::Unknown, |json| Body::Json(json.value())),
    };
    let answered = match root.get("chunks") {
        Some(chunks) => {
            let piece = |chunk: At<'_>| chunk.need(&["b64"])?.base64().map(Piece::new);
            Body::Pieces(chunks.items()?.map(piece).collect::<Result<_, _>>()?)
        }
        None => match response.get("body") {
            Some(body) if body.get("b64").is_some() => Body::Bytes(body.need(&["b64"])?.base64()?),
            Some(body) => body.parsed(),
            None => Body::Bytes(Vec::new()),
        },
    };
    Ok(vec![Recorded {
        method: request.text_of(&["method"])?.map(|method| method.to_uppercase()),
        url: request.text_of(&["url"])?,
        request: Side { headers: request.headers_of(&["headers"])?, body: asked },
        status: Some(response.need(&["status"])?.status()?),
        response: Side { headers: response.headers_of(&["headers"])?, body: answered },
        when: root.text_of(&["captured_at"])?,
        lost: [Loss::HeaderOrder, Loss::HeaderCase].into(),
        ..Recorded::default()
    }])
}

/// What Mastra's recorder keeps: a stream in its chunks, with the milliseconds before each.
pub(super) fn mastra(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    let recordings = root.get("recordings").unwrap_or(root);
    let when = root.get("meta").map(|meta| meta.text_of(&["createdAt"])).transpose()?.flatten();
    let recording = |at: At<'_>| {
        let (request, response) = (at.need(&["request"])?, at.need(&["response"])?);
        let answered = match response.get("chunks") {
            Some(chunks) => Body::Pieces(timed(chunks, response)?),
            None => response.node.get("body").map_or(Body::Unknown, |node| At { node, ..response }.parsed()),
        };
        Ok(Recorded {
            method: request.text_of(&["method"])?,
            url: request.text_of(&["url"])?,
            request: Side {
                headers: request.headers_of(&["headers"])?,
                body: request.node.get("body").map_or(Body::Unknown, |node| At { node, ..request }.parsed()),
            },
            status: Some(response.need(&["status"])?.status()?),
            response: Side { headers: response.headers_of(&["headers"])?, body: answered },
            when: when.clone(),
            lost: [Loss::HeaderOrder, Loss::HeaderCase].into(),
            ..Recorded::default()
        })
    };
    recordings.items()?.map(recording).collect()
}

fn timed(chunks: At<'_>, response: At<'_>) -> Result<Vec<Piece>, Diagnostic> {
    let texts: Vec<String> = chunks.items()?.map(At::text).collect::<Result<_, _>>()?;
    let mut times: Vec<Option<u64>> = vec![None; texts.len()];
    if let Some(timings) = response.get("chunkTimings") {
        times = timings.items()?.map(|time| time.number().map(Some)).collect::<Result<_, _>>()?;
        if times.len() != texts.len() {
            return Err(timings.error(format!("{} times for {} chunks", times.len(), texts.len())));
        }
    }
    Ok(texts.into_iter().zip(times).map(|(text, after)| Piece { after, bytes: text.into_bytes() }).collect())
}

/// What opencode's recorder keeps: interactions with bodies as text, or base64 where it says so.
pub(super) fn opencode(root: At<'_>) -> Result<Vec<Recorded>, Diagnostic> {
    let when = root.get("metadata").map(|meta| meta.text_of(&["recordedAt"])).transpose()?.flatten();
    let side = |at: At<'_>| {
        let body = match (at.text_of(&["bodyEncoding"])?.as_deref(), at.get("body")) {
            (_, None) => Body::Bytes(Vec::new()),
            (Some("base64"), Some(body)) => Body::Bytes(body.base64()?),
            (None | Some("text" | "utf8" | "utf-8"), Some(body)) => body.parsed(),
            (Some(other), Some(body)) => return Err(body.error(format!("`{other}` is no known encoding of a body"))),
        };
        Ok(Side { headers: at.headers_of(&["headers"])?, body })
    };
    let interaction = |at: At<'_>| {
        let (request, response) = (at.need(&["request"])?, at.need(&["response"])?);
        Ok(Recorded {
            method: request.text_of(&["method"])?,
            url: request.text_of(&["url"])?,
            request: side(request)?,
            status: Some(response.need(&["status"])?.status()?),
            response: side(response)?,
            when: when.clone(),
            lost: [Loss::SomeHeaders].into(),
            ..Recorded::default()
        })
    };
    root.need(&["interactions"])?.items()?.map(interaction).collect()
}
