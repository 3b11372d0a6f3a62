//! Calls of tools in APIs that say them whole, and tell them apart by order rather than by an id.

use serde_json::Value;

use super::body::parse_arguments;
use super::{Conversation, Part};

/// How ids of calls that have none begin: they are given to have one where an API wants one, and are never written.
pub(super) const UNNAMED: &str = "unnamed_call_";

/// An id as it is written: none where the call has none.
pub(super) fn given(id: &str) -> Option<&str> {
    Some(id).filter(|id| !id.is_empty() && !id.starts_with(UNNAMED))
}

/// Calls of a request so far, in order: results name the tool, and the call only where it has an id.
#[derive(Debug, Default)]
pub(super) struct Calls {
    count: usize,
    /// Id and tool of calls that wait for their result.
    open: Vec<(String, String)>,
}

impl Calls {
    /// The id of the next call.
    pub(super) fn call(&mut self, id: Option<&str>, name: &str) -> String {
        let id = id.map_or_else(|| format!("{UNNAMED}{}", self.count), str::to_owned);
        self.count += 1;
        self.open.push((id.clone(), name.to_owned()));
        id
    }

    /// The id of the call that a result answers, and whether the call names this tool.
    pub(super) fn result(&mut self, id: Option<&str>, name: &str) -> (String, bool) {
        let fits = |open: &(String, String)| id.map_or(open.1 == name, |id| open.0 == id);
        match self.open.iter().position(fits).map(|at| self.open.remove(at)) {
            Some((id, tool)) => (id, tool == name),
            None => (id.map_or_else(|| format!("{UNNAMED}of_{name}"), str::to_owned), false),
        }
    }
}

/// The tool that a call is of.
pub(super) fn name_of<'c>(conversation: &'c Conversation, call: &str) -> &'c str {
    let parts = conversation.turns.iter().flat_map(|turn| &turn.parts);
    let mut calls = parts.filter_map(|part| match part {
        Part::ToolCall { id, name, .. } if id == call => Some(name.as_str()),
        _ => None,
    });
    calls.next().unwrap_or_default()
}

/// A call whose arguments are not whole yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) name: String,
    arguments: String,
}

impl Waiting {
    pub(super) fn new(id: &str, name: &str) -> Self {
        Self { id: id.to_owned(), name: name.to_owned(), arguments: String::new() }
    }

    pub(super) fn push(&mut self, arguments: &str) {
        self.arguments.push_str(arguments);
    }

    /// Its arguments; `None` where they are no object, which such an API cannot say.
    pub(super) fn arguments(&self) -> Option<Value> {
        Some(parse_arguments(&self.arguments)).filter(Value::is_object)
    }
}
