//! HTTP/1.1 as it stands on the wire: bytes in, what came out. No sockets here.
//!
//! An HTTP library would hide what a harness must see: how headers were spelled, where chunks ended, what stood behind
//! the body, and whether it ended at all.

mod body;
mod request;
mod response;

pub use body::{BodyDecoder, Framing};
pub use request::{RequestHead, request_bytes, request_head};
pub use response::{ResponseDecoder, ResponseHead};

use bytes::Bytes;

use crate::wire::Headers;

/// Longest head, and longest chunk-size or trailer line.
const MAX_HEAD: usize = 256 << 10;
/// Most header fields of a head.
const MAX_FIELDS: usize = 256;

/// Something that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// A head that goes before the final one (1xx).
    Interim(ResponseHead),
    /// The final head, and how the body behind it is framed.
    Head(ResponseHead, Framing),
    /// Bytes of the body: a piece of a chunk, or of a body without chunks.
    Data(Bytes),
    /// The chunk, whose pieces came before, is whole.
    ChunkEnd,
    /// A header behind the body.
    Trailer(String, String),
    /// The body came to its proper end.
    End,
    /// This is no HTTP; nothing follows.
    Bad(String),
}

/// Names and values as they were sent, in order.
fn headers(fields: &[httparse::Header<'_>]) -> Headers {
    fields.iter().map(|field| (field.name, String::from_utf8_lossy(field.value).into_owned())).collect()
}
