//! `translate.format`: the form that the answer is to have.

use serde_json::{Value, json};

use super::pair::Pair;
use super::schema::comparable;
use super::{Translation, judge};
use crate::api::compare::{Difference, DifferenceKind};
use crate::api::{Api, Conversation, Role};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.format`.
pub(in crate::check) const FORMAT: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client asked for no format", compare)),
    info: CheckInfo {
        id: "translate.format",
        level: Level::Should,
        requirement: "A format that the client asks for reaches each leg, with its schema.",
        rationale: "A program reads the answer: where the schema is lost, it breaks on the first sentence of prose.",
        passes: "The same schema in the API's own way, as a tool that must be called, or in words where the target has \
                 no such thing.",
        fails: "A format lost, a schema changed.",
        sources: &[],
    },
};

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
enum Format {
    /// Some JSON.
    Json,
    /// JSON of this schema.
    Schema(Value),
    /// Something else, as it is said.
    Other(Value),
}

fn compare(pair: &Pair<'_>) -> Translation {
    let (expected, got) = (asked(pair), of(&pair.control));
    let mut out = Translation::of(expected.is_some());
    let (expected, got) = match (expected, got) {
        (Some(_), None) if as_tool(pair).is_some() => {
            out.excuse("the format is told as a tool");
            return out;
        }
        (Some(_), None) if is_instruction(pair) => {
            out.excuse("the format is asked for in words");
            return out;
        }
        (Some(Format::Json), None) if !pair.to.features().plain_json => {
            out.excuse(format!("{} has no format without a schema", pair.to.id()));
            return out;
        }
        (Some(Format::Other(_)), None) if !pair.same_api() => {
            out.excuse("the format is one vendor's own");
            return out;
        }
        (expected, got) => (expected, got),
    };
    let alike = |format: &Option<Format>| match format {
        Some(Format::Schema(schema)) => Some(Format::Schema(comparable(schema, pair.to.id(), true))),
        other => other.clone(),
    };
    if alike(&expected) == alike(&got) {
        return out;
    }
    let mut back = pair.raw();
    back.format = expected.as_ref().and_then(|format| in_api(format, pair.to));
    if back.format.is_some()
        && let Some(rule) = pair.refused(&back)
    {
        out.excuse(format!("the target refuses this format ({rule})"));
        return out;
    }
    let kind = match (&expected, &got) {
        (Some(_), None) => DifferenceKind::Lost,
        (None, Some(_)) => DifferenceKind::Added,
        _ => DifferenceKind::Changed,
    };
    out.differences.push(Difference {
        path: "format".to_owned(),
        kind,
        expected: expected.map(shown),
        got: got.map(shown),
    });
    out
}

fn shown(format: Format) -> Value {
    match format {
        Format::Json => json!("json"),
        Format::Schema(schema) => json!({"schema": schema}),
        Format::Other(value) => value,
    }
}

fn asked(pair: &Pair<'_>) -> Option<Format> {
    of(&pair.client)
}

fn of(conversation: &Conversation) -> Option<Format> {
    // An older name of the same.
    let format = conversation.format.as_ref().or(conversation.rest.get("/output_format"))?;
    if format.is_null() {
        return None;
    }
    let schema = ["/json_schema/schema", "/schema", "/responseSchema", "/responseJsonSchema", "/response_schema"];
    if let Some(schema) = schema.iter().find_map(|path| format.pointer(path)) {
        return Some(Format::Schema(schema.clone()));
    }
    let mime = format.get("responseMimeType").or(format.get("response_mime_type")).and_then(Value::as_str);
    match (format["type"].as_str(), mime) {
        (Some("text"), _) | (_, Some("text/plain")) => None,
        (Some("json_object"), _) | (_, Some("application/json")) => Some(Format::Json),
        _ => Some(Format::Other(format.clone())),
    }
}

/// A format as an API's neutral form has it.
fn in_api(format: &Format, api: &dyn Api) -> Option<Value> {
    let Format::Schema(schema) = format else { return None };
    let mut body = json!({});
    api.ask_for_json(&mut body, Some(schema));
    api.read_request(&body).format
}

/// The tool by which the format is told, where the client has no tool of that name.
pub(super) fn as_tool(pair: &Pair<'_>) -> Option<String> {
    let format = asked(pair)?;
    let own = |name: &str| pair.client.tools.iter().any(|tool| tool.name == name);
    let api = pair.to.id();
    let tool = pair.control.tools.iter().filter(|tool| !own(&tool.name)).find(|tool| match &format {
        Format::Schema(schema) => comparable(schema, api, true) == comparable(&tool.parameters, api, true),
        Format::Json => true,
        Format::Other(_) => false,
    })?;
    // A tool that need not be called asks for nothing.
    let forced = match pair.control.tool_choice.as_ref() {
        Some(choice) => *choice == "required" || choice["tool"] == tool.name.as_str(),
        None => false,
    };
    forced.then(|| tool.name.clone())
}

/// Whether the format is asked for in words: a text that has more than the client's speaks of JSON.
pub(super) fn is_instruction(pair: &Pair<'_>) -> bool {
    if asked(pair).is_none() || of(&pair.control).is_some() {
        return false;
    }
    let count = |talk: &super::talk::Talk| -> usize {
        let said = talk.said.iter().filter(|said| said.role == Role::User).map(|said| said.text.joined());
        let texts = said.chain([talk.instructions().joined()]);
        texts.map(|text| text.to_lowercase().matches("json").count()).sum()
    };
    count(&pair.told) > count(&pair.asked)
}
