//! `gzip`: a content coding over a plan, flushed with each step so that it still streams.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{End, Plan, Step};

/// Whether an `accept-encoding` header allows gzip (RFC 9110, section 12.5.3).
pub fn accepts_gzip(accept: &str) -> bool {
    let weight_of = |wanted: &str| {
        accept.split(',').find_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let coding = parts.next().filter(|coding| coding.eq_ignore_ascii_case(wanted))?;
            let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
            (!coding.is_empty()).then(|| weight.map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0)))
        })
    };
    weight_of("gzip").or_else(|| weight_of("x-gzip")).or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

/// Codes what a plan sends. The stream of a plan that is cut is not finished either.
pub fn gzip(plan: &mut Plan) {
    let mut coder = Coder(GzEncoder::new(Vec::new(), Compression::fast()));
    let (mut plain, mut sent) = (0, 0);
    for step in &mut plan.steps {
        if let Step::Send { data, coded, .. } = step {
            let bytes = coder.code(data);
            plain += data.len();
            sent += bytes.len();
            *coded = Some(bytes);
        }
    }
    if plan.end == End::Complete {
        let end = coder.end();
        sent += end.len();
        finish(&mut plan.steps, &end);
    }
    // What an answer that is cut announces is longer than what it sends.
    plan.length = sent + plan.length.saturating_sub(plain);
    plan.headers.0.retain(|(name, _)| !name.eq_ignore_ascii_case("content-encoding"));
    plan.headers.push("content-encoding", "gzip");
}

/// Puts the last bytes of the coding behind the last that is sent.
fn finish(steps: &mut Vec<Step>, end: &[u8]) {
    let last = steps.iter_mut().rev().find_map(|step| match step {
        Step::Send { coded: Some(coded), .. } => Some(coded),
        _ => None,
    });
    match last {
        Some(coded) => *coded = [coded, end].concat().into(),
        None => steps.push(Step::Send {
            at: Duration::ZERO,
            data: Bytes::new(),
            coded: Some(Bytes::copy_from_slice(end)),
            text: 0,
        }),
    }
}

/// A coder over memory, which cannot fail.
#[derive(Debug)]
struct Coder(GzEncoder<Vec<u8>>);

impl Coder {
    fn code(&mut self, data: &[u8]) -> Bytes {
        let _ = self.0.write_all(data);
        let _ = self.0.flush();
        std::mem::take(self.0.get_mut()).into()
    }

    fn end(self) -> Vec<u8> {
        self.0.finish().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use flate2::write::GzDecoder;

    use super::*;
    use crate::fault::Opening;
    use crate::wire::Headers;

    fn plan(pieces: &[&str], end: End, chunked: bool) -> Plan {
        let send = |piece: &&str| Step::Send {
            at: Duration::ZERO,
            data: Bytes::copy_from_slice(piece.as_bytes()),
            coded: None,
            text: 0,
        };
        Plan {
            opening: Opening::AtOnce,
            status: 200,
            headers: Headers::default(),
            chunked,
            length: 100,
            apart: false,
            steps: pieces.iter().map(send).collect(),
            end,
            text: String::new(),
        }
    }

    fn coded(plan: &Plan) -> Vec<&Bytes> {
        let coded = |step| if let &Step::Send { coded: Some(ref coded), .. } = step { Some(coded) } else { None };
        plan.steps.iter().filter_map(coded).collect()
    }

    #[test]
    fn each_piece_can_be_read_as_soon_as_it_is_there() {
        for end in [End::Complete, End::Close] {
            let mut plan = plan(&["data: one\n\n", "data: two\n\n", ""], end, true);
            let plain = plan.body();
            gzip(&mut plan);
            assert_eq!(plan.body(), plain, "what was said stays what it is");
            assert_eq!(plan.headers.get("content-encoding"), Some("gzip"));
            let mut reader = GzDecoder::new(Vec::new());
            let said: Vec<_> = coded(&plan)
                .into_iter()
                .map(|bytes| {
                    reader.write_all(bytes).unwrap();
                    reader.flush().unwrap();
                    String::from_utf8(reader.get_ref().clone()).unwrap()
                })
                .collect();
            assert_eq!(said, ["data: one\n\n", "data: one\n\ndata: two\n\n", "data: one\n\ndata: two\n\n"]);
            assert_eq!(reader.try_finish().is_ok(), end == End::Complete, "a cut stream is not finished");
        }
    }

    #[test]
    fn lengths_are_those_of_the_wire() {
        let sum = |plan: &Plan| coded(plan).iter().map(|bytes| bytes.len()).sum::<usize>();
        let mut whole = Plan { length: 5, ..plan(&["{\"a\"}"], End::Complete, false) };
        gzip(&mut whole);
        assert_eq!(whole.length, sum(&whole));
        let mut cut = Plan { length: 15, ..plan(&["{\"a\"}"], End::Close, false) };
        gzip(&mut cut);
        assert_eq!(cut.length, sum(&cut) + 10);
        let mut empty = plan(&[], End::Complete, true);
        gzip(&mut empty);
        assert!(sum(&empty) > 0, "even nothing has a header");
    }

    #[test]
    fn gzip_is_for_those_who_ask_for_it() {
        let check = |accept: &str, expect: bool| assert_eq!(accepts_gzip(accept), expect, "{accept}");
        check("gzip", true);
        check("br, GZIP;q=0.5", true);
        check("x-gzip", true);
        check("*", true);
        check("gzip;q=0, *", false);
        check("gzip; q=0.0", false);
        check("identity", false);
        check("*;q=0", false);
        check("", false);
    }
}
