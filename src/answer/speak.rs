//! From a script and a voice to an answer with its words.

use serde_json::Value;

use super::{AnswerScript, ScriptPart, Spoken, SpokenPart, Voice};
use crate::api::seeded::Seeded;
use crate::api::{FinishReason, ToolDefinition};

/// Most words that one answer has: a limit on `repeat`.
const MAX_WORDS: u64 = 200_000;
/// Stands for a word of the voice.
const WORD: &str = "{word}";

/// Gives a script its words. `tools` are the client's: a tool call without a name takes the first.
/// Each text delta is one word with its blank in front, as real tokenisers cut.
pub fn speak(script: &AnswerScript, voice: Voice, tools: &[ToolDefinition], seed: u64) -> Spoken {
    let mut speaker =
        Speaker { voice, said: 0, chunk: chunk(script), seeded: Seeded::new(seed, "answer"), text_began: false };
    let mut parts = Vec::new();
    'all: for _ in 0..script.repeat.unwrap_or(1) {
        for part in &script.parts {
            if speaker.said >= MAX_WORDS {
                break 'all;
            }
            match (parts.last_mut(), speaker.part(part, tools)) {
                // Text that follows text is one text: on the wire nothing parts them.
                (Some(SpokenPart::Text(deltas)), SpokenPart::Text(more)) => deltas.extend(more),
                (_, part) => parts.push(part),
            }
        }
    }
    let counted: usize = parts.iter().map(deltas).sum();
    Spoken {
        finish: Some(script.finish.unwrap_or_else(|| finish_by_content(&parts))),
        output_tokens: script.output_tokens.unwrap_or(counted.max(1) as u64),
        parts,
    }
}

/// How text is cut into deltas.
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Word,
    Chars(usize),
}

fn chunk(script: &AnswerScript) -> Chunk {
    match script.chunk.as_deref() {
        Some("char") => Chunk::Chars(1),
        Some(number) => number.parse().map_or(Chunk::Word, |n: usize| Chunk::Chars(n.max(1))),
        None => Chunk::Word,
    }
}

fn deltas(part: &SpokenPart) -> usize {
    match part {
        SpokenPart::Text(deltas) | SpokenPart::Thinking(deltas, _) | SpokenPart::Refusal(deltas) => deltas.len(),
        SpokenPart::ToolCall { arguments, .. } => arguments.len(),
    }
}

fn finish_by_content(parts: &[SpokenPart]) -> FinishReason {
    if parts.iter().any(|part| matches!(part, SpokenPart::ToolCall { .. })) {
        FinishReason::ToolCalls
    } else if parts.iter().any(|part| matches!(part, SpokenPart::Refusal(_))) {
        FinishReason::Refusal
    } else {
        FinishReason::Stop
    }
}

struct Speaker {
    voice: Voice,
    /// Words said so far.
    said: u64,
    chunk: Chunk,
    seeded: Seeded,
    /// Text was said: words that follow it have a blank in front.
    text_began: bool,
}

impl Speaker {
    fn word(&mut self) -> String {
        let word = self.voice.word(self.said);
        self.said += 1;
        word
    }

    /// `count` words, parted by blanks.
    fn words(&mut self, count: u32, blank_first: bool) -> String {
        let mut text = String::new();
        for n in 0..u64::from(count).min(MAX_WORDS) {
            if n > 0 || blank_first {
                text.push(' ');
            }
            text.push_str(&self.word());
        }
        text
    }

    /// Literal text, each `{word}` replaced by a word.
    fn fill(&mut self, literal: &str) -> String {
        let mut pieces = literal.split(WORD);
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            text.push_str(&self.word());
            text.push_str(piece);
        }
        text
    }

    fn fill_json(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.fill_json(item)).collect(),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(key, value)| (key.clone(), self.fill_json(value))).collect())
            }
            other => other.clone(),
        }
    }

    fn cut(&self, text: &str) -> Vec<String> {
        match self.chunk {
            Chunk::Word => cut_words(text),
            Chunk::Chars(n) => cut_chars(text, n),
        }
    }

    fn part(&mut self, part: &ScriptPart, tools: &[ToolDefinition]) -> SpokenPart {
        match part {
            ScriptPart::Text { words, literal } => {
                let mut text = literal.as_deref().map(|literal| self.fill(literal)).unwrap_or_default();
                let blank_first = (self.text_began || !text.is_empty()) && !text.ends_with(char::is_whitespace);
                text.push_str(&self.words(words.unwrap_or(0), blank_first));
                self.text_began = !text.ends_with(char::is_whitespace) && (self.text_began || !text.is_empty());
                SpokenPart::Text(self.cut(&text))
            }
            ScriptPart::Thinking { words, signature } => {
                let text = self.words(*words, false);
                // Real signatures are base64 of a few hundred bytes. The bits that the padding leaves over are zero:
                // decoders refuse others.
                let signature = signature.then(|| format!("Er{}A==", self.seeded.base62(251)));
                SpokenPart::Thinking(self.cut(&text), signature)
            }
            ScriptPart::ToolCall { name, arguments } => {
                let arguments = self.fill_json(arguments).to_string();
                let name = name.clone().or_else(|| tools.first().map(|tool| tool.name.clone()));
                SpokenPart::ToolCall {
                    id: self.seeded.base58(24),
                    name: name.unwrap_or_else(|| "lookup".to_owned()),
                    arguments: match self.chunk {
                        Chunk::Word => cut_json(&arguments),
                        Chunk::Chars(n) => cut_chars(&arguments, n),
                    },
                }
            }
            ScriptPart::Refusal { words } => {
                let text = self.words(*words, false);
                SpokenPart::Refusal(self.cut(&text))
            }
        }
    }
}

/// Cuts before each blank that follows a letter: every delta is a word with its blanks in front.
fn cut_words(text: &str) -> Vec<String> {
    cut_where(text, |before, next| next.is_whitespace() && !before.is_whitespace())
}

/// Cuts between names and the signs around them, as tokenisers do with JSON.
fn cut_json(text: &str) -> Vec<String> {
    cut_where(text, |before, next| before.is_alphanumeric() != next.is_alphanumeric())
}

fn cut_where(text: &str, border: impl Fn(char, char) -> bool) -> Vec<String> {
    let mut deltas = Vec::new();
    let mut delta = String::new();
    let mut before = None;
    for next in text.chars() {
        if before.is_some_and(|before| border(before, next)) {
            deltas.push(std::mem::take(&mut delta));
        }
        delta.push(next);
        before = Some(next);
    }
    if !delta.is_empty() {
        deltas.push(delta);
    }
    deltas
}

fn cut_chars(text: &str, n: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(n).map(|chunk| chunk.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::answer::{Lexicon, Library};

    #[test]
    fn signatures_are_base64_to_the_last_bit() {
        let script = Library::bundled().answer("thinking").unwrap();
        for seed in 0..32 {
            let spoken = speak(&script, Lexicon::new(1).voice(0), &[], seed);
            let SpokenPart::Thinking(_, Some(signature)) = &spoken.parts[0] else { panic!("{spoken:?}") };
            assert!(STANDARD.decode(signature).is_ok(), "{signature}");
        }
    }
}
