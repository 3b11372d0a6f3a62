//! What a leg does with each request: attempts, plays, answers.

use std::sync::Arc;

use super::{MOST, Resolver, Source, merge, span_in};
use crate::answer::{Flaw, Lookup, ScriptPart, flaw};
use crate::api::{ApiId, Conversation};
use crate::diagnostic::{quoted, suggestion};
use crate::scenario::fit::{self, Asked, Misfit};
use crate::scenario::{Answer, AnswerPlan, At, Barrier, ClientPlan, Edit, Leg, Millis, Obeys, Pace, Play, ShapeLeg};
use crate::yaml::{Node, decode};

impl Resolver<'_> {
    /// What a leg does on its 1st, 2nd, ... request: itself, patched by each of its attempts.
    pub(super) fn attempts(&mut self, node: &Node, shape: &ShapeLeg, client: &ClientPlan) -> Vec<Play> {
        let mut base = node.clone();
        let attempts = base.as_map_mut().and_then(|map| map.shift_remove("attempts"));
        let patches = attempts.as_ref().and_then(|entry| entry.value.as_list()).unwrap_or_default();
        if patches.len() > MOST {
            let span = attempts.as_ref().map_or(node.span, |entry| entry.value.span);
            self.error(span, format!("a leg has at most {MOST} attempts"), None);
        }
        let mut nodes = vec![base];
        if !patches.is_empty() {
            nodes = patches
                .iter()
                .map(|patch| {
                    let mut leg = nodes[0].clone();
                    merge(&mut leg, patch);
                    leg
                })
                .collect();
            for patch in patches {
                for key in ["model", "api", "attempts"] {
                    if let Some(entry) = patch.as_map().and_then(|map| map.get(key)) {
                        self.error(entry.key, format!("an attempt has no `{key}` of its own"), None);
                    }
                }
            }
        }
        let mut plays = Vec::new();
        for (turn, node) in nodes.iter().enumerate() {
            match decode::<Leg>(node) {
                Ok(leg) => plays.push(self.play(node, &leg, speaker(shape), &client.conversation, turn)),
                Err(error) => self.errors.push(error.in_file(self.source.file)),
            }
        }
        plays
    }

    pub(super) fn play(
        &mut self,
        node: &Node,
        leg: &Leg,
        (vendor, api): (&str, ApiId),
        conversation: &Conversation,
        turn: usize,
    ) -> Play {
        let stream = conversation.stream;
        let before = self.errors.len();
        let answer = self.answer(node, leg.answer.as_ref(), api, conversation);
        if let Some(status) = &leg.status
            && !(300..600).contains(&status.code)
        {
            let help = "`status` is an error instead of an answer: 300 to 599";
            self.error(
                span_in(node, &["status", "code"]),
                format!("`{}` is no error status", status.code),
                Some(help.to_owned()),
            );
        }
        if let Some(cut) = leg.cut.as_ref().filter(|cut| cut.at != At::Request) {
            self.position(cut.at, span_in(node, &["cut", "at"]), stream);
        }
        if let Some(misplaced) = leg.cut.as_ref().and_then(|cut| cut.by.misplaced(self.http2)) {
            let help = if self.http2 {
                "`rst_stream` and `goaway` are its counterparts; or leave `settings: {http2: on}` out"
            } else {
                "`settings: {http2: on}` makes the legs speak it"
            };
            self.error(span_in(node, &["cut", "by"]), misplaced, Some(help.to_owned()));
        }
        for (index, edit) in leg.edits.iter().enumerate() {
            if let Edit::Split(0) | Edit::Merge(0) = edit {
                self.error(span_in(node, &["edits", &index.to_string()]), "this counts from 1", None);
            }
        }
        match leg.pace {
            Some(Pace::Scale(factor)) if !(0.0..=1000.0).contains(&factor) => {
                self.error(span_in(node, &["pace"]), "a factor lies between 0 and 1000", None);
            }
            Some(Pace::Every(Millis(0))) => {
                let help = Some("for no pause at all: `instant`".to_owned());
                self.error(span_in(node, &["pace"]), "a pause is longer than nothing", help);
            }
            _ => {}
        }
        let play = Play {
            answer,
            status: leg.status.clone(),
            cut: leg.cut.clone(),
            edits: leg.edits.clone(),
            pace: leg.pace.unwrap_or(Pace::Instant),
            barrier: leg.barrier.unwrap_or(Barrier::Seen),
            obeys: leg.obeys.unwrap_or(Obeys::Exactly),
        };
        // What is wrong already would only be told twice.
        let asked = Asked { tools: &conversation.tools, stream, turn };
        if self.errors.len() == before {
            match fit::check(&self.source.renditions, &play, (vendor, api), asked) {
                Ok(()) => {}
                Err(Misfit::Position(message)) => {
                    let help =
                        "count the positions of this answer, or take a longer one, for example `answer: long-text`";
                    self.error(span_in(node, &["cut", "at"]), message, Some(help.to_owned()));
                }
                Err(Misfit::Effect(message)) => {
                    let early = play.cut.as_ref().is_some_and(|cut| cut.at == At::Request);
                    let help = if early {
                        "`at: head` is the first place for the other effects"
                    } else {
                        "`close`, `eof`, `reset` and `stall` work on every answer"
                    };
                    self.error(span_in(node, &["cut", "by"]), message, Some(help.to_owned()));
                }
                Err(Misfit::Streaming(message)) => {
                    let help = format!("set `client.stream: {}`, or name another cassette", !stream);
                    self.error(span_in(node, &["answer"]), message, Some(help));
                }
            }
        }
        play
    }

    fn answer(&mut self, node: &Node, answer: Option<&Answer>, api: ApiId, conversation: &Conversation) -> AnswerPlan {
        let named = Answer::Named("text".to_owned());
        let answer = answer.unwrap_or(&named);
        let Source { library, folder, .. } = self.source;
        let found = match answer {
            Answer::Named(name) => library.answer(name).map(|script| AnswerPlan::Script { name: name.clone(), script }),
            Answer::File(path) => {
                library.answer_file(*folder, path).map(|script| AnswerPlan::Script { name: path.clone(), script })
            }
            Answer::Script(script) => {
                if let Some(Flaw { path, message, help }) = flaw(script) {
                    let path: Vec<&str> =
                        ["answer", "script"].into_iter().chain(path.iter().map(String::as_str)).collect();
                    self.error(span_in(node, &path), message, help);
                }
                let name = serde_json::to_string(script).unwrap_or_default();
                Ok(AnswerPlan::Script { name, script: Arc::new(script.clone()) })
            }
            Answer::Cassette(path) => {
                library.cassette(*folder, path).map(|cassette| AnswerPlan::Cassette { path: path.clone(), cassette })
            }
        };
        let span = span_in(node, &["answer"]);
        match &found {
            Ok(AnswerPlan::Cassette { cassette, path }) if cassette.api != api => {
                let message = format!(
                    "the cassette {} speaks `{}`, but this leg is asked in `{api}`",
                    quoted(path),
                    cassette.api
                );
                self.error(span, message, Some("a cassette is replayed byte by byte, never translated".to_owned()));
            }
            Ok(AnswerPlan::Script { script, .. }) => {
                for part in &script.parts {
                    let ScriptPart::ToolCall { name: Some(name), .. } = part else { continue };
                    let names = || conversation.tools.iter().map(|tool| tool.name.as_str());
                    if !names().any(|tool| tool == name) {
                        let help = suggestion(name, names()).unwrap_or_else(|| {
                            format!("offer it: `client: {{params: {{tools: [{{name: {name}}}]}}}}`")
                        });
                        let message =
                            format!("the answer calls {}, a tool that the client does not offer", quoted(name));
                        self.error(span, message, Some(help));
                    }
                }
            }
            _ => {}
        }
        match found {
            Ok(plan) => plan,
            Err(problem) => {
                match problem {
                    Lookup::Missing { message, help } => self.error(span, message, help),
                    Lookup::Broken(error) => self.errors.push(error),
                }
                let script = crate::answer::AnswerScript {
                    summary: None,
                    parts: Vec::new(),
                    repeat: None,
                    chunk: None,
                    finish: None,
                    output_tokens: None,
                };
                AnswerPlan::Script { name: String::new(), script: script.into() }
            }
        }
    }
}

/// Who speaks at a leg, and in which API.
pub(super) fn speaker(leg: &ShapeLeg) -> (&str, ApiId) {
    (&leg.model.vendor, leg.api)
}
