//! What a recorded exchange says, read by its API.

use super::{Cassette, Exchange, RecordedChunk};
use crate::api::{Api, ApiError, ApiId, Completion, Conversation, Finding};
use crate::coding::{self, Coding, CodingError};
use crate::framing::Framing;
use crate::wire::{Blob, Request};

/// An exchange, read.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) framing: Framing,
    /// The request in neutral form, where it is one of the API.
    pub(super) request: Option<Conversation>,
    /// Whether the answer is a stream.
    pub(super) stream: bool,
    /// The answer in neutral form; `None` for an error or a body that is no answer.
    pub(super) completion: Option<Completion>,
    /// Where a stream leaves its grammar.
    pub(super) findings: Vec<Finding>,
    /// The error that a status tells.
    pub(super) error: Option<ApiError>,
    /// The answer's body without its coding.
    pub(super) body: Vec<u8>,
    /// Why the body could not be read.
    pub(super) unread: Option<String>,
    /// How many bytes of the body are there with each chunk, and when it came, in milliseconds from the first.
    arrivals: Vec<(usize, u64)>,
}

impl Look {
    pub(super) fn new(id: ApiId, exchange: &Exchange) -> Self {
        let Exchange { request, response } = exchange;
        let spoken = id.at(&request.target).or_else(|| id.spoken());
        let pieces: Vec<Vec<u8>> = response.chunks.iter().map(RecordedChunk::bytes).collect();
        let coded = response.headers.get("content-encoding").unwrap_or_default();
        let (pieces, mut unread) = match plain(coded, &pieces) {
            Ok(pieces) => (pieces, None),
            Err(why) => (pieces, Some(why)),
        };
        let (mut bytes, mut time) = (0, 0);
        let arrivals = pieces.iter().zip(&response.chunks).map(|(piece, chunk)| {
            bytes += piece.len();
            time += chunk.after.map_or(0, |after| after.0);
            (bytes, time)
        });
        let arrivals = arrivals.collect();
        let body = pieces.concat();
        let of_type = Framing::of(response.headers.get("content-type").unwrap_or_default());
        let framing = of_type.or(spoken.map(Api::framing)).unwrap_or(Framing::Sse);
        let ok = (200..300).contains(&response.status);
        let stream = ok && of_type.is_some();
        let (mut completion, mut findings) = (None, Vec::new());
        match spoken {
            Some(api) if stream && unread.is_none() => {
                let mut reader = api.stream_reader();
                reader.feed(&body);
                let reading = reader.finish();
                (completion, findings) = (Some(reading.completion), reading.findings);
            }
            Some(api) if ok && unread.is_none() => match api.read_unary(&body) {
                Ok(read) => completion = Some(read),
                Err(why) => unread = Some(why),
            },
            _ => {}
        }
        Self {
            framing,
            request: spoken.and_then(|api| asked(api, exchange)),
            stream,
            completion,
            findings,
            error: spoken.filter(|_| !ok).and_then(|api| api.read_error(response.status, &body)),
            body,
            unread,
            arrivals,
        }
    }

    /// When the byte at an offset of the body was there, in milliseconds.
    pub(super) fn time(&self, offset: usize) -> u64 {
        let arrived = self.arrivals.iter().find(|(bytes, _)| *bytes > offset).or(self.arrivals.last());
        arrived.map_or(0, |(_, time)| *time)
    }
}

/// Every exchange of a cassette, read.
pub(super) fn looks(cassette: &Cassette) -> impl Iterator<Item = (&Exchange, Look)> {
    cassette.exchanges.iter().map(|exchange| (exchange, Look::new(cassette.api, exchange)))
}

/// Pieces without their coding. Recorders keep the header over bodies that they decoded: such a body is plain.
fn plain(coded: &str, pieces: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
    let is_gzip = pieces.iter().find(|piece| !piece.is_empty()).is_some_and(|first| Coding::is_gzip(first));
    let coded = if is_gzip && !coding::is_coded(coded) { "gzip" } else { coded };
    match coding::decode(coded, pieces, coding::MOST) {
        Ok(decoded) => Ok(decoded.pieces),
        Err(CodingError::Damaged(_)) if std::str::from_utf8(&pieces.concat()).is_ok() => Ok(pieces.to_vec()),
        Err(why) => Err(why.to_string()),
    }
}

fn asked(api: &dyn Api, exchange: &Exchange) -> Option<Conversation> {
    let request = &exchange.request;
    let coded = request.headers.get("content-encoding").unwrap_or_default();
    let body = plain(coded, &[request.bytes()]).ok()?.concat();
    let (method, target, headers) = (request.method.clone(), request.target.clone(), request.headers.clone());
    api.read(&Request { method, target, headers, body: Blob(body) })
}
