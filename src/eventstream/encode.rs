//! Writing messages.

use super::crc32::crc32;
use super::{CHECKSUM, MAX_HEADERS, MAX_PAYLOAD, PRELUDE, Value};

/// The bytes of a message; `None` where it is longer than a message may be.
pub fn encode(headers: &[(String, Value)], payload: &[u8]) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).ok().filter(|length| *length > 0)?);
        head.extend_from_slice(name.as_bytes());
        put(&mut head, value)?;
    }
    if head.len() > MAX_HEADERS || payload.len() > MAX_PAYLOAD {
        return None;
    }
    let total = PRELUDE + head.len() + payload.len() + CHECKSUM;
    let mut bytes = Vec::with_capacity(total);
    for length in [total, head.len()] {
        bytes.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    }
    bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
    Some(bytes)
}

/// Makes the last checksum of a message right, after something in it was changed.
pub fn seal(message: &mut [u8]) {
    let Some(end) = message.len().checked_sub(CHECKSUM) else { return };
    let crc = crc32(&message[..end]);
    message[end..].copy_from_slice(&crc.to_be_bytes());
}

fn put(out: &mut Vec<u8>, value: &Value) -> Option<()> {
    let mut fixed = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Bool(true) => fixed(0, &[]),
        Value::Bool(false) => fixed(1, &[]),
        Value::Byte(number) => fixed(2, &number.to_be_bytes()),
        Value::Short(number) => fixed(3, &number.to_be_bytes()),
        Value::Int(number) => fixed(4, &number.to_be_bytes()),
        Value::Long(number) => fixed(5, &number.to_be_bytes()),
        Value::Time(millis) => fixed(8, &millis.to_be_bytes()),
        Value::Uuid(bytes) => fixed(9, bytes),
        Value::Bytes(bytes) => {
            fixed(6, &length(bytes)?);
            out.extend_from_slice(bytes);
        }
        Value::Text(text) => {
            fixed(7, &length(text.as_bytes())?);
            out.extend_from_slice(text.as_bytes());
        }
    }
    Some(())
}

fn length(bytes: &[u8]) -> Option<[u8; 2]> {
    u16::try_from(bytes.len()).ok().map(u16::to_be_bytes)
}
