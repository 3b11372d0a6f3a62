//! The content coding of an upstream's body.

use hyper::HeaderMap;

use crate::coding::{Coding, Decoder};

/// Most that a piece of a body may unfold to.
const MOST: usize = 32 << 20;

/// What undoes the coding that a head announces; `None` where the body is plain. `Err` for one that was never asked for.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Decoder>, ()> {
    match headers.get("content-encoding").map(hyper::http::HeaderValue::as_bytes) {
        None | Some(b"" | b"identity") => Ok(None),
        Some(coding) if coding.eq_ignore_ascii_case(b"gzip") => Ok(Some(Decoder::new(Coding::Gzip, MOST))),
        Some(_) => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_undone() {
        let coding =
            |name: &'static str| of(&HeaderMap::from_iter([(hyper::header::CONTENT_ENCODING, name.parse().unwrap())]));
        assert!(coding("GZIP").unwrap().unwrap().decode(b"no gzip at all").is_err());
        assert!(coding("br").is_err());
        assert!(coding("identity").unwrap().is_none());
        assert!(of(&HeaderMap::new()).unwrap().is_none());
    }
}
