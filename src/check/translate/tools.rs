//! `translate.tools`: the tools that the model may call, and whether it must.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pair::Pair;
use super::schema::comparable;
use super::{Translation, judge};
use crate::api::compare::{Difference, DifferenceKind, List, lists};
use crate::api::{Conversation, ToolDefinition};
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};

/// `translate.tools`.
pub(in crate::check) const TOOLS: Check = Check {
    judge: Judge::Step(|step| judge(step, "the client offered no tool", compare)),
    info: CheckInfo {
        id: "translate.tools",
        level: Level::Should,
        requirement: "Tools reach each leg: names, descriptions, schemas by value, and the choice among them.",
        rationale: "A model calls what it is offered: a lost description or a changed schema shows as a wrong call, \
                    far from its cause.",
        passes: "The same tools and choice; a schema in the vendor's dialect, a format told as a tool, a default said \
                 or left out.",
        fails: "A tool, its description or a property lost or changed, `required` that became `auto`.",
        sources: &[],
    },
};

/// A tool as it is compared.
#[derive(Clone, PartialEq)]
struct Tool {
    name: String,
    description: Option<String>,
    schema: Value,
    rest: BTreeMap<String, Value>,
}

/// Names that every vendor takes.
pub(super) fn is_valid_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

fn compare(pair: &Pair<'_>) -> Translation {
    let mut out = Translation::of(!pair.client.tools.is_empty() || pair.client.tool_choice.is_some());
    let expected = tools(pair, &pair.client, &mut out);
    let mut got = tools(pair, &pair.control, &mut out);
    if let Some(tool) = super::format::as_tool(pair) {
        got.retain(|other| other.name != tool);
        out.excuse("the format is told as a tool");
    }
    renamed(&expected, &mut got, &mut out);
    // A target that has calls in its history wants tools, too.
    if expected.is_empty() && got.len() == 1 && !pair.asked.calls.is_empty() {
        got.clear();
        out.excuse("a conversation with calls wants a tool");
    }
    let forbidden = pair.client.tool_choice == Some("none".into()) && got.is_empty();
    if forbidden && !expected.is_empty() {
        out.excuse("tools that may not be called are left out");
        return out;
    }
    list(&expected, &got, &mut out);
    choice(pair, &mut out);
    out
}

fn tools(pair: &Pair<'_>, conversation: &Conversation, out: &mut Translation) -> Vec<Tool> {
    let mut tools = Vec::new();
    for tool in &conversation.tools {
        let vendors_own = tool.parameters.is_null() && tool.rest.contains_key("type");
        if vendors_own && !pair.same_api() {
            out.excuse(format!("the tool `{}` is one vendor's own", tool.name));
            continue;
        }
        tools.push(Tool {
            name: tool.name.clone(),
            description: tool.description.clone().filter(|text| !text.is_empty()),
            schema: if vendors_own { Value::Null } else { comparable(&tool.parameters, pair.to.id(), false) },
            rest: rest(pair, tool),
        });
    }
    tools
}

/// What else is said of a tool counts within one API; what is meant anyway does not.
fn rest(pair: &Pair<'_>, tool: &ToolDefinition) -> BTreeMap<String, Value> {
    let counts = |key: &str, value: &Value| match key {
        "cache_control" => false,
        "type" => *value != "custom" && *value != "function",
        "strict" => *value != Value::Bool(false) && !value.is_null(),
        _ => !value.is_null(),
    };
    let rest = tool.rest.iter().filter(|(key, value)| pair.same_api() && counts(key, value));
    rest.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn renamed(expected: &[Tool], got: &mut [Tool], out: &mut Translation) {
    for (asked, told) in expected.iter().zip(got) {
        if asked.name != told.name && !is_valid_name(&asked.name) {
            told.name.clone_from(&asked.name);
            out.excuse("a name that the API does not take is written in another way");
        }
    }
}

fn list(expected: &[Tool], got: &[Tool], out: &mut Translation) {
    lists(
        &mut out.differences,
        expected,
        got,
        &List {
            path: &|tools: &[Tool], at| format!("tools[{at}] ({})", tools[at].name),
            alike: &|a: &Tool, b: &Tool| a.name == b.name,
            value: &|tool| json!({"name": tool.name, "description": tool.description, "parameters": tool.schema}),
            changed: &|out, path, a, b| {
                let path = path.split(' ').next().unwrap_or(path);
                if a.description != b.description {
                    let kind = match &b.description {
                        None => DifferenceKind::Lost,
                        Some(_) if a.description.is_none() => DifferenceKind::Added,
                        Some(_) => DifferenceKind::Changed,
                    };
                    let (expected, got) =
                        (a.description.clone().map(Value::from), b.description.clone().map(Value::from));
                    out.push(Difference { path: format!("{path}.description"), kind, expected, got });
                }
                let mut field = |name: &str, expected: Value, got: Value| {
                    if expected != got {
                        let path = format!("{path}.{name}");
                        let kind = DifferenceKind::Changed;
                        out.push(Difference { path, kind, expected: Some(expected), got: Some(got) });
                    }
                };
                field("parameters", a.schema.clone(), b.schema.clone());
                field("rest", json!(a.rest), json!(b.rest));
            },
        },
    );
}

fn choice(pair: &Pair<'_>, out: &mut Translation) {
    // Without tools there is nothing to choose, and `auto` is what is meant anyway.
    let of = |conversation: &Conversation| {
        let choice = conversation.tool_choice.clone();
        choice.filter(|choice| *choice != "auto" && !(conversation.tools.is_empty() && *choice == "none"))
    };
    let (expected, mut got) = (of(&pair.client), of(&pair.control));
    if super::format::as_tool(pair).is_some() {
        got.clone_from(&expected);
    }
    if let (Some(expected), Some(got)) = (&expected, &mut got)
        && expected["tool"].as_str().is_some_and(|name| !is_valid_name(name))
        && got["tool"].is_string()
    {
        got.clone_from(expected);
    }
    if expected == got {
        return;
    }
    let mut back = pair.raw();
    back.tool_choice.clone_from(&pair.client.tool_choice);
    if let Some(rule) = pair.refused(&back) {
        out.excuse(format!("the target refuses this choice of tools ({rule})"));
        return;
    }
    let said = pair.to.read_request(&pair.to.write_request(&back, &back.model)).tool_choice;
    if said != back.tool_choice && said == pair.control.tool_choice {
        out.excuse(format!("{} cannot say this choice of tools", pair.to.id()));
        return;
    }
    let kind = match (&expected, &got) {
        (Some(_), None) => DifferenceKind::Lost,
        (None, Some(_)) => DifferenceKind::Added,
        _ => DifferenceKind::Changed,
    };
    out.differences.push(Difference { path: "tool_choice".to_owned(), kind, expected, got });
}
