//! The family of VCR: VCR.py, VCR for Ruby, vcr for R and go-vcr, in YAML or JSON.
//!
//! All keep a list of interactions; they differ in how a status, a header and a body stand.

use super::Loss;
use super::look::At;
use super::recorded::{Body, Recorded, Side};
use crate::diagnostic::Diagnostic;
use crate::wire::Headers;

/// What a file of this family keeps of headers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    Python,
    Ruby,
    Go,
}

/// Reads the interactions of a file; two lists side by side are an older form of the same.
pub(super) fn read(root: At<'_>, member: Member) -> Result<Vec<Recorded>, Diagnostic> {
    if let Some(interactions) = root.any(&["http_interactions", "interactions"]) {
        return interactions
            .items()?
            .map(|at| recorded(at, at.need(&["request"])?, at.need(&["response"])?, member))
            .collect();
    }
    let (requests, responses) = (root.need(&["requests"])?, root.need(&["responses"])?);
    let pairs =
        requests.items()?.zip(responses.items()?).map(|(asked, answered)| recorded(asked, asked, answered, member));
    let (asked, answered) = (requests.items()?.count(), responses.items()?.count());
    if asked != answered {
        return Err(responses.error(format!("{answered} responses to {asked} requests")));
    }
    pairs.collect()
}

fn recorded(at: At<'_>, request: At<'_>, response: At<'_>, member: Member) -> Result<Recorded, Diagnostic> {
    let status = match (response.get("code"), response.need(&["status"])) {
        (Some(code), _) => code.status()?,
        (None, status) => status.and_then(|status| status.get("code").unwrap_or(status).status())?,
    };
    let mut lost: Vec<Loss> = match member {
        Member::Python => vec![Loss::HeaderOrder],
        Member::Ruby => vec![Loss::HeaderCase],
        Member::Go => vec![Loss::HeaderOrder, Loss::HeaderCase, Loss::SomeHeaders],
    };
    if request.get("parsed_body").or(response.get("parsed_body")).is_some() {
        lost.extend([Loss::HeaderCase, Loss::SomeHeaders]);
    }
    Ok(Recorded {
        method: request.text_of(&["method"])?,
        url: request.text_of(&["uri", "url"])?,
        request: side(request, Body::Bytes(Vec::new()))?,
        status: Some(status),
        http: response.text_of(&["http_version", "proto", "protocol"])?,
        response: side(response, Body::Unknown)?,
        trailers: response.headers_of(&["trailer", "trailers"])?.unwrap_or_default(),
        when: at.text_of(&["recorded_at"])?,
        lost: lost.into_iter().collect(),
        ..Recorded::default()
    })
}

/// Headers and body; `absent` is a body that is not there.
fn side(at: At<'_>, absent: Body) -> Result<Side, Diagnostic> {
    let headers: Option<Headers> = at.headers_of(&["headers"])?;
    let body = match (at.node.get("body"), at.get("parsed_body")) {
        // What was parsed stands beside an empty body, or without one.
        (body, Some(parsed))
            if body.is_none_or(|body| At { node: body, ..at }.wrapped().is_ok_and(|b| b.is_empty())) =>
        {
            Body::Json(parsed.value())
        }
        (Some(node), _) => At { node, ..at }.wrapped()?,
        (None, _) => absent,
    };
    Ok(Side { headers, body })
}

impl Body {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Bytes(bytes) if bytes.is_empty())
    }
}
