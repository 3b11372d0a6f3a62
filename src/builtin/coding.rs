//! The content coding of an upstream's body.

use std::fmt;
use std::io::Write as _;

use flate2::write::GzDecoder;
use hyper::HeaderMap;

/// Taken at a time, so that a few bytes cannot unfold into more than is borne.
const PIECE: usize = 4 << 10;
/// Most that a piece of a body may unfold to.
const MOST: usize = 32 << 20;

/// A coding that is undone while the body comes.
pub(super) struct Coding(GzDecoder<Vec<u8>>);

impl fmt::Debug for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Coding(gzip)")
    }
}

impl Coding {
    /// The coding that a head announces; `None` where the body is plain. `Err` for one that was never asked for.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ()> {
        match headers.get("content-encoding").map(hyper::http::HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => Ok(None),
            Some(coding) if coding.eq_ignore_ascii_case(b"gzip") => Ok(Some(Self(GzDecoder::new(Vec::new())))),
            Some(_) => Err(()),
        }
    }

    /// The plain bytes of these; `Err` where they are damaged.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> Result<Vec<u8>, ()> {
        for piece in bytes.chunks(PIECE) {
            self.0.write_all(piece).map_err(drop)?;
            self.0.flush().map_err(drop)?;
            if self.0.get_ref().len() > MOST {
                return Err(());
            }
        }
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// The end of the body: `Err` if the coding has not ended with it.
    pub(super) fn end(&mut self) -> Result<(), ()> {
        self.0.try_finish().map_err(drop)
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn coding(name: &'static str) -> Result<Option<Coding>, ()> {
        Coding::of(&HeaderMap::from_iter([(hyper::header::CONTENT_ENCODING, name.parse().unwrap())]))
    }

    #[test]
    fn gzip_is_undone_piece_by_piece_and_its_end_is_seen() {
        let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
        coder.write_all(b"one").unwrap();
        coder.flush().unwrap();
        let first = std::mem::take(coder.get_mut());
        coder.write_all(b" two").unwrap();
        let rest = coder.finish().unwrap();

        let mut coding = coding("gzip").unwrap().unwrap();
        assert_eq!(coding.decode(&first).unwrap(), b"one");
        assert!(coding.end().is_err(), "half a body");
        let mut coding = self::coding("gzip").unwrap().unwrap();
        assert_eq!([coding.decode(&first).unwrap(), coding.decode(&rest).unwrap()].concat(), b"one two");
        assert_eq!(coding.end(), Ok(()));
        assert!(self::coding("GZIP").unwrap().unwrap().decode(b"no gzip at all").is_err());
        assert!(self::coding("br").is_err());
        assert!(self::coding("identity").unwrap().is_none());
        assert!(Coding::of(&HeaderMap::new()).unwrap().is_none());
    }
}
