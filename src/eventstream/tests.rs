//! Known messages, damaged ones, and whatever is drawn.

use proptest::prelude::*;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hex");
    digits.chunks(2).map(pair).collect()
}

fn decode(body: &[u8], size: usize) -> (Vec<Message>, Option<Damage>) {
    let mut decoder = Decoder::new();
    let messages = body.chunks(size).flat_map(|chunk| decoder.feed(chunk)).collect();
    (messages, decoder.damage().cloned())
}

/// Messages whose bytes AWS publishes for those who write decoders, and one as Bedrock sends it.
#[test]
fn known_messages_are_read_and_written() {
    let check = |hex: &str, headers: Headers, payload: &str| {
        let body = bytes(hex);
        let message = Message { headers, payload: payload.as_bytes().to_vec(), span: 0..body.len() };
        assert_eq!(encode(&message.headers, &message.payload), Some(body.clone()));
        assert_eq!(decode(&body, 5), (vec![message], None));
    };
    let text = |name: &str, value: &str| (name.to_owned(), Value::Text(value.to_owned()));
    check("00000010 00000000 05c248eb 7d98c8ff", vec![], "");
    check("0000001d 00000000 fd528c5a 7b27666f6f273a27626172277d c3653936", vec![], "{'foo':'bar'}");
    check(
        "0000003d 00000020 07fd8396 0c636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e \
         7b27666f6f273a27626172277d 8d9c08b1",
        vec![text("content-type", "application/json")],
        "{'foo':'bar'}",
    );
    let start = bytes(
        "00000088 00000052 61d114e2 0b3a6576656e742d7479706507000c6d6573736167655374617274 \
         0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e \
         0d3a6d6573736167652d747970650700056576656e74 \
         7b2270223a226162636465666768696a6b222c22726f6c65223a22617373697374616e74227d b7f56ac9",
    );
    assert_eq!(json("event", "messageStart", br#"{"p":"abcdefghijk","role":"assistant"}"#), start);
    assert_eq!(decode(&start, 1).0[0].name(), Some("messageStart"));
}

#[test]
fn nothing_is_read_behind_a_damaged_message() {
    let good = json("event", "a", b"{}");
    let check = |change: &dyn Fn(&mut Vec<u8>), rule: Rule| {
        let mut bad = good.clone();
        change(&mut bad);
        let body = [good.clone(), bad, good.clone()].concat();
        for size in [1, 7, 1000] {
            let (messages, damage) = decode(&body, size);
            assert_eq!(messages.len(), 1, "{rule:?}");
            assert_eq!(damage.map(|damage| (damage.rule, damage.offset)), Some((rule, good.len())), "{rule:?}");
        }
    };
    check(&|bad| bad[8] ^= 1, Rule::Prelude);
    check(&|bad| bad[0] = b'd', Rule::Prelude);
    check(&|bad| *bad.last_mut().expect("bytes") ^= 1, Rule::Checksum);
    check(&|bad| bad[20] ^= 1, Rule::Checksum);
    // Lengths and headers that no message has, under checksums that are right.
    let sealed = |total: u32, head: u32, rest: &[u8]| {
        let mut bytes = [total.to_be_bytes(), head.to_be_bytes()].concat();
        bytes.extend_from_slice(&crc32::crc32(&bytes).to_be_bytes());
        bytes.extend_from_slice(rest);
        bytes.extend_from_slice(&crc32::crc32(&bytes).to_be_bytes());
        bytes
    };
    check(&|bad| *bad = sealed(15, 0, b""), Rule::Length);
    check(&|bad| *bad = sealed(20, 5, b"aaaa"), Rule::Length);
    check(&|bad| *bad = sealed(u32::MAX, 0, b""), Rule::Length);
    for head in [b"\x01a".as_slice(), b"\x02a", b"\x01a\x0a", b"\x01a\x07\x00\x05a", b"\x01\xff\x00", b"\x01a\x03\x01"]
    {
        let length = u32::try_from(head.len()).expect("short");
        check(&|bad| *bad = sealed(16 + length, length, head), Rule::Headers);
    }
}

#[test]
fn what_no_message_can_hold_is_not_written() {
    let header = |name: String, value: Value| encode(&[(name, value)], b"");
    assert_eq!(header(String::new(), Value::Bool(true)), None);
    assert_eq!(header("n".repeat(256), Value::Bool(true)), None);
    assert_eq!(header("n".to_owned(), Value::Text("v".repeat(1 << 16))), None);
    assert_eq!(encode(&[], &vec![0; MAX_PAYLOAD + 1]), None);
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i8>().prop_map(Value::Byte),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        ".{0,40}".prop_map(Value::Text),
        any::<i64>().prop_map(Value::Time),
        any::<[u8; 16]>().prop_map(Value::Uuid),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        messages in proptest::collection::vec(
            (proptest::collection::vec(("[a-z:-]{1,12}", values()), 0..4), proptest::collection::vec(any::<u8>(), 0..99)),
            0..5,
        ),
        size in 1_usize..50,
    ) {
        let mut body = Vec::new();
        let mut expect = Vec::new();
        for (headers, payload) in messages {
            let start = body.len();
            body.extend(encode(&headers, &payload).expect("it fits"));
            expect.push(Message { headers, payload, span: start..body.len() });
        }
        prop_assert_eq!(decode(&body, size), (expect, None));
    }

    #[test]
    fn whatever_comes_is_read(body in proptest::collection::vec(any::<u8>(), 0..200), size in 1_usize..50) {
        prop_assert_eq!(decode(&body, size), decode(&body, 1));
    }
}
