//! Content codings (RFC 9110, section 8.4): taken off a body, whole or while it comes.
//!
//! A few bytes may unfold to very many: every decoder has a limit, and stops at it.

use std::fmt;
use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Most that a body may unfold to.
pub const MOST: usize = 64 << 20;
/// Buffer of the brotli decoder.
const BUFFER: usize = 4 << 10;

/// A coding that is undone here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `gzip` (RFC 1952).
    Gzip,
    /// `deflate`: in the format of zlib (RFC 1950), or bare, as some servers send it.
    Deflate,
    /// `br` (RFC 7932).
    Brotli,
}

/// Why a coding cannot be undone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// A coding that is not known here.
    #[error("the content coding {} is not known here", crate::diagnostic::quoted(.0))]
    Unknown(String),
    /// The bytes are not of this coding, or end early.
    #[error("the body is no whole {0}")]
    Damaged(Coding),
    /// More comes out than is borne.
    #[error("the body unfolds to more than {} MiB", .0 >> 20)]
    TooLarge(usize),
}

impl Coding {
    /// The codings that a `content-encoding` lists, in the order in which they were put on; `identity` is none.
    pub fn listed(value: &str) -> Result<Vec<Self>, CodingError> {
        let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
        names
            .filter(|name| !name.eq_ignore_ascii_case("identity"))
            .map(|name| match name.to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => Ok(Self::Gzip),
                "deflate" => Ok(Self::Deflate),
                "br" => Ok(Self::Brotli),
                _ => Err(CodingError::Unknown(name.to_owned())),
            })
            .collect()
    }

    /// Whether bytes begin as gzip does; headers do not tell, for recorders keep them over bodies that they decoded.
    pub fn is_gzip(bytes: &[u8]) -> bool {
        bytes.starts_with(&[0x1f, 0x8b])
    }

    /// The plain bytes of a whole body.
    pub fn undo(self, bytes: &[u8], most: usize) -> Result<Vec<u8>, CodingError> {
        let mut decoder = Decoder::new(self, most);
        let mut plain = decoder.decode(bytes)?;
        plain.extend(decoder.end()?);
        Ok(plain)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        })
    }
}

/// A body without its coding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// What became readable with each piece of the coded body: as many pieces as there were.
    pub pieces: Vec<Vec<u8>>,
    /// Whether the coding ended with the body: one that was cut has no end.
    pub whole: bool,
}

impl Decoded {
    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.pieces.concat()
    }
}

/// Whether a `content-encoding` names any coding that changes the body.
pub fn is_coded(encoding: &str) -> bool {
    Coding::listed(encoding).map_or(true, |codings| !codings.is_empty())
}

/// Undoes the codings that a `content-encoding` names, the last first, over the pieces in which a body came. In all
/// `most` bytes may come out.
pub fn decode(encoding: &str, pieces: &[impl AsRef<[u8]>], most: usize) -> Result<Decoded, CodingError> {
    let mut decoded = Decoded { pieces: pieces.iter().map(|piece| piece.as_ref().to_vec()).collect(), whole: true };
    for coding in Coding::listed(encoding)?.into_iter().rev() {
        let mut decoder = Decoder::new(coding, most);
        let mut out = 0;
        for piece in &mut decoded.pieces {
            *piece = decoder.decode(piece)?;
            out += piece.len();
            if out > most {
                return Err(CodingError::TooLarge(most));
            }
        }
        match (decoder.end(), decoded.pieces.last_mut()) {
            (Ok(rest), Some(last)) => last.extend(rest),
            (Ok(_), None) => {}
            (Err(_), _) => decoded.whole = false,
        }
    }
    Ok(decoded)
}

/// A coding that is undone while the body comes.
pub struct Decoder {
    coding: Coding,
    inner: Inner,
    most: usize,
}

enum Inner {
    Gzip(MultiGzDecoder<Bounded>),
    /// The first byte tells the form of it.
    Deflate(Option<Bounded>),
    Zlib(ZlibDecoder<Bounded>),
    Bare(DeflateDecoder<Bounded>),
    Brotli(Box<DecompressorWriter<Bounded>>),
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({})", self.coding)
    }
}

impl Decoder {
    /// A decoder at the start of a body, of which `most` bytes may come out at a time.
    pub fn new(coding: Coding, most: usize) -> Self {
        let bounded = Bounded { most, ..Bounded::default() };
        let inner = match coding {
            Coding::Gzip => Inner::Gzip(MultiGzDecoder::new(bounded)),
            Coding::Deflate => Inner::Deflate(Some(bounded)),
            Coding::Brotli => Inner::Brotli(Box::new(DecompressorWriter::new(bounded, BUFFER))),
        };
        Self { coding, inner, most }
    }

    /// The plain bytes of these.
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Vec<u8>, CodingError> {
        if let (Inner::Deflate(bounded), Some(first)) = (&mut self.inner, bytes.first()) {
            // zlib begins with its method, 8, in the lower half of a byte; a bare block of this kind does not.
            let bounded = bounded.take().unwrap_or_default();
            self.inner = if first & 0x0f == 8 {
                Inner::Zlib(ZlibDecoder::new(bounded))
            } else {
                Inner::Bare(DeflateDecoder::new(bounded))
            };
        }
        let done = match &mut self.inner {
            Inner::Gzip(decoder) => write(decoder, bytes),
            Inner::Zlib(decoder) => write(decoder, bytes),
            Inner::Bare(decoder) => write(decoder, bytes),
            Inner::Brotli(decoder) => write(decoder.as_mut(), bytes),
            Inner::Deflate(_) => Ok(()),
        };
        self.given(done)
    }

    /// The last of the plain bytes; an error if the coding has not ended with the body.
    pub fn end(&mut self) -> Result<Vec<u8>, CodingError> {
        let done = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.try_finish(),
            Inner::Zlib(decoder) => decoder.try_finish(),
            Inner::Bare(decoder) => decoder.try_finish(),
            Inner::Brotli(decoder) => decoder.close(),
            Inner::Deflate(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        self.given(done)
    }

    fn given(&mut self, done: io::Result<()>) -> Result<Vec<u8>, CodingError> {
        let bounded = match &mut self.inner {
            Inner::Gzip(decoder) => decoder.get_mut(),
            Inner::Zlib(decoder) => decoder.get_mut(),
            Inner::Bare(decoder) => decoder.get_mut(),
            Inner::Brotli(decoder) => decoder.get_mut(),
            Inner::Deflate(_) => return done.map(|()| Vec::new()).map_err(|_| CodingError::Damaged(self.coding)),
        };
        match done {
            _ if bounded.over => Err(CodingError::TooLarge(self.most)),
            Ok(()) => Ok(std::mem::take(&mut bounded.bytes)),
            Err(_) => Err(CodingError::Damaged(self.coding)),
        }
    }
}

fn write(decoder: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    decoder.write_all(bytes)?;
    decoder.flush()
}

/// Bytes that came out and were not yet taken, at most so many.
#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    over: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.over |= self.bytes.len() + bytes.len() > self.most;
        if self.over {
            return Err(io::Error::other("too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    /// `"one two "` sixteen times, in brotli: no encoder is at hand.
    const BROTLI: &str = "G38A+I2UrsZS+VZGlyBud5FbOEAqDw==";

    fn coded(coding: Coding, bare: bool, bytes: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate if bare => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Brotli => STANDARD.decode(BROTLI).unwrap(),
        }
    }

    #[test]
    fn what_was_coded_comes_back_wherever_it_is_cut() {
        let plain = "one two ".repeat(16).into_bytes();
        for (coding, bare) in
            [(Coding::Gzip, false), (Coding::Deflate, false), (Coding::Deflate, true), (Coding::Brotli, false)]
        {
            let coded = coded(coding, bare, &plain);
            assert_eq!(coding.undo(&coded, MOST).as_deref(), Ok(plain.as_slice()), "{coding}");
            for at in 0..coded.len() {
                let mut decoder = Decoder::new(coding, MOST);
                let mut got = decoder.decode(&coded[..at]).unwrap();
                got.extend(decoder.decode(&coded[at..]).unwrap());
                got.extend(decoder.end().unwrap());
                assert_eq!(got, plain, "{coding} cut at {at}");
                let short = coding.undo(&coded[..at], MOST);
                assert_eq!(short, Err(CodingError::Damaged(coding)), "{coding} ends at {at}");
            }
            assert_eq!(coding.undo(&coded, plain.len() - 1), Err(CodingError::TooLarge(plain.len() - 1)), "{coding}");
            assert!(coding.undo(&coded, plain.len()).is_ok(), "{coding}");
        }
    }

    #[test]
    fn a_bomb_is_left_at_the_limit() {
        let bomb = coded(Coding::Gzip, false, &vec![0; 32 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert_eq!(Coding::Gzip.undo(&bomb, 1 << 20), Err(CodingError::TooLarge(1 << 20)));
    }

    #[test]
    fn what_is_no_such_coding_is_damaged() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli] {
            for bytes in [&b""[..], b"no coding at all", b"{\"a\": 1}"] {
                assert_eq!(coding.undo(bytes, MOST), Err(CodingError::Damaged(coding)), "{coding} {bytes:?}");
            }
        }
    }

    #[test]
    fn pieces_stay_pieces_and_a_cut_body_is_not_whole() {
        let coded = coded(Coding::Gzip, false, b"one two");
        let (head, tail) = coded.split_at(12);
        let decoded = decode("gzip", &[head, tail], MOST).unwrap();
        assert_eq!((decoded.pieces.len(), decoded.body().as_slice(), decoded.whole), (2, &b"one two"[..], true));
        let cut = decode("gzip", &[&coded[..coded.len() - 4]], MOST).unwrap();
        assert_eq!((cut.body().as_slice(), cut.whole), (&b"one two"[..], false));
        let twice = self::coded(Coding::Deflate, false, &coded);
        assert_eq!(decode("gzip, deflate", &[twice], MOST).unwrap().body(), b"one two");
        assert_eq!(decode("identity", &[b"one"], MOST).unwrap().body(), b"one");
        assert_eq!(decode("gzip", &[b"plain text"], MOST), Err(CodingError::Damaged(Coding::Gzip)));
        assert!(is_coded("zstd") && is_coded("br") && !is_coded("identity") && !is_coded(""));
    }

    #[test]
    fn codings_are_listed() {
        let check = |value: &str, expect: Result<Vec<Coding>, &str>| {
            assert_eq!(Coding::listed(value).map_err(|error| error.to_string()), expect.map_err(str::to_owned));
        };
        check("", Ok(vec![]));
        check("identity", Ok(vec![]));
        check("GZIP", Ok(vec![Coding::Gzip]));
        check("deflate, br", Ok(vec![Coding::Deflate, Coding::Brotli]));
        check("gzip, zstd", Err("the content coding `zstd` is not known here"));
    }
}
