//! What a source no longer had of an exchange on the wire, in the words of a cassette.

use std::fmt;

/// Something that a source had lost, and what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Where HTTP chunks ended.
    ChunkBorders,
    /// Times between chunks.
    Times,
    /// Bytes of the response's body: the source has the JSON of it.
    ResponseBytes,
    /// Bytes of a stream: the source has the JSON of its events.
    StreamBytes,
    /// All of a stream but the data of its events.
    Framing,
    /// A compression of the response; what is kept is plain.
    Coding(String),
    /// The status.
    Status,
    /// Every header of the response.
    ResponseHeaders,
    /// The content type of the response.
    ContentType,
    /// A header that cannot have been sent like this.
    Header(String),
    /// A length that is not that of the body.
    ContentLength,
    /// The version of HTTP.
    Http,
    /// Some headers.
    SomeHeaders,
    /// Order of headers.
    HeaderOrder,
    /// Spelling of header names.
    HeaderCase,
    /// Values of headers that a recorder put words of its own in place of.
    Masked,
    /// Ids, which were replaced.
    Ids,
    /// Method and path of the request.
    RequestLine,
    /// Every header of the request.
    RequestHeaders,
    /// The request's body.
    RequestBody,
    /// Bytes of the request's body: the source has the JSON of it.
    RequestBytes,
    /// The date.
    Date,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChunkBorders => "borders of HTTP chunks: each event of a stream is one",
            Self::Times => "times between chunks",
            Self::ResponseBytes => "bytes of the response body: its JSON is written anew",
            Self::StreamBytes => "bytes of the stream: the JSON of its events was written anew by the source",
            Self::Framing => {
                "framing of the stream: each event is written anew around its data; \
                 comments, and `[DONE]` if it was sent, are missing"
            }
            Self::Coding(name) => {
                return write!(f, "compression of the response body: it was {name}, here it is plain");
            }
            Self::Status => "status of the response: 200 is assumed",
            Self::ResponseHeaders => "headers of the response",
            Self::ContentType => "content type of the response: it follows from the body",
            Self::Header(name) => return write!(f, "the header `{name}`, which no message can have had like this"),
            Self::ContentLength => "content-length of the response: the one in the source is not that of this body",
            Self::Http => "version of HTTP",
            Self::SomeHeaders => "headers that the source does not keep",
            Self::HeaderOrder => "order of headers",
            Self::HeaderCase => "upper and lower case of header names",
            Self::Masked => "values that the source replaced by words of its own",
            Self::Ids => "ids: the source replaced them",
            Self::RequestLine => "method and path of the request: those of the API are assumed",
            Self::RequestHeaders => "headers of the request",
            Self::RequestBody => "body of the request",
            Self::RequestBytes => "bytes of the request body: its JSON is written anew",
            Self::Date => "date of the exchange: the day of the import stands",
        })
    }
}
