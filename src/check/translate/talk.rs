//! A conversation by what it is made of: texts, calls, results, images and reasoning, each list by itself, so that what
//! is lost from one does not show in the others.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text::Pieces;
use crate::api::{Conversation, Part, Role};

/// Signatures that stand for none, by <https://ai.google.dev/gemini-api/docs/thought-signatures>.
const NO_SIGNATURES: [&str; 2] = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

/// What is said in turns, without instructions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) role: Role,
    pub(super) text: Pieces,
}

/// A call of a tool; calls are known by their order, for ids may be renamed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Value,
    /// Characters that the user said before.
    pub(super) after: usize,
}

/// What a tool gave back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// Which call it answers, by order; `None` for a call that is not there.
    pub(super) call: Option<usize>,
    pub(super) text: Pieces,
    pub(super) error: bool,
}

/// An image.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) digest: String,
    pub(super) media_type: String,
    pub(super) url: String,
    /// Whether a tool gave it back.
    pub(super) of_tool: bool,
    /// Characters that were said before.
    pub(super) after: usize,
}

/// Known by what it shows; where it stands is looked at apart.
impl PartialEq for Picture {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// Reasoning with its signature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thought {
    pub(super) text: String,
    pub(super) signature: Option<String>,
}

/// Something with a cache mark.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// `system`, `user`, `assistant`, `tool`, `tools`.
    pub(super) area: &'static str,
    /// What it stands behind.
    pub(super) anchor: String,
}

/// Behind a joined text, a mark is where it was behind the last piece.
impl PartialEq for Mark {
    fn eq(&self, other: &Self) -> bool {
        let ends = |a: &str, b: &str| a.trim_end().ends_with(b.trim_end());
        self.area == other.area && (ends(&self.anchor, &other.anchor) || ends(&other.anchor, &self.anchor))
    }
}

/// A conversation taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    /// Instructions, each with the characters that were said before it.
    pub(super) system: Vec<(String, usize)>,
    pub(super) said: Vec<Said>,
    pub(super) calls: Vec<Call>,
    pub(super) results: Vec<Outcome>,
    pub(super) pictures: Vec<Picture>,
    pub(super) thoughts: Vec<Thought>,
    pub(super) marks: Vec<Mark>,
    /// What has no neutral form.
    pub(super) others: Vec<Value>,
    /// Characters said so far: in all, and by the user.
    spoken: usize,
    asked: usize,
    /// Calls by id.
    ids: BTreeMap<String, usize>,
}

impl Talk {
    pub(super) fn of(conversation: &Conversation) -> Self {
        let mut talk = Self::default();
        for tool in conversation.tools.iter().filter(|tool| tool.cache) {
            talk.marks.push(Mark { area: "tools", anchor: tool.name.clone() });
        }
        for turn in &conversation.turns {
            for part in &turn.parts {
                talk.part(turn.role, part);
            }
        }
        talk
    }

    /// The instructions as one text.
    pub(super) fn instructions(&self) -> Pieces {
        Pieces(self.system.iter().map(|(text, _)| text.clone()).collect())
    }

    fn part(&mut self, role: Role, part: &Part) {
        match part {
            Part::Text { text, cache } => {
                if *cache {
                    self.marks.push(Mark { area: area(role), anchor: text.clone() });
                }
                self.text(role, text);
            }
            Part::Refusal { text } => self.text(role, text),
            Part::Image { .. } => self.picture(part, false),
            // Google names these for calls that its models did not make: nobody thought anything.
            Part::Thinking { text, signature: Some(signature) }
                if text.is_empty() && NO_SIGNATURES.contains(&signature.as_str()) => {}
            Part::Thinking { text, signature } => {
                self.thoughts.push(Thought { text: text.clone(), signature: signature.clone() });
            }
            Part::ToolCall { id, name, arguments } => {
                self.ids.insert(id.clone(), self.calls.len());
                self.calls.push(Call { name: name.clone(), arguments: arguments.clone(), after: self.asked });
            }
            Part::ToolResult { id, parts, error, cache } => self.result(id, parts, *error, *cache),
            Part::Other(value) if value["type"] == "redacted_thinking" => {
                let text = value["data"].as_str().unwrap_or_default().to_owned();
                self.thoughts.push(Thought { text, signature: None });
            }
            Part::Other(value) => self.others.push(value.clone()),
        }
    }

    /// A text without words is a placeholder at most.
    fn text(&mut self, role: Role, text: &str) {
        let bare = text.chars().filter(|c| !c.is_whitespace()).count();
        if bare == 0 {
            return;
        }
        if role == Role::System {
            self.system.push((text.to_owned(), self.spoken));
            return;
        }
        self.spoken += bare;
        if role == Role::User {
            self.asked += bare;
        }
        match self.said.last_mut() {
            Some(last) if last.role == role => last.text.0.push(text.to_owned()),
            _ => self.said.push(Said { role, text: Pieces(vec![text.to_owned()]) }),
        }
    }

    fn result(&mut self, id: &str, parts: &[Part], error: bool, cache: bool) {
        let call = self.ids.get(id).copied();
        let mut texts = Vec::new();
        let mut marked = cache;
        for part in parts {
            match part {
                Part::Text { text, cache } => {
                    marked |= cache;
                    texts.push(text.clone());
                }
                Part::Image { .. } => self.picture(part, true),
                Part::Other(value) => texts.push(value.to_string()),
                _ => {}
            }
        }
        let text = Pieces(texts);
        if marked {
            self.marks.push(Mark { area: "tool", anchor: text.joined() });
        }
        self.results.push(Outcome { call, text, error });
    }

    fn picture(&mut self, part: &Part, of_tool: bool) {
        if let Part::Image { digest, media_type, url } = part {
            let (digest, media_type, url) = (digest.clone(), media_type.clone(), url.clone());
            self.pictures.push(Picture { digest, media_type, url, of_tool, after: self.spoken });
        }
    }
}

fn area(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}
