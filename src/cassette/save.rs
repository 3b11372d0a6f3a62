//! From recorded exchanges to a cassette file that every YAML reader and every editor leaves as it is.

use super::Cassette;
use crate::yaml;

/// What stands on the first line, for editors: cassettes lie in a folder per vendor.
const MODELINE: &str = "# yaml-language-server: $schema=../cassette.schema.json\n";

/// The name of the schema.
pub const SCHEMA: &str = "cassette.schema.json";

/// The text of a cassette file; loading it gives the cassette back, byte by byte.
///
/// The file never ends in a chunk's data, so nothing that trims the ends of files touches recorded bytes.
pub fn save(cassette: &Cassette) -> String {
    // A cassette has text keys and whole numbers only: writing it cannot fail.
    let body = yaml::to_string(cassette).unwrap_or_default();
    format!("{MODELINE}{body}")
}

/// The same for a file whose schema lies so many folders above it, 0 for beside it.
pub fn save_below(cassette: &Cassette, depth: usize) -> String {
    let text = save(cassette);
    let rest = text.strip_prefix(MODELINE).unwrap_or(&text);
    format!("# yaml-language-server: $schema={}{SCHEMA}\n{rest}", "../".repeat(depth))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::*;
    use super::*;

    fn cassette(chunks: Vec<(Option<u64>, Vec<u8>)>) -> Cassette {
        let chunks = chunks.into_iter().map(|(after, bytes)| RecordedChunk::new(after.map(Millis), &bytes)).collect();
        let mut cassette = Cassette {
            cassette: FORMAT,
            summary: Some("no: yes".to_owned()),
            api: ApiId::OpenaiChat,
            provenance: Provenance {
                how: How::Synthesized,
                source: "a test".to_owned(),
                date: "2026-11-23".to_owned(),
                tool: "crossfade 0.1.0".to_owned(),
                redacted: vec!["authorization".to_owned()],
                lost: vec!["chunk borders".to_owned()],
                sha256: String::new(),
            },
            exchanges: vec![Exchange {
                request: RecordedRequest {
                    method: "POST".to_owned(),
                    target: "/v1/chat/completions".to_owned(),
                    headers: [("content-type", "application/json")].into_iter().collect(),
                    body: "{\"stream\": true}".to_owned(),
                    base64: None,
                },
                response: RecordedResponse {
                    status: 200,
                    http: Some("1.1".to_owned()),
                    headers: [("x", "no"), ("y", "1.20"), ("z", "")].into_iter().collect(),
                    chunks,
                    trailers: [("grpc-status", "0")].into_iter().collect(),
                    end: RecordedEnd::Close,
                },
            }],
        };
        cassette.provenance.sha256 = cassette.digest();
        cassette
    }

    fn check(chunks: Vec<(Option<u64>, Vec<u8>)>) {
        let bodies: Vec<Vec<u8>> = chunks.iter().map(|(_, bytes)| bytes.clone()).collect();
        let cassette = cassette(chunks);
        let text = save(&cassette);
        let loaded = load_text("x.yaml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(loaded, cassette, "{text}");
        let loaded: Vec<Vec<u8>> = loaded.exchanges[0].response.chunks.iter().map(RecordedChunk::bytes).collect();
        assert_eq!(loaded, bodies);
        let theirs: Cassette =
            serde_json::from_value(serde_yaml::from_str(&text).expect("libyaml reads it")).expect("types");
        assert_eq!(theirs, cassette, "{text}");
        // What formatters do to a file does nothing to this one.
        let stripped: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert_eq!(stripped.join("\n").trim_end().to_owned() + "\n", text);
    }

    #[test]
    fn awkward_bytes_come_back() {
        let awkward: &[&[u8]] = &[
            b"",
            b" ",
            b"\n",
            b"\n\n",
            b"data: {}\n\n",
            b"data: {}\r\n\r\n",
            b"\r",
            b"data: x  \n\n",
            b" data: x\n",
            b"\tx\n\n",
            b": ping\n\n",
            b"data: \xf0\x9f\x98",
            b"\x80\n\n",
            b"\xff\xfe",
            b"\0",
            b"no",
            b"~",
            b"1.20",
            b"---\n",
            b"...\n\n",
            b"\xef\xbb\xbfdata: x\n\n",
            b"\xc2\x85",
            b"\xe2\x80\xa8",
            b"\n\n\nx",
            b"x\n\n\n\n",
            b"data: [DONE]",
            b"\x1f\x8b\x08\0",
            b"event: a\ndata: {\"p\":\"aaaa\"}   \n\n",
        ];
        for bytes in awkward {
            check(vec![(None, bytes.to_vec())]);
            check(vec![(Some(41), bytes.to_vec()), (Some(0), bytes.to_vec())]);
        }
        check(awkward.iter().map(|bytes| (Some(1), bytes.to_vec())).collect());
        check(vec![]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_come_back(
            raw in proptest::collection::vec((any::<Option<u32>>(), any::<Vec<u8>>()), 0..6),
            text in proptest::collection::vec("(data: |event: |: |[a-z{}\": \\t\u{1f600}]|\r|\n){0,24}", 0..4),
        ) {
            let raw = raw.into_iter().map(|(after, bytes)| (after.map(u64::from), bytes));
            check(raw.chain(text.into_iter().map(|text| (Some(3), text.into_bytes()))).collect());
        }
    }

    #[test]
    fn reads_best_where_it_is_clean() {
        let chunks = vec![
            (Some(41), b"data: {\"a\": 1}\n\n".to_vec()),
            (Some(1000), b"data: [DONE]  \n\n".to_vec()),
            (None, b"\xff".to_vec()),
        ];
        insta::assert_snapshot!(save(&cassette(chunks)), @r#"
        # yaml-language-server: $schema=../cassette.schema.json
        cassette: 1
        summary: "no: yes"
        api: openai-chat
        provenance:
          how: synthesized
          source: a test
          date: "2026-11-23"
          tool: crossfade 0.1.0
          redacted: [authorization]
          lost: [chunk borders]
          sha256: b5831466bcd521d57bca81e3339dab05b26fd270a9cfe15d5479e3c519d2778e
        exchanges:
          - request:
              method: POST
              target: /v1/chat/completions
              headers:
                - [content-type, application/json]
              body: "{\"stream\": true}"
            response:
              status: 200
              http: "1.1"
              headers:
                - [x, "no"]
                - ["y", "1.20"]
                - [z, ""]
              chunks:
                - after: 41ms
                  data: |+
                    data: {"a": 1}

                - after: 1s
                  data: "data: [DONE]  \n\n"
                - base64: /w==
              trailers:
                - [grpc-status, "0"]
              end: close
        "#);
    }

    #[test]
    fn a_changed_body_is_found() {
        let text = save(&cassette(vec![(None, b"data: x\n\n".to_vec())]));
        let error = load_text("x.yaml", &text.replace("data: x", "data: y")).expect_err("another digest");
        assert!(error.message.contains("digest"), "{error}");
        assert_eq!(error.line(), text.lines().position(|line| line.contains("sha256")).map(|at| at + 1));
    }
}
