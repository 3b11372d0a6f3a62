//! A drawn case, before it is a scenario: plain values that shrink well. Positions are shares of an answer, so that
//! they stay inside it when it shrinks.

use serde_json::Value;

use crate::api::ApiId;
use crate::scenario::{By, Edit, Pace, Status};

/// A drawn case.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    /// What the client asks.
    pub(super) request: Request,
    /// What happens then.
    pub(super) story: Story,
}

/// What the client asks, whatever its API.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    pub(super) stream: bool,
    pub(super) system: Option<String>,
    /// Turns before the last one of the user.
    pub(super) rounds: Vec<Round>,
    /// The parts of the last user turn, as a scenario has them; never empty.
    pub(super) last: Vec<Value>,
    /// The conversation ends with the results of the last round's tools, if it called any.
    pub(super) ends_with_results: bool,
    pub(super) tools: Vec<Tool>,
    /// Parameters by neutral name.
    pub(super) params: Vec<(&'static str, Value)>,
    /// What the model thought before it called tools goes back to it, where the client's API has words for that.
    pub(super) thoughts: bool,
    /// A stream shall tell its usage, where a client has to ask for it.
    pub(super) usage: bool,
}

impl Request {
    pub(super) fn uses_tools(&self) -> bool {
        self.rounds.iter().any(|round| matches!(round.reply, Reply::Tools(..)))
    }

    /// Whether thoughts stand in the history.
    pub(super) fn thinks(&self, client: ApiId) -> bool {
        self.thoughts && client == ApiId::AnthropicMessages && self.uses_tools()
    }
}

/// A user turn and what was answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Round {
    pub(super) user: String,
    pub(super) reply: Reply,
}

/// An answer of a former round.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Text(String),
    /// Tool calls with their results, and the text behind them.
    Tools(Vec<ToolUse>, String),
}

/// A tool call and its result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ToolUse {
    pub(super) arguments: Value,
    pub(super) result: String,
}

/// A tool that the client offers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) description: Option<String>,
    pub(super) parameters: Value,
}

/// What happens when the client asks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Story {
    /// Which of the launch's pairs of client API and shape, as a share of them.
    pub(super) pair: u16,
    /// Scripts of the legs; a shape with fewer takes the first ones.
    pub(super) legs: Vec<Script>,
    /// Where the client leaves, and how.
    pub(super) leave: Option<(Place, By)>,
}

/// What a leg does.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Script {
    pub(super) first: Act,
    /// What it does from the second request on, if that differs.
    pub(super) later: Option<Act>,
}

/// What a leg does with one request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Act {
    pub(super) answer: Answer,
    pub(super) trouble: Trouble,
    pub(super) edits: Vec<Edit>,
    pub(super) pace: Pace,
}

/// What a leg says.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// The default answer.
    Plain,
    /// A bundled answer.
    Named(&'static str),
    /// Anything else.
    Said(Said),
}

/// An answer in parts, in the order in which real models give them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    /// Words of reasoning, and whether it is signed; 0 for none.
    pub(super) thinking: (u32, bool),
    pub(super) text: Text,
    /// Arguments of tool calls.
    pub(super) calls: Vec<Value>,
    /// Characters of a delta; 0 for words.
    pub(super) chunk: u8,
    /// Whether the token limit ends it.
    pub(super) length: bool,
}

/// The text of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    Words(u32),
    Literal(String),
}

/// How an act fails.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    None,
    Status(Status),
    Cut(Place, By),
}

/// A position as a share of the answer: 0 is the first of its kind, `u16::MAX` the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    Head,
    Preamble,
    Texts(u16),
    /// Behind a delta of text that ends with a blank; where there is none, behind any.
    Blanks(u16),
    Pieces(u16),
    Events(u16),
    Bytes(u16),
    LastContent,
    Finish,
    Terminator,
}

impl Act {
    /// The default: a whole answer at once.
    pub(super) const PLAIN: Self =
        Self { answer: Answer::Plain, trouble: Trouble::None, edits: Vec::new(), pace: Pace::Instant };
}

/// The share of `count` that `raw` stands for, from 1.
pub(super) fn share(raw: u16, count: usize) -> usize {
    let count = count.max(1);
    1 + usize::from(raw) * (count - 1) / usize::from(u16::MAX)
}

impl Draft {
    /// The plainest case.
    pub(super) fn plain() -> Self {
        let script = Script { first: Act::PLAIN, later: None };
        Self {
            request: Request {
                stream: true,
                system: None,
                rounds: Vec::new(),
                last: vec![super::draw::PLAIN.into()],
                ends_with_results: false,
                thoughts: false,
                usage: false,
                tools: Vec::new(),
                params: Vec::new(),
            },
            story: Story { pair: 0, legs: vec![script; 3], leave: None },
        }
    }
}
