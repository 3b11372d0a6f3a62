//! The body of a message, taken out of its framing.

use bytes::BytesMut;

use super::{Got, MAX_HEAD};

/// How the end of a body is told (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By its length in bytes.
    Length(u64),
    /// By a chunk of no bytes.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// Where in a body the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Bytes that are still to come.
    Length(u64),
    UntilClose,
    ChunkSize,
    ChunkData(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    Trailer,
    Done,
}

/// Takes a body out of its framing.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
    framing: Framing,
    /// What the chunk that is being read has announced.
    announced: u64,
}

impl BodyDecoder {
    /// For a body in this framing.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilClose => State::UntilClose,
        };
        Self { state, framing, announced: 0 }
    }

    /// How this body is framed.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Whether nothing more belongs to it.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what it can off the front of `buffer`; what stays there is a line without its end, or no longer the body.
    pub fn feed(&mut self, buffer: &mut BytesMut, got: &mut Vec<Got>) {
        while self.state != State::Done {
            match self.step(buffer, got) {
                Ok(true) => {}
                Ok(false) => break,
                Err(why) => {
                    self.state = State::Done;
                    got.push(Got::Bad(why));
                }
            }
        }
    }

    /// The connection ended: whether that is the proper end of the body.
    pub fn eof(&self) -> Result<(), String> {
        match (self.state, self.framing) {
            (State::UntilClose | State::Done, _) => Ok(()),
            (State::Length(missing), Framing::Length(length)) => {
                Err(format!("the connection was closed after {} of {length} bytes", length - missing))
            }
            _ => Err("the connection was closed inside the chunked body".to_owned()),
        }
    }

    /// Bytes that came of the chunk that is being read, and bytes that it has announced; `None` between chunks.
    pub fn inside_chunk(&self) -> Option<(u64, u64)> {
        match self.state {
            State::ChunkData(missing) if missing < self.announced => Some((self.announced - missing, self.announced)),
            _ => None,
        }
    }

    /// Takes what can be taken at once; `false` if more bytes are needed.
    fn step(&mut self, buffer: &mut BytesMut, got: &mut Vec<Got>) -> Result<bool, String> {
        match self.state {
            State::UntilClose => Ok(data(u64::MAX, buffer, got) > 0),
            State::Length(0) => Ok(self.end(got)),
            State::Length(missing) => {
                let taken = data(missing, buffer, got);
                self.state = State::Length(missing - taken);
                Ok(taken > 0)
            }
            State::ChunkSize => {
                let Some(line) = line(buffer)? else { return Ok(false) };
                let size = line.split(';').next().unwrap_or_default().trim();
                if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return Err(format!("`{}` is no chunk size", line.escape_debug()));
                }
                let size = u64::from_str_radix(size, 16).map_err(|_| format!("a chunk of {size} bytes"))?;
                self.announced = size;
                self.state = if size == 0 { State::Trailer } else { State::ChunkData(size) };
                Ok(true)
            }
            State::ChunkData(missing) => {
                let taken = data(missing, buffer, got);
                self.state = if taken == missing { State::ChunkEnd } else { State::ChunkData(missing - taken) };
                if taken == missing {
                    got.push(Got::ChunkEnd);
                }
                Ok(taken > 0)
            }
            State::ChunkEnd => match line(buffer)? {
                None => Ok(false),
                Some(line) if line.is_empty() => {
                    self.state = State::ChunkSize;
                    Ok(true)
                }
                Some(_) => Err("a chunk is longer than its size".to_owned()),
            },
            State::Trailer => match line(buffer)? {
                None => Ok(false),
                Some(line) if line.is_empty() => Ok(self.end(got)),
                Some(line) => {
                    let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                    got.push(Got::Trailer(name.trim().to_owned(), value.trim().to_owned()));
                    Ok(true)
                }
            },
            State::Done => Ok(false),
        }
    }

    fn end(&mut self, got: &mut Vec<Got>) -> bool {
        self.state = State::Done;
        got.push(Got::End);
        true
    }
}

/// Takes up to `most` bytes of the body.
fn data(most: u64, buffer: &mut BytesMut, got: &mut Vec<Got>) -> u64 {
    let n = usize::try_from(most).unwrap_or(usize::MAX).min(buffer.len());
    if n > 0 {
        got.push(Got::Data(buffer.split_to(n).freeze()));
    }
    n as u64
}

/// Takes a line without its end.
fn line(buffer: &mut BytesMut) -> Result<Option<String>, String> {
    let Some(end) = buffer.iter().position(|&byte| byte == b'\n') else {
        return if buffer.len() > MAX_HEAD { Err("a line without an end".to_owned()) } else { Ok(None) };
    };
    let line = buffer.split_to(end + 1);
    let line = String::from_utf8_lossy(&line);
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}
