//! From a cassette file to recorded exchanges: the bytes and chunk borders exactly as recorded.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Cassette, Exchange};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::wire::bad_header;
use crate::yaml::{Content, Document, Limits, Node};

/// Version of the format that this Crossfade reads and writes.
pub const FORMAT: u32 = 1;

/// Reads a cassette file.
pub fn load(path: &Path) -> Result<Cassette, Diagnostic> {
    check(&Document::read(path, Limits::CASSETTE)?)
}

/// Reads a cassette from text.
pub fn load_text(name: &str, text: &str) -> Result<Cassette, Diagnostic> {
    check(&Document::parse(SourceFile::new(name, text), Limits::CASSETTE)?)
}

fn check(document: &Document) -> Result<Cassette, Diagnostic> {
    let error = |path: &[&str], message: String| {
        let node = document.root().at(path.iter().copied()).unwrap_or(document.root());
        Diagnostic::new(document.file(), node.span, message)
    };
    check_version(document)?;
    let cassette: Cassette = document.decode()?;
    if cassette.exchanges.is_empty() {
        return Err(error(&["exchanges"], "a cassette holds at least one exchange".to_owned()));
    }
    for (index, exchange) in cassette.exchanges.iter().enumerate() {
        let index = index.to_string();
        let response = ["exchanges", &index, "response"];
        if !(100..=599).contains(&exchange.response.status) {
            let message = format!("`{}` is no HTTP status", exchange.response.status);
            return Err(error(&[&response[..], &["status"]].concat(), message));
        }
        let Exchange { request, response: answer } = exchange;
        let heads = [
            (["request", "headers"], &request.headers),
            (["response", "headers"], &answer.headers),
            (["response", "trailers"], &answer.trailers),
        ];
        for ([side, field], headers) in heads {
            for (at, (name, value)) in headers.iter().enumerate() {
                if let Some(message) = bad_header(name, value) {
                    return Err(error(&["exchanges", &index, side, field, &at.to_string()], message));
                }
            }
        }
        if let Some(text) = &request.base64 {
            let path = ["exchanges", &index, "request", "base64"];
            if !request.body.is_empty() {
                return Err(error(&path, "a request has both `body` and `base64`".to_owned())
                    .help("`body:` is the bytes as text, `base64:` the bytes that are no clean text; one of them"));
            }
            if let Err(why) = STANDARD.decode(text) {
                return Err(error(&path, not_base64(&why)));
            }
        }
        for (at, chunk) in exchange.response.chunks.iter().enumerate() {
            let at = at.to_string();
            let chunk_path = [&response[..], &["chunks", &at]].concat();
            match (&chunk.data, &chunk.base64) {
                (Some(_), None) => {}
                (None, Some(text)) => {
                    if let Err(why) = STANDARD.decode(text) {
                        return Err(error(&[&chunk_path[..], &["base64"]].concat(), not_base64(&why)));
                    }
                }
                (data, _) => {
                    let has = if data.is_some() { "both `data` and `base64`" } else { "neither `data` nor `base64`" };
                    return Err(error(&chunk_path, format!("a chunk has {has}")).help(
                        "`data:` is the bytes as text, `base64:` the bytes that are no clean text; one of them",
                    ));
                }
            }
        }
    }
    let digest = cassette.digest();
    if cassette.provenance.sha256 != digest {
        return Err(error(&["provenance", "sha256"], "the recorded bytes are not those of this digest".to_owned())
            .label(format!("the bodies have {digest}"))
            .help(
                "an editor may have stripped blanks or changed line ends: restore the file; \
                 if the change is meant, write the digest of the bodies here",
            ));
    }
    Ok(cassette)
}

fn not_base64(why: &base64::DecodeError) -> String {
    format!("this is not base64: {}", why.to_string().to_lowercase().trim_end_matches('.'))
}

/// A file of a later format must not be judged by the types of this one.
fn check_version(document: &Document) -> Result<(), Diagnostic> {
    let Some(version) = document.root().get("cassette") else { return Ok(()) };
    match &version.content {
        Content::Number(number) if number.as_u64() == Some(u64::from(FORMAT)) => Ok(()),
        _ => Err(Diagnostic::new(document.file(), version.span, format!("this is no cassette of format {FORMAT}"))
            .help(match version_number(version) {
                Some(number) if number > u64::from(FORMAT) => {
                    format!("format {number} is newer than this Crossfade: install a newer one")
                }
                _ => format!("the first line of a cassette is `cassette: {FORMAT}`"),
            })),
    }
}

fn version_number(node: &Node) -> Option<u64> {
    match &node.content {
        Content::Number(number) => number.as_u64(),
        _ => None,
    }
}
