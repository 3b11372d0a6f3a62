//! Answer files: strict types, then what types cannot say.

use std::path::Path;

use super::{AnswerScript, ScriptPart};
use crate::diagnostic::{Diagnostic, SourceFile, quoted};
use crate::yaml::{Content, Document, Limits, decode};

/// Most words of one answer, repeats included.
const MAX_WORDS: u64 = 100_000;

/// Reads an answer file.
pub fn load(path: &Path) -> Result<AnswerScript, Diagnostic> {
    check(Document::read(path, Limits::SCENARIO)?)
}

/// Reads an answer from text.
pub fn load_text(name: &str, text: &str) -> Result<AnswerScript, Diagnostic> {
    check(Document::parse(SourceFile::new(name, text), Limits::SCENARIO)?)
}

fn check(document: Document) -> Result<AnswerScript, Diagnostic> {
    let (file, mut root) = document.into_parts();
    // `chunk: 3` for `chunk: "3"`.
    if let Some(chunk) = root.get_mut("chunk")
        && let Content::Number(number) = &chunk.content
    {
        chunk.content = Content::Text(number.to_string());
    }
    let script: AnswerScript = decode(&root).map_err(|error| error.in_file(&file))?;
    match flaw(&script) {
        None => Ok(script),
        Some(Flaw { path, message, help }) => {
            let node = root.at(path.iter().map(String::as_str)).unwrap_or(&root);
            Err(Diagnostic { help, ..Diagnostic::new(&file, node.span, message) })
        }
    }
}

/// What is wrong with a script beyond its types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    /// Where in the script.
    pub(crate) path: Vec<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// The way out.
    pub(crate) help: Option<String>,
}

/// What types cannot say of a script: the first thing that is wrong with it.
pub(crate) fn flaw(script: &AnswerScript) -> Option<Flaw> {
    let flaw = |path: &[&str], message: String, help: Option<&str>| {
        let path = path.iter().copied().map(str::to_owned).collect();
        Some(Flaw { path, message, help: help.map(str::to_owned) })
    };
    let mut words = 0;
    for (index, part) in script.parts.iter().enumerate() {
        let index = index.to_string();
        words += match part {
            ScriptPart::Text { words: Some(words), literal: None } => u64::from(*words),
            ScriptPart::Text { words: None, literal: Some(literal) } => literal.len() as u64,
            ScriptPart::Text { words, .. } => {
                let has = if words.is_some() { "both `words` and `literal`" } else { "neither `words` nor `literal`" };
                let help = "`words: 24` is 24 words of the leg's voice; `literal: ...` is the text itself, with \
                            `{word}` for a word of the voice";
                return flaw(&["parts", &index, "text"], format!("text has {has}"), Some(help));
            }
            ScriptPart::Thinking { words, .. } | ScriptPart::Refusal { words } => u64::from(*words),
            ScriptPart::ToolCall { name, arguments } => {
                if !arguments.is_object() {
                    let path = ["parts", &index, "tool_call", "arguments"];
                    return flaw(&path, "arguments are a map".to_owned(), None);
                }
                if name.as_deref() == Some("") {
                    return flaw(&["parts", &index, "tool_call", "name"], "a tool has a name".to_owned(), None);
                }
                1
            }
        };
    }
    if script.repeat == Some(0) {
        let help = "an answer without content has `parts: []`";
        return flaw(&["repeat"], "`repeat` counts from 1".to_owned(), Some(help));
    }
    if words.saturating_mul(script.repeat.unwrap_or(1).into()) > MAX_WORDS {
        let place: &[&str] = if script.repeat.is_some() { &["repeat"] } else { &["parts"] };
        return flaw(place, format!("an answer has at most {MAX_WORDS} words"), None);
    }
    if let Some(chunk) = &script.chunk
        && !matches!(chunk.as_str(), "word" | "char")
        && !chunk.parse::<usize>().is_ok_and(|n| n > 0)
    {
        let help = "`word`, `char`, or a number of characters";
        return flaw(&["chunk"], format!("unknown value {}", quoted(chunk)), Some(help));
    }
    None
}
