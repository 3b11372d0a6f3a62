//! Reading messages.

use super::crc32::crc32;
use super::{CHECKSUM, Damage, Headers, MAX_HEADERS, MAX_PAYLOAD, Message, PRELUDE, Rule, Value};

/// Decodes messages from bytes that are cut anywhere; the same bytes give the same messages however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Bytes of the message that is not whole yet.
    pending: Vec<u8>,
    /// Offset of their first in the body.
    at: usize,
    damage: Option<Damage>,
}

impl Decoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives the messages that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Message> {
        let mut messages = Vec::new();
        if self.damage.is_some() {
            return messages;
        }
        self.pending.extend_from_slice(bytes);
        let mut taken = 0;
        loop {
            match read(&self.pending[taken..], self.at + taken) {
                Ok(None) => break,
                Ok(Some(message)) => {
                    taken += message.span.len();
                    messages.push(message);
                }
                Err((rule, message)) => {
                    self.damage = Some(Damage { rule, offset: self.at + taken, message });
                    break;
                }
            }
        }
        self.pending.drain(..taken);
        self.at += taken;
        messages
    }

    /// Where the stream cannot be read on.
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }
}

/// The message at the beginning of bytes that stand at `offset`; `None` while it is not whole.
fn read(bytes: &[u8], offset: usize) -> Result<Option<Message>, (Rule, String)> {
    let Some(prelude) = bytes.get(..PRELUDE) else { return Ok(None) };
    let [total, head, crc] = [0, 4, 8].map(|at| number(&prelude[at..]));
    if crc32(&prelude[..8]) != crc {
        return Err((Rule::Prelude, "the checksum of the message's lengths is wrong".to_owned()));
    }
    let (total, head) = (total as usize, head as usize);
    let payload = total.checked_sub(PRELUDE + CHECKSUM).and_then(|rest| rest.checked_sub(head));
    if head > MAX_HEADERS || payload.is_none_or(|payload| payload > MAX_PAYLOAD) {
        let message = format!("no message has {total} bytes, {head} of them headers");
        return Err((Rule::Length, message));
    }
    let Some(bytes) = bytes.get(..total) else { return Ok(None) };
    let (checked, crc) = bytes.split_at(total - CHECKSUM);
    if crc32(checked) != number(crc) {
        return Err((Rule::Checksum, "the checksum of the message is wrong".to_owned()));
    }
    let (head, payload) = checked[PRELUDE..].split_at(head);
    let headers = headers(head).ok_or((Rule::Headers, "the headers cannot be read".to_owned()))?;
    Ok(Some(Message { headers, payload: payload.to_vec(), span: offset..offset + total }))
}

/// The number at the beginning of four bytes or more.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().copied().map_or(0, u32::from_be_bytes)
}

fn headers(mut bytes: &[u8]) -> Option<Headers> {
    let mut headers = Headers::new();
    while !bytes.is_empty() {
        let [length] = take(&mut bytes)?;
        let name = std::str::from_utf8(some(&mut bytes, length.into())?).ok()?;
        let value = value(&mut bytes)?;
        headers.push((name.to_owned(), value));
    }
    Some(headers)
}

fn value(bytes: &mut &[u8]) -> Option<Value> {
    let [kind] = take(bytes)?;
    Some(match kind {
        0 => Value::Bool(true),
        1 => Value::Bool(false),
        2 => Value::Byte(i8::from_be_bytes(take(bytes)?)),
        3 => Value::Short(i16::from_be_bytes(take(bytes)?)),
        4 => Value::Int(i32::from_be_bytes(take(bytes)?)),
        5 => Value::Long(i64::from_be_bytes(take(bytes)?)),
        6 => Value::Bytes(counted(bytes)?.to_vec()),
        7 => Value::Text(std::str::from_utf8(counted(bytes)?).ok()?.to_owned()),
        8 => Value::Time(i64::from_be_bytes(take(bytes)?)),
        9 => Value::Uuid(take(bytes)?),
        _ => return None,
    })
}

/// The next bytes, as many as their length in front says.
fn counted<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = u16::from_be_bytes(take(bytes)?);
    some(bytes, length.into())
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn some<'b>(bytes: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (first, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(first)
}
