//! The client's conversation: from what people write to the neutral form.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::{self, Conversation, Part, Role, ToolDefinition, Turn};
use crate::diagnostic::{Diagnostic, SourceFile, did_you_mean, quoted, suggestion};
use crate::yaml::{Content, Entry, Node};

/// Parameters with a neutral name, which each API writes in its own way; anything else belongs into `body`.
const PARAMS: [&str; 11] = [
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "thinking",
    "parallel_tool_calls",
    "reasoning_effort",
];
/// Parameters that the conversation holds apart.
const APART: [&str; 4] = ["tools", "tool_choice", "format", "user"];
/// Token limit where a scenario gives none.
const MAX_TOKENS: u64 = 256;
const ROLES: [&str; 4] = ["system", "user", "assistant", "tool"];
const PARTS: [&str; 6] = ["text", "image", "thinking", "tool_call", "tool_result", "refusal"];

type Result<T> = std::result::Result<T, Diagnostic>;

/// Reads `client.conversation` and `client.params`.
pub(super) fn read(file: &SourceFile, client: Option<&Node>, stream: bool) -> Result<Conversation> {
    let mut reader = Reader { file, calls: Vec::new() };
    let mut conversation = Conversation { stream, ..Conversation::default() };
    if let Some(node) = client.and_then(|client| client.get("conversation")) {
        let items = reader.list(node, "a list of turns, like `[{user: Hello.}]`")?;
        if items.is_empty() {
            return Err(reader.error(node, "a conversation has at least one turn"));
        }
        for item in items {
            reader.turn(item, &mut conversation.turns)?;
        }
    } else {
        let parts = vec![Part::text("Tell me about crossfades.")];
        conversation.turns.push(Turn { role: Role::User, parts, place: String::new() });
    }
    reader.params(client.and_then(|client| client.get("params")), &mut conversation)?;
    Ok(conversation)
}

/// The tool that the client offers where an answer calls one and the scenario gives none.
pub(super) fn default_tool() -> ToolDefinition {
    ToolDefinition {
        name: "lookup".to_owned(),
        description: Some("Looks something up.".to_owned()),
        parameters: json!({"type": "object", "properties": {"query": {"type": "string"}}}),
        ..ToolDefinition::default()
    }
}

struct Reader<'a> {
    file: &'a SourceFile,
    /// Ids of the tool calls so far: results without an id answer them in order.
    calls: Vec<String>,
}

impl Reader<'_> {
    fn error(&self, node: &Node, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, node.span, message)
    }

    fn list<'n>(&self, node: &'n Node, wanted: &str) -> Result<&'n [Node]> {
        node.as_list().ok_or_else(|| self.error(node, format!("expected {wanted}, found {}", node.kind())))
    }

    fn string(&self, node: &Node) -> Result<String> {
        match node.as_text() {
            Some(text) => Ok(text.to_owned()),
            None => Err(self
                .error(node, format!("expected text, found {}", node.kind()))
                .help("put it in quotes if it is text")),
        }
    }

    /// The one key of a map, and its value.
    fn tag<'n>(&self, node: &'n Node, what: &str, known: &[&str]) -> Result<(&'n str, &'n Entry)> {
        let map = node.as_map().filter(|map| map.len() == 1);
        let Some((tag, entry)) = map.and_then(|map| map.first()) else {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}: ...`")).collect();
            let error = self.error(node, format!("{what} is a map with one key"));
            return Err(error.help(format!("one of {}", known.join(", "))));
        };
        if !known.contains(&tag.as_str()) {
            return Err(self.unknown(entry, tag, what, known));
        }
        Ok((tag, entry))
    }

    fn unknown(&self, entry: &Entry, name: &str, what: &str, known: &[&str]) -> Diagnostic {
        let error = Diagnostic::new(self.file, entry.key, format!("{what} has no key {}", quoted(name)));
        Diagnostic { help: suggestion(name, known.iter().copied()), ..error }
    }

    /// Checks the keys of a map.
    fn keys<'n>(&self, node: &'n Node, what: &str, known: &[&str]) -> Result<&'n indexmap::IndexMap<String, Entry>> {
        let Some(map) = node.as_map() else {
            return Err(self.error(node, format!("{what} is a map, not {}", node.kind())));
        };
        match map.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, entry)) => Err(self.unknown(entry, key, what, known)),
            None => Ok(map),
        }
    }

    fn turn(&mut self, node: &Node, turns: &mut Vec<Turn>) -> Result<()> {
        let (role, entry) = self.tag(node, "a turn", &ROLES)?;
        let role = match role {
            "system" => Role::System,
            "assistant" => Role::Assistant,
            "tool" => Role::Tool,
            _ => Role::User,
        };
        let parts = match &entry.value.content {
            Content::Text(text) => vec![Part::text(text.as_str())],
            Content::List(items) => items.iter().map(|item| self.part(item)).collect::<Result<_>>()?,
            _ => {
                let message = format!("expected text or a list of parts, found {}", entry.value.kind());
                return Err(self.error(&entry.value, message));
            }
        };
        // Results of tools are a turn of their own in neutral form, whichever way the API says them.
        let (results, rest): (Vec<Part>, Vec<Part>) =
            parts.into_iter().partition(|part| matches!(part, Part::ToolResult { .. }));
        let place = String::new();
        let empty = rest.is_empty() && !results.is_empty();
        if !results.is_empty() {
            turns.push(Turn { role: Role::Tool, parts: results, place: place.clone() });
        }
        if !empty {
            turns.push(Turn { role, parts: rest, place });
        }
        Ok(())
    }

    fn part(&mut self, node: &Node) -> Result<Part> {
        if let Content::Text(text) = &node.content {
            return Ok(Part::text(text.as_str()));
        }
        // `{text: ..., cache: true}` is the one part with a second key.
        if let Some(map) = node.as_map().filter(|map| map.contains_key("text") && map.len() == 2) {
            self.keys(node, "a text part", &["text", "cache"])?;
            let cache = map["cache"].value.content == Content::Bool(true);
            return Ok(Part::Text { text: self.string(&map["text"].value)?, cache });
        }
        let (kind, entry) = self.tag(node, "a part", &PARTS)?;
        let value = &entry.value;
        match kind {
            "text" => Ok(Part::text(self.string(value)?)),
            "refusal" => Ok(Part::Refusal { text: self.string(value)? }),
            "image" => self.image(value),
            "thinking" => self.thinking(value),
            "tool_call" => self.tool_call(value),
            _ => self.tool_result(value),
        }
    }

    fn image(&self, node: &Node) -> Result<Part> {
        if let Some(url) = node.as_text() {
            return Ok(api::image(url));
        }
        let map = self.keys(node, "an image", &["url"])?;
        match map.get("url") {
            Some(url) => Ok(api::image(&self.string(&url.value)?)),
            None => Err(self.error(node, "an image has a `url`")),
        }
    }

    fn thinking(&self, node: &Node) -> Result<Part> {
        if let Some(text) = node.as_text() {
            return Ok(Part::Thinking { text: text.to_owned(), signature: None });
        }
        let map = self.keys(node, "thinking", &["text", "signature"])?;
        let text = map.get("text").map(|entry| self.string(&entry.value)).transpose()?;
        let signature = map.get("signature").map(|entry| self.string(&entry.value)).transpose()?;
        Ok(Part::Thinking { text: text.unwrap_or_default(), signature })
    }

    fn tool_call(&mut self, node: &Node) -> Result<Part> {
        let map = self.keys(node, "a tool call", &["id", "name", "arguments"])?;
        let Some(name) = map.get("name") else {
            return Err(self.error(node, "a tool call has a `name`"));
        };
        let name = self.string(&name.value)?;
        let id = match map.get("id") {
            Some(id) => self.string(&id.value)?,
            None => format!("call_{}", self.calls.len() + 1),
        };
        self.calls.push(id.clone());
        let arguments = map.get("arguments").map_or_else(|| json!({}), |entry| entry.value.to_value());
        Ok(Part::ToolCall { id, name, arguments })
    }

    fn tool_result(&mut self, node: &Node) -> Result<Part> {
        let map = match &node.content {
            Content::Text(_) => None,
            _ => Some(self.keys(node, "a tool result", &["id", "text", "parts", "error", "cache"])?),
        };
        let id = match map.and_then(|map| map.get("id")) {
            Some(id) => self.string(&id.value)?,
            None if self.calls.is_empty() => {
                return Err(self
                    .error(node, "this result answers no tool call")
                    .help("a `tool_call` goes before it, or give an `id`"));
            }
            None => self.calls.remove(0),
        };
        self.calls.retain(|call| *call != id);
        let text = match map {
            None => Some(self.string(node)?),
            Some(map) => map.get("text").map(|entry| self.string(&entry.value)).transpose()?,
        };
        let mut parts: Vec<Part> = text.into_iter().map(Part::text).collect();
        if let Some(entry) = map.and_then(|map| map.get("parts")) {
            for item in self.list(&entry.value, "a list of parts")? {
                parts.push(self.part(item)?);
            }
        }
        let is_true =
            |key: &str| map.and_then(|map| map.get(key)).is_some_and(|e| e.value.content == Content::Bool(true));
        Ok(Part::ToolResult { id, parts, error: is_true("error"), cache: is_true("cache") })
    }

    fn params(&self, node: Option<&Node>, conversation: &mut Conversation) -> Result<()> {
        conversation.params.insert("max_tokens".to_owned(), MAX_TOKENS.into());
        for (name, entry) in node.and_then(Node::as_map).into_iter().flatten() {
            let value = &entry.value;
            match name.as_str() {
                "tools" => {
                    for item in self.list(value, "a list of tools")? {
                        conversation.tools.push(self.tool(item)?);
                    }
                }
                "tool_choice" => conversation.tool_choice = self.tool_choice(value, &conversation.tools)?,
                "format" => conversation.format = Some(value.to_value()).filter(|value| !value.is_null()),
                "user" => conversation.user = Some(self.string(value)?),
                // `max_tokens: null` takes the default out.
                _ if value.is_null() => {
                    conversation.params.remove(name);
                }
                _ if PARAMS.contains(&name.as_str()) => {
                    self.check_param(name, value)?;
                    conversation.params.insert(name.clone(), value.to_value());
                }
                _ => {
                    let known = PARAMS.into_iter().chain(APART);
                    let error =
                        Diagnostic::new(self.file, entry.key, format!("no parameter is called {}", quoted(name)));
                    let help = match did_you_mean(name, known) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => "a key that only one vendor knows goes into `client.body`".to_owned(),
                    };
                    return Err(error.help(help));
                }
            }
        }
        Ok(())
    }

    fn check_param(&self, name: &str, node: &Node) -> Result<()> {
        let (fits, wanted) = match name {
            "max_tokens" | "top_k" | "seed" => (node.to_value().is_i64() || node.to_value().is_u64(), "a whole number"),
            "temperature" | "top_p" | "presence_penalty" | "frequency_penalty" => {
                (matches!(node.content, Content::Number(_)), "a number")
            }
            "stop" => {
                let texts = node.as_list().is_some_and(|list| list.iter().all(|item| item.as_text().is_some()));
                (texts, "a list of texts")
            }
            "parallel_tool_calls" => (matches!(node.content, Content::Bool(_)), "`true` or `false`"),
            _ => (true, ""),
        };
        if fits { Ok(()) } else { Err(self.error(node, format!("`{name}` is {wanted}, not {}", node.kind()))) }
    }

    fn tool(&self, node: &Node) -> Result<ToolDefinition> {
        let Some(map) = node.as_map() else {
            return Err(self.error(node, format!("a tool is a map, not {}", node.kind())));
        };
        let Some(name) = map.get("name") else {
            return Err(self.error(node, "a tool has a `name`"));
        };
        let description = map.get("description").map(|entry| self.string(&entry.value)).transpose()?;
        let parameters =
            map.get("parameters").map_or_else(|| json!({"type": "object", "properties": {}}), |e| e.value.to_value());
        let cache = map.get("cache").is_some_and(|entry| entry.value.content == Content::Bool(true));
        let known = ["name", "description", "parameters", "cache"];
        // Vendors know more keys of a tool, but where its schema stands each names it in another way.
        for (key, entry) in map.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            let is_schema = key.to_lowercase().contains("schema") || key == "function";
            let meant = if is_schema { Some("parameters") } else { did_you_mean(key, known) };
            if let Some(meant) = meant {
                let error = Diagnostic::new(self.file, entry.key, format!("a tool has no {}", quoted(key)));
                return Err(error.help(format!("did you mean `{meant}`?")));
            }
        }
        let rest = map.iter().filter(|(key, _)| !known.contains(&key.as_str()));
        let rest: BTreeMap<String, Value> = rest.map(|(key, entry)| (key.clone(), entry.value.to_value())).collect();
        Ok(ToolDefinition { name: self.string(&name.value)?, description, parameters, cache, rest })
    }

    fn tool_choice(&self, node: &Node, tools: &[ToolDefinition]) -> Result<Option<Value>> {
        if node.is_null() {
            return Ok(None);
        }
        let tool = node.get("tool").and_then(Node::as_text);
        match (node.as_text(), tool) {
            (Some("auto" | "none" | "required"), _) => Ok(Some(node.to_value())),
            (None, Some(name)) if tools.iter().any(|tool| tool.name == name) => Ok(Some(node.to_value())),
            (None, Some(name)) => {
                let error = self.error(node, format!("the client has no tool {}", quoted(name)));
                let help = suggestion(name, tools.iter().map(|tool| tool.name.as_str()));
                Err(Diagnostic { help, ..error })
            }
            _ => {
                let error = self.error(node, "unknown `tool_choice`");
                Err(error.help("one of `auto`, `none`, `required`, `{tool: name}` (after `tools`)"))
            }
        }
    }
}
