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
    let error = |path: &[&str], message: String| {
        let node = root.at(path.iter().copied()).unwrap_or(&root);
        Diagnostic::new(&file, node.span, message)
    };
    let mut words = 0;
    for (index, part) in script.parts.iter().enumerate() {
        let index = index.to_string();
        words += match part {
            ScriptPart::Text { words: Some(words), literal: None } => u64::from(*words),
            ScriptPart::Text { words: None, literal: Some(literal) } => literal.len() as u64,
            ScriptPart::Text { words, .. } => {
                let has = if words.is_some() { "both `words` and `literal`" } else { "neither `words` nor `literal`" };
                return Err(error(&["parts", &index, "text"], format!("text has {has}")).help(
                    "`words: 24` is 24 words of the leg's voice; `literal: ...` is the text itself, with `{word}` for a \
                     word of the voice",
                ));
            }
            ScriptPart::Thinking { words, .. } | ScriptPart::Refusal { words } => u64::from(*words),
            ScriptPart::ToolCall { name, arguments } => {
                if !arguments.is_object() {
                    return Err(error(&["parts", &index, "tool_call", "arguments"], "arguments are a map".to_owned()));
                }
                if name.as_deref() == Some("") {
                    return Err(error(&["parts", &index, "tool_call", "name"], "a tool has a name".to_owned()));
                }
                1
            }
        };
    }
    if script.repeat == Some(0) {
        return Err(
            error(&["repeat"], "`repeat` counts from 1".to_owned()).help("an answer without content has `parts: []`")
        );
    }
    if words.saturating_mul(script.repeat.unwrap_or(1).into()) > MAX_WORDS {
        let place: &[&str] = if script.repeat.is_some() { &["repeat"] } else { &["parts"] };
        return Err(error(place, format!("an answer has at most {MAX_WORDS} words")));
    }
    if let Some(chunk) = &script.chunk
        && !matches!(chunk.as_str(), "word" | "char")
        && !chunk.parse::<usize>().is_ok_and(|n| n > 0)
    {
        return Err(error(&["chunk"], format!("unknown value {}", quoted(chunk)))
            .help("`word`, `char`, or a number of characters"));
    }
    Ok(script)
}
