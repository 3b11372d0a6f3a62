//! The condition language: structured tests over paths, and named ones for structure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ModelLimits, Path, anthropic, bedrock, gemini, openai, openai_responses};
use crate::wire::Headers;

/// When a rule matches. A test on a path that is not there does not hold, except `absent`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Each of these.
    All(Vec<Condition>),
    /// One of these.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// Always: the model alone decides.
    Always,
    /// The leg's model is one of these (globs).
    Model(Vec<String>),
    /// Something stands at the path.
    Exists(Path),
    /// Nothing stands at the path, though what would hold it is there.
    Absent(Path),
    /// The value is this; numbers by value.
    Is(Path, Value),
    /// The value is another than this.
    IsNot(Path, Value),
    /// The value is one of these.
    In(Path, Vec<Value>),
    /// The value is none of these.
    NotIn(Path, Vec<Value>),
    /// The number is greater.
    Over(Path, f64),
    /// The number is less.
    Under(Path, f64),
    /// The number is at least the one at the other path.
    AtLeast(Path, Path),
    /// The number is greater than the model's output limit, where that is known.
    OverOutputLimit(Path),
    /// The list has no items.
    Empty(Path),
    /// The value is no object.
    NotAnObject(Path),
    /// The text ends in white space.
    EndsInBlank(Path),

    /// A key is asked for and none is presented.
    KeyMissing,
    /// A key is asked for and another one is presented.
    KeyWrong,
    /// The body is not JSON.
    BodyNotJson,
    /// The model is none of the spellings that the leg is known by.
    ModelUnknown,

    /// A call of a tool without its result in the next message.
    ToolUseUnanswered,
    /// A result whose call is not in the message before.
    ToolResultOrphan,
    /// An advisor's result without its call.
    AdvisorResultOrphan,
    /// A text block without text; the last message may be an empty assistant's.
    TextBlockEmpty,
    /// A text block of white space alone.
    TextBlockBlank,
    /// A cache mark on an empty text block.
    CacheMarkOnEmptyText,
    /// More cache marks than this over system, tools and messages.
    CacheMarksOver(usize),
    /// More strict tools than this.
    StrictToolsOver(usize),
    /// The last tool loop, or a final assistant message, begins without thinking.
    LastAssistantWithoutThinking,
    /// An assistant message has thinking, but not first.
    ThinkingNotFirst,
    /// The message in the final position is an assistant's with thinking.
    FinalAssistantHasThinking,
    /// An assistant message ends in thinking.
    AssistantEndsInThinking,
    /// Thinking with an empty signature.
    ThinkingSignatureEmpty,

    /// A tool message without calls before it.
    ToolMessageOrphan,
    /// Calls without their tool messages.
    ToolCallsUnanswered,
    /// A strict function whose schema allows more than it names.
    StrictToolOpen,
    /// A user's content block of a type that chat does not take.
    ContentBlockUnknown,
    /// No message holds this text, whatever its case.
    NoMessageHolds(String),

    /// A function call since the user last spoke that has no thought signature.
    FunctionCallUnsigned,
    /// A function call that follows neither the user nor a function's response.
    FunctionCallMisplaced,
    /// A function's response that does not follow function calls.
    FunctionResponseMisplaced,
    /// More or fewer responses than calls.
    FunctionPartsDiffer,

    /// Two messages of one role in a row.
    SameRoleTwice,
    /// A text block of Converse that is blank.
    ContentTextBlank,
    /// More results of tools than calls in the message before.
    ToolResultsExceed,

    /// A call among the input items without its output.
    CallItemUnanswered,
    /// An output among the input items without its call.
    OutputItemOrphan,
    /// A reasoning item without what the reasoning led to behind it.
    ReasoningItemOrphan,
}

/// Values for the `${...}` of an error, found by the condition.
pub(super) type Captures = BTreeMap<&'static str, String>;

/// What a condition is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    /// The leg's model without its vendor.
    pub(super) model: &'a str,
    /// Spellings under which it may be asked for; empty: any.
    pub(super) models: &'a [String],
    /// The model as the request spells it.
    pub(super) asked: Option<&'a str>,
    /// Headers.
    pub(super) headers: &'a Headers,
    /// The body, or why it is no JSON.
    pub(super) body: Result<&'a Value, &'a serde_json::Error>,
    /// Its bytes.
    pub(super) raw: &'a [u8],
    /// The key that is presented.
    pub(super) presented: Option<&'a str>,
    /// The key that is asked for.
    pub(super) expected: Option<&'a str>,
    /// Limits of the model.
    pub(super) limits: Option<&'a ModelLimits>,
}

impl Condition {
    /// Whether the condition holds; what it finds goes to `captures`.
    pub(super) fn holds(&self, subject: &Subject<'_>, captures: &mut Captures) -> bool {
        let nothing = Value::Null;
        let body = subject.body.unwrap_or(&nothing);
        let values = |path: &Path| path.values(body, subject.headers);
        let numbers = |path: &Path| -> Vec<f64> { values(path).iter().filter_map(Value::as_f64).collect() };
        let texts =
            |path: &Path, test: &dyn Fn(&str) -> bool| values(path).iter().any(|v| v.as_str().is_some_and(test));
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(subject, captures)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(subject, captures)),
            Self::Not(condition) => !condition.holds(subject, &mut Captures::new()),
            Self::Always => true,
            Self::Model(globs) => globs.iter().any(|glob| matches_glob(glob, subject.model)),
            Self::Exists(path) => !values(path).is_empty(),
            Self::Absent(path) => path.is_absent(body, subject.headers),
            Self::Is(path, wanted) => values(path).iter().any(|value| equal(value, wanted)),
            Self::IsNot(path, wanted) => values(path).iter().any(|value| !equal(value, wanted)),
            Self::In(path, wanted) => values(path).iter().any(|value| wanted.iter().any(|w| equal(value, w))),
            Self::NotIn(path, wanted) => values(path).iter().any(|value| !wanted.iter().any(|w| equal(value, w))),
            Self::Over(path, limit) => numbers(path).iter().any(|number| number > limit),
            Self::Under(path, limit) => numbers(path).iter().any(|number| number < limit),
            Self::AtLeast(path, other) => {
                let others = numbers(other);
                numbers(path).iter().any(|number| others.iter().any(|other| number >= other))
            }
            Self::OverOutputLimit(path) => {
                let limit = subject.limits.and_then(|limits| limits.output);
                limit.is_some_and(|limit| {
                    captures.insert("limit", limit.to_string());
                    numbers(path).iter().any(|number| *number > limit as f64)
                })
            }
            Self::Empty(path) => values(path).iter().any(|value| value.as_array().is_some_and(Vec::is_empty)),
            Self::NotAnObject(path) => values(path).iter().any(|value| !value.is_object()),
            Self::EndsInBlank(path) => texts(path, &|text| text.ends_with(char::is_whitespace)),

            Self::KeyMissing => subject.expected.is_some() && subject.presented.is_none_or(str::is_empty),
            Self::KeyWrong => key_wrong(subject, captures),
            Self::BodyNotJson => body_not_json(subject, captures),
            Self::ModelUnknown => subject
                .asked
                .is_some_and(|model| !subject.models.is_empty() && !subject.models.iter().any(|m| m == model)),

            Self::ToolUseUnanswered => anthropic::tool_use_unanswered(body, captures),
            Self::ToolResultOrphan => anthropic::tool_result_orphan(body, captures),
            Self::AdvisorResultOrphan => anthropic::advisor_result_orphan(body, captures),
            Self::TextBlockEmpty => anthropic::text_block_empty(body),
            Self::TextBlockBlank => anthropic::text_block_blank(body),
            Self::CacheMarkOnEmptyText => anthropic::cache_mark_on_empty_text(body, captures),
            Self::CacheMarksOver(limit) => anthropic::cache_marks_over(body, *limit, captures),
            Self::StrictToolsOver(limit) => anthropic::strict_tools_over(body, *limit, captures),
            Self::LastAssistantWithoutThinking => anthropic::last_assistant_without_thinking(body, captures),
            Self::ThinkingNotFirst => anthropic::thinking_not_first(body, captures),
            Self::FinalAssistantHasThinking => anthropic::final_assistant_has_thinking(body, captures),
            Self::AssistantEndsInThinking => anthropic::assistant_ends_in_thinking(body, captures),
            Self::ThinkingSignatureEmpty => anthropic::thinking_signature_empty(body, captures),

            Self::ToolMessageOrphan => openai::tool_message_orphan(body, captures),
            Self::ToolCallsUnanswered => openai::tool_calls_unanswered(body, captures),
            Self::StrictToolOpen => openai::strict_tool_open(body, captures),
            Self::ContentBlockUnknown => openai::content_block_unknown(body, captures),
            Self::NoMessageHolds(text) => openai::no_message_holds(body, text),

            Self::FunctionCallUnsigned => gemini::function_call_unsigned(body, captures),
            Self::FunctionCallMisplaced => gemini::function_call_misplaced(body),
            Self::FunctionResponseMisplaced => gemini::function_response_misplaced(body),
            Self::FunctionPartsDiffer => gemini::function_parts_differ(body),

            Self::SameRoleTwice => bedrock::same_role_twice(body),
            Self::ContentTextBlank => bedrock::content_text_blank(body, captures),
            Self::ToolResultsExceed => bedrock::tool_results_exceed(body, captures),

            Self::CallItemUnanswered => openai_responses::call_item_unanswered(body, captures),
            Self::OutputItemOrphan => openai_responses::output_item_orphan(body, captures),
            Self::ReasoningItemOrphan => openai_responses::reasoning_item_orphan(body, captures),
        }
    }
}

fn equal(value: &Value, wanted: &Value) -> bool {
    match (value.as_f64(), wanted.as_f64()) {
        (Some(value), Some(wanted)) => value.total_cmp(&wanted).is_eq(),
        _ => value == wanted,
    }
}

fn key_wrong(subject: &Subject<'_>, captures: &mut Captures) -> bool {
    let (Some(expected), Some(presented)) = (subject.expected, subject.presented) else { return false };
    if presented.is_empty() || presented == expected {
        return false;
    }
    captures.insert("masked_key", masked(presented));
    true
}

/// A key as OpenAI's error repeats it: the first eight and the last four characters.
fn masked(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let length = characters.len();
    if length <= 12 {
        return "*".repeat(length);
    }
    let (head, tail): (String, String) = (characters[..8].iter().collect(), characters[length - 4..].iter().collect());
    format!("{head}{}{tail}", "*".repeat(length - 12))
}

fn body_not_json(subject: &Subject<'_>, captures: &mut Captures) -> bool {
    let Err(error) = subject.body else { return false };
    let detail = error.to_string();
    let detail = detail.rsplit_once(" at line ").map_or(detail.as_str(), |(detail, _)| detail);
    let lines = subject.raw.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let before: usize = lines.map(<[u8]>::len).sum();
    captures.insert("detail", detail.to_owned());
    captures.insert("line", error.line().to_string());
    captures.insert("column", error.column().to_string());
    captures.insert("character", (before + error.column()).saturating_sub(1).to_string());
    true
}

/// Whether a name matches a glob in which `*` stands for anything.
pub(super) fn matches_glob(glob: &str, name: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return name.ends_with(piece);
        }
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    true
}
