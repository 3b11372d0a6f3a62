//! A plan as it goes on the wire: what is due at once lies together, and goes out in one write.

use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::head::{Framing, head};
use crate::fault::{End, Opening, Plan, Step};

/// Most bytes that are held back to go out in one write.
const WRITE: usize = 64 << 10;

/// A plan in the framing of one request.
#[derive(Debug)]
pub(super) struct Tape {
    pub(super) plan: Arc<Plan>,
    pub(super) framing: Framing,
    /// Every byte that goes out before the end.
    pub(super) bytes: Vec<u8>,
    /// Where head and body lie in them, without the framing of chunks.
    pub(super) payload: Vec<Range<usize>>,
    pub(super) moves: Vec<Move>,
}

/// What is done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Bytes go out.
    Write {
        /// Not before this time since the response began.
        at: Duration,
        /// Where they lie on the tape.
        bytes: Range<usize>,
        /// The plan's steps whose bytes they are.
        steps: Range<usize>,
    },
    /// The step of the plan that stands here sends nothing.
    Wait(usize),
}

impl Tape {
    pub(super) fn new(plan: Arc<Plan>, framing: Framing) -> Self {
        let mut tape = Self {
            payload: Vec::with_capacity(plan.steps.len() + 1),
            plan,
            framing,
            bytes: Vec::new(),
            moves: Vec::new(),
        };
        let plan = Arc::clone(&tape.plan);
        if plan.opening != Opening::Never {
            if framing != Framing::Frames {
                tape.lay(&head(&plan, framing));
            }
            tape.write(Duration::ZERO, 0, 0..0);
        }
        for (step, what) in plan.steps.iter().enumerate() {
            if let Step::Send { at, data, coded, .. } = what {
                let from = tape.bytes.len();
                tape.put(coded.as_ref().unwrap_or(data));
                tape.write(*at, from, step..step + 1);
            } else {
                tape.moves.push(Move::Wait(step));
            }
        }
        if plan.end == End::Complete && framing == Framing::Chunked {
            let (from, steps) = (tape.bytes.len(), plan.steps.len());
            tape.bytes.extend_from_slice(b"0\r\n\r\n");
            // Due with what stands before it, however late that is.
            let at = tape.moves.iter().rev().find_map(|last| match last {
                Move::Write { at, .. } => Some(*at),
                Move::Wait(_) => None,
            });
            tape.write(at.unwrap_or_default(), from, steps..steps);
        }
        tape
    }

    /// Puts body bytes on the tape: each send is an HTTP chunk of its own.
    fn put(&mut self, data: &[u8]) {
        match self.framing {
            Framing::Empty | Framing::Frames => {}
            Framing::Length(_) | Framing::UntilClose => self.lay(data),
            Framing::Chunked if data.is_empty() => {}
            Framing::Chunked => {
                // Writing to memory cannot fail.
                let _ = write!(self.bytes, "{:x}\r\n", data.len());
                self.lay(data);
                self.bytes.extend_from_slice(b"\r\n");
            }
        }
    }

    fn lay(&mut self, payload: &[u8]) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.payload.push(from..self.bytes.len());
    }

    /// The bytes from `from` on go out at `at`: with those before them, if these are due then.
    fn write(&mut self, at: Duration, from: usize, more: Range<usize>) {
        let end = self.bytes.len();
        let apart = self.plan.apart;
        match self.moves.last_mut() {
            Some(Move::Write { at: due, bytes, steps })
                if *due == at && bytes.len() < WRITE && (!apart || Range::is_empty(steps)) =>
            {
                bytes.end = end;
                *steps = if Range::is_empty(steps) { more } else { steps.start..more.end };
            }
            _ => self.moves.push(Move::Write { at, bytes: from..end, steps: more }),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::reply;
    use super::*;
    use crate::wire::Headers;

    fn send(at: u64, data: &'static str) -> Step {
        Step::Send { at: Duration::from_millis(at), data: Bytes::from(data), coded: None, text: 0 }
    }

    /// What is done, each write as its time in milliseconds and the bytes behind the head.
    fn moves(change: impl FnOnce(&mut Plan)) -> Vec<String> {
        let mut plan = reply::unary(200, Headers::default(), Vec::new());
        plan.chunked = true;
        change(&mut plan);
        let tape = Tape::new(Arc::new(plan), Framing::Chunked);
        let shown = |next: &Move| match next {
            Move::Write { at, bytes, steps } => {
                let text = String::from_utf8(tape.bytes[bytes.clone()].to_vec()).unwrap();
                let body = text.split_once("\r\n\r\n").filter(|(head, _)| head.starts_with("HTTP"));
                let body = body.map_or(text.clone(), |(_, body)| format!("HEAD {body}"));
                format!("{} {steps:?} {}", at.as_millis(), body.replace("\r\n", "|"))
            }
            Move::Wait(step) => format!("wait {step}"),
        };
        tape.moves.iter().map(shown).collect()
    }

    #[test]
    fn what_is_due_at_once_goes_out_at_once() {
        let check = |steps: Vec<Step>, expect: &[&str]| assert_eq!(moves(|plan| plan.steps = steps), expect);
        check(vec![], &["0 0..0 HEAD 0||"]);
        check(vec![send(0, "ab"), send(0, "c")], &["0 0..2 HEAD 2|ab|1|c|0||"]);
        check(vec![send(5, "ab"), send(9, "c")], &["0 0..0 HEAD ", "5 0..1 2|ab|", "9 1..2 1|c|0||"]);
        check(
            vec![send(0, "ab"), Step::Gate, send(0, "c"), Step::Stall(None)],
            &["0 0..1 HEAD 2|ab|", "wait 1", "0 2..3 1|c|", "wait 3", "0 4..4 0||"],
        );
    }

    #[test]
    fn a_send_that_stands_apart_is_a_write_of_its_own() {
        let apart = moves(|plan| {
            plan.apart = true;
            plan.steps = vec![send(0, "ab"), send(0, "c")];
        });
        assert_eq!(apart, ["0 0..1 HEAD 2|ab|", "0 1..2 1|c|", "0 2..2 0||"]);
    }

    #[test]
    fn a_plan_without_a_head_has_none() {
        let never = moves(|plan| {
            plan.opening = Opening::Never;
            plan.end = End::Close;
            plan.steps = vec![Step::Stall(None)];
        });
        assert_eq!(never, ["wait 0"]);
    }
}
