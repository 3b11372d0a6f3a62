//! The condition language: structured tests over paths, and named ones for structure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::spelling::{matches_any, matches_glob};
use super::subject::{Captures, Subject, body_not_json, content_type_other, key_wrong};
use super::{Path, anthropic, bedrock, gemini, openai, openai_responses, schema, turns};

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
    /// The path of the request, without its query, is one of these (globs).
    Target(Vec<String>),
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
    /// A content type is told, and it is not that of JSON, whatever its parameters.
    ContentTypeOther,
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
    /// More optional parameters than this over the schemas of strict tools.
    StrictOptionalOver(usize),
    /// More parameters of several types than this over the schemas of strict tools.
    StrictUnionsOver(usize),
    /// A strict tool whose schema refers to itself.
    StrictSchemaRecursive,
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
    /// An image in base64 that is no PNG, JPEG, GIF or WebP.
    ImageFormatUnknown,
    /// No message holds this text, whatever its case.
    NoMessageHolds(String),
    /// Two messages of one role in a row.
    SameRoleTwice,
    /// The last two messages are the assistant's.
    TwoAssistantsAtEnd,
    /// Mistral: a message behind one that it may not follow.
    MistralRoleOrder,
    /// Mistral: a call's id that is not nine letters and digits.
    MistralCallId,
    /// DeepSeek: a call of a tool since the user last spoke, without the reasoning that led to it.
    ReasoningContentMissing,

    /// A function call since the user last spoke that has no thought signature.
    FunctionCallUnsigned,
    /// A function call that follows neither the user nor a function's response.
    FunctionCallMisplaced,
    /// A function's response that does not follow function calls.
    FunctionResponseMisplaced,
    /// More or fewer responses than calls.
    FunctionPartsDiffer,
    /// A function's parameter with an `enum` that is no string.
    EnumNotOfStrings,

    /// More results than the turn before has calls.
    ToolResultsOverCalls,
    /// A result that is an error without content.
    ToolResultErrorEmpty,
    /// A text block of white space alone, in a message of Converse.
    ConverseTextBlank,

    /// A call among the input items without its output.
    CallItemUnanswered,
    /// An output among the input items without its call.
    OutputItemOrphan,
    /// A reasoning item without what the reasoning led to behind it.
    ReasoningItemOrphan,
}

impl Condition {
    /// Whether the condition holds; what it finds goes to `captures`.
    pub(super) fn holds(&self, subject: &Subject<'_>, captures: &mut Captures) -> bool {
        let body = subject.json();
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(subject, captures)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(subject, captures)),
            Self::Not(condition) => !condition.holds(subject, &mut Captures::new()),
            Self::Always => true,
            Self::Model(globs) => matches_any(globs, subject.model),
            Self::Target(globs) => {
                let path = subject.target.split('?').next().unwrap_or_default();
                globs.iter().any(|glob| matches_glob(glob, path))
            }
            Self::OverOutputLimit(path) => {
                captures.extend(subject.output_limit().map(|limit| ("limit", limit.to_string())));
                self.holds_at(path, subject)
            }
            Self::Exists(path)
            | Self::Is(path, _)
            | Self::IsNot(path, _)
            | Self::In(path, _)
            | Self::NotIn(path, _)
            | Self::Over(path, _)
            | Self::Under(path, _)
            | Self::Empty(path)
            | Self::NotAnObject(path)
            | Self::EndsInBlank(path) => self.holds_at(path, subject),
            Self::Absent(path) => path.is_absent(body, subject.headers),
            Self::AtLeast(path, other) => {
                let numbers = |path: &Path| -> Vec<f64> {
                    path.values(body, subject.headers).iter().filter_map(Value::as_f64).collect()
                };
                let others = numbers(other);
                numbers(path).iter().any(|number| others.iter().any(|other| number >= other))
            }

            Self::KeyMissing => subject.expected.is_some() && subject.presented.is_none_or(str::is_empty),
            Self::KeyWrong => key_wrong(subject, captures),
            Self::BodyNotJson => body_not_json(subject, captures),
            Self::ContentTypeOther => content_type_other(subject, captures),
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
            Self::StrictOptionalOver(limit) => schema::strict_optional_over(body, *limit, captures),
            Self::StrictUnionsOver(limit) => schema::strict_unions_over(body, *limit, captures),
            Self::StrictSchemaRecursive => schema::strict_recursive(body, captures),
            Self::LastAssistantWithoutThinking => anthropic::last_assistant_without_thinking(body, captures),
            Self::ThinkingNotFirst => anthropic::thinking_not_first(body, captures),
            Self::FinalAssistantHasThinking => anthropic::final_assistant_has_thinking(body, captures),
            Self::AssistantEndsInThinking => anthropic::assistant_ends_in_thinking(body, captures),
            Self::ThinkingSignatureEmpty => anthropic::thinking_signature_empty(body, captures),

            Self::ToolMessageOrphan => openai::tool_message_orphan(body, captures),
            Self::ToolCallsUnanswered => openai::tool_calls_unanswered(body, captures),
            Self::StrictToolOpen => openai::strict_tool_open(body, captures),
            Self::ContentBlockUnknown => openai::content_block_unknown(body, captures),
            Self::ImageFormatUnknown => openai::image_format_unknown(body, captures),
            Self::NoMessageHolds(text) => openai::no_message_holds(body, text),
            Self::SameRoleTwice => turns::same_role_twice(body, captures),
            Self::TwoAssistantsAtEnd => turns::two_assistants_at_end(body, captures),
            Self::MistralRoleOrder => turns::mistral_role_order(body, captures),
            Self::MistralCallId => turns::mistral_call_id(body, captures),
            Self::ReasoningContentMissing => turns::reasoning_content_missing(body, captures),

            Self::FunctionCallUnsigned => gemini::function_call_unsigned(body, captures),
            Self::FunctionCallMisplaced => gemini::function_call_misplaced(body, captures),
            Self::FunctionResponseMisplaced => gemini::function_response_misplaced(body, captures),
            Self::FunctionPartsDiffer => gemini::function_parts_differ(body, captures),
            Self::EnumNotOfStrings => schema::enum_not_of_strings(body, captures),

            Self::ToolResultsOverCalls => bedrock::tool_results_over_calls(body, captures),
            Self::ToolResultErrorEmpty => bedrock::tool_result_error_empty(body, captures),
            Self::ConverseTextBlank => bedrock::text_blank(body, captures),

            Self::CallItemUnanswered => openai_responses::call_item_unanswered(body, captures),
            Self::OutputItemOrphan => openai_responses::output_item_orphan(body, captures),
            Self::ReasoningItemOrphan => openai_responses::reasoning_item_orphan(body, captures),
        }
    }

    fn holds_at(&self, path: &Path, subject: &Subject<'_>) -> bool {
        path.values(subject.json(), subject.headers).iter().any(|value| self.is_so(value, subject))
    }

    /// What is asked of each value at the path.
    fn is_so(&self, value: &Value, subject: &Subject<'_>) -> bool {
        let number = |test: &dyn Fn(f64) -> bool| value.as_f64().is_some_and(test);
        match self {
            Self::Is(_, wanted) => equal(value, wanted),
            Self::IsNot(_, wanted) => !equal(value, wanted),
            Self::In(_, wanted) => wanted.iter().any(|wanted| equal(value, wanted)),
            Self::NotIn(_, wanted) => !wanted.iter().any(|wanted| equal(value, wanted)),
            Self::Over(_, limit) => number(&|number| number > *limit),
            Self::Under(_, limit) => number(&|number| number < *limit),
            Self::OverOutputLimit(_) => {
                subject.output_limit().is_some_and(|limit| number(&|number| number > limit as f64))
            }
            Self::Empty(_) => value.as_array().is_some_and(Vec::is_empty),
            Self::NotAnObject(_) => !value.is_object(),
            Self::EndsInBlank(_) => value.as_str().is_some_and(|text| text.ends_with(char::is_whitespace)),
            _ => true,
        }
    }

    /// Where in the request the condition holds, as far as it is about places.
    pub(super) fn places(&self, subject: &Subject<'_>) -> Vec<String> {
        let mut captures = Captures::new();
        if !self.holds(subject, &mut captures) {
            return Vec::new();
        }
        match self {
            Self::All(conditions) | Self::Any(conditions) => {
                let mut places: Vec<String> = Vec::new();
                for place in conditions.iter().flat_map(|condition| condition.places(subject)) {
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
                places
            }
            Self::Exists(path)
            | Self::Is(path, _)
            | Self::IsNot(path, _)
            | Self::In(path, _)
            | Self::NotIn(path, _)
            | Self::Over(path, _)
            | Self::Under(path, _)
            | Self::OverOutputLimit(path)
            | Self::Empty(path)
            | Self::NotAnObject(path)
            | Self::EndsInBlank(path) => {
                path.places(subject.json(), subject.headers, &|value| self.is_so(value, subject))
            }
            Self::Absent(path) | Self::AtLeast(path, _) => vec![path.to_string()],
            Self::Target(_) => vec!["the path".to_owned()],
            Self::ModelUnknown => vec!["the model".to_owned()],
            Self::KeyMissing | Self::KeyWrong => vec!["the key".to_owned()],
            Self::BodyNotJson => vec!["the body".to_owned()],
            Self::ContentTypeOther => vec!["the header content-type".to_owned()],
            _ => {
                let message = || {
                    let index = captures.get("i")?;
                    let block = captures.get("j").map(|block| format!(".content[{block}]")).unwrap_or_default();
                    Some(format!("messages[{index}]{block}"))
                };
                captures.get("at").cloned().or_else(message).into_iter().collect()
            }
        }
    }
}

fn equal(value: &Value, wanted: &Value) -> bool {
    match (value.as_f64(), wanted.as_f64()) {
        (Some(value), Some(wanted)) => value.total_cmp(&wanted).is_eq(),
        _ => value == wanted,
    }
}
