//! Faults as a path segment: `close@texts:5`, `stall:2s@preamble`, `status:503`.

use std::str::FromStr;

use crate::scenario::{AnswerPlan, At, Barrier, By, Cut, Http2Error, Millis, Obeys, Pace, Play, Stall, Status};

/// A fault of a leg that is served alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Spec {
    cut: Option<Cut>,
    status: Option<Status>,
}

impl Spec {
    /// Whether a path segment is meant as one.
    pub(super) fn is_one(segment: &str) -> bool {
        segment.contains('@') || segment.starts_with("status:")
    }

    /// Why it cannot be over this version of HTTP; `None` if it can.
    pub(super) fn misplaced(&self, http2: bool) -> Option<String> {
        self.cut.as_ref().and_then(|cut| cut.by.misplaced(http2))
    }

    /// What a leg does that gives this answer under this fault.
    pub(super) fn play(&self, answer: AnswerPlan) -> Play {
        Play {
            answer,
            status: self.status.clone(),
            cut: self.cut.clone(),
            edits: Vec::new(),
            pace: Pace::Instant,
            barrier: Barrier::Seen,
            obeys: Obeys::Exactly,
        }
    }
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(code) = text.strip_prefix("status:") {
            let code = code.parse().ok().filter(|code| (400..600).contains(code));
            let code = code.ok_or_else(|| format!("`{text}`: a status is written `status:503`"))?;
            return Ok(Self { cut: None, status: Some(Status { code, retry_after: None }) });
        }
        let (by, at) = text.split_once('@').ok_or_else(|| format!("`{text}`: a fault is written `close@texts:5`"))?;
        Ok(Self { cut: Some(Cut { at: position(at)?, by: effect(by)? }), status: None })
    }
}

fn effect(text: &str) -> Result<By, String> {
    Ok(match text {
        "close" => By::Close,
        "eof" => By::Eof,
        "reset" => By::Reset,
        "error_event" => By::ErrorEvent,
        "bad_json" => By::BadJson,
        "cut_event" => By::CutEvent,
        "cut_utf8" => By::CutUtf8,
        "bad_chunk" => By::BadChunk,
        "content_length" => By::ContentLength,
        "no_terminator" => By::NoTerminator,
        "after_terminator" => By::AfterTerminator,
        "duplicate" => By::Duplicate,
        "drop" => By::Drop,
        "oversize" => By::Oversize,
        "slow" => By::Slow,
        "stall" => By::Stall(Stall::default()),
        "rst_stream" => By::RstStream(Http2Error::default()),
        "goaway" => By::Goaway(Http2Error::default()),
        _ => match text.split_once(':') {
            Some(("stall", time)) => By::Stall(Stall { r#for: Some(time.parse::<Millis>()?) }),
            Some(("rst_stream", code)) => By::RstStream(http2_error(code)?),
            Some(("goaway", code)) => By::Goaway(http2_error(code)?),
            _ => {
                return Err(format!(
                    "no effect is called `{text}`; there are close, eof, reset, stall, stall:2s, error_event, bad_json, \
                     cut_event, cut_utf8, bad_chunk, content_length, no_terminator, after_terminator, duplicate, drop, \
                     oversize, slow, rst_stream, rst_stream:cancel, goaway"
                ));
            }
        },
    })
}

fn http2_error(code: &str) -> Result<Http2Error, String> {
    let code = serde_json::from_value(code.into()).map_err(|error| format!("no code of HTTP/2: {error}"))?;
    Ok(Http2Error { code: Some(code) })
}

fn position(text: &str) -> Result<At, String> {
    let unknown = || {
        format!(
            "no position is called `{text}`; there are request, head, preamble, texts:n, pieces:n, events:n, bytes:n, \
             last_content, finish, terminator"
        )
    };
    let Some((unit, n)) = text.split_once(':') else {
        return match text {
            "request" => Ok(At::Request),
            "head" => Ok(At::Head),
            "preamble" => Ok(At::Preamble),
            "last_content" => Ok(At::LastContent),
            "finish" => Ok(At::Finish),
            "terminator" => Ok(At::Terminator),
            _ => Err(unknown()),
        };
    };
    let n: u32 = n.parse().map_err(|_| unknown())?;
    match unit {
        "texts" => Ok(At::Texts(n)),
        "pieces" => Ok(At::Pieces(n)),
        "events" => Ok(At::Events(n)),
        "bytes" => Ok(At::Bytes(u64::from(n))),
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read() {
        let cut = |at, by| Ok(Spec { cut: Some(Cut { at, by }), status: None });
        let check = |text: &str, expect: Result<Spec, &str>| {
            assert_eq!(text.parse::<Spec>(), expect.map_err(str::to_owned), "{text}");
        };
        check("close@texts:5", cut(At::Texts(5), By::Close));
        check("error_event@last_content", cut(At::LastContent, By::ErrorEvent));
        check("stall:2s@head", cut(At::Head, By::Stall(Stall { r#for: Some(Millis(2_000)) })));
        let cancel = Http2Error { code: Some(crate::scenario::ErrorCode::Cancel) };
        check("rst_stream:cancel@texts:5", cut(At::Texts(5), By::RstStream(cancel)));
        check("goaway@head", cut(At::Head, By::Goaway(Http2Error::default())));
        assert!("goaway:never@head".parse::<Spec>().is_err());
        check("status:429", Ok(Spec { cut: None, status: Some(Status { code: 429, retry_after: None }) }));
        check("status:200", Err("`status:200`: a status is written `status:503`"));
        assert!("close@words:5".parse::<Spec>().is_err());
        assert!("explode@head".parse::<Spec>().is_err());
    }
}
