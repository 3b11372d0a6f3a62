//! JSON schemas (draft 07) of the files that people write, for editors: generated from the types that load them.
//!
//! The schemas lie beside the data (`scenarios/scenario.schema.json`, ...); a test keeps them fresh.

mod scenario;
mod vary;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

pub use scenario::scenario;

/// Kinds of files, each with the place of its schema in the repository.
pub const KINDS: [(&str, &str); 9] = [
    ("scenario", "scenarios/scenario.schema.json"),
    ("cassette", "cassettes/cassette.schema.json"),
    ("answer", "src/answers/answer.schema.json"),
    ("rules", "src/rules/rules.schema.json"),
    ("profile", "src/profiles/profile.schema.json"),
    ("report", "src/report/report.schema.json"),
    ("baseline", "scenarios/baseline.schema.json"),
    ("config", "scenarios/config.schema.json"),
    ("vendor", "src/vendors/vendor.schema.json"),
];

/// The schema of a kind of file, by its name in [`KINDS`].
pub fn of_kind(kind: &str) -> Option<Value> {
    Some(match kind {
        "scenario" => scenario(),
        "cassette" => cassette(),
        "answer" => answer(),
        "rules" => rules(),
        "profile" => profile(),
        "report" => report(),
        "baseline" => baseline(),
        "config" => config(),
        "vendor" => vendor(),
        _ => return None,
    })
}

/// Of a cassette file.
pub fn cassette() -> Value {
    let mut schema = of::<crate::cassette::Cassette>("A cassette: recorded exchanges with a provider, byte by byte");
    schema["properties"]["cassette"]["const"] = json!(crate::cassette::FORMAT);
    schema
}

/// Of an answer file.
pub fn answer() -> Value {
    let mut schema = of::<crate::answer::AnswerScript>("An answer: what a leg says, without words");
    or(&mut schema["properties"]["chunk"], &json!({"type": "integer", "minimum": 1}));
    schema
}

/// Of a rule file.
pub fn rules() -> Value {
    of::<crate::rules::Pack>("Rules: what a vendor's models refuse")
}

/// Of a profile.
pub fn profile() -> Value {
    of::<crate::proxy::Profile>("A profile: how to get, configure, start and address a proxy, and what it promises")
}

/// Of the JSON report.
pub fn report() -> Value {
    of::<crate::report::Report>("The report of a run")
}

/// Of a baseline file.
pub fn baseline() -> Value {
    let checks: Vec<&str> = crate::check::CATALOGUE.iter().map(|info| info.id).collect();
    let checks = checks.join("|").replace('.', "\\.");
    json!({
        "$schema": DRAFT,
        "title": "A baseline: verdicts that a proxy is known to fail, each with its reason",
        "type": ["array", "null"],
        "items": {
            "type": "object",
            "description": "`scenario[case]/check: reason`; `scenario/check` and `check` stand for many cases, with a link",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "patternProperties": {
                format!("^[^\\[\\]]+(\\[.+\\])?/({checks})$"): {"type": "string", "description": "Why it is known to fail.", "pattern": "\\S"},
                format!("^({checks})$"): {"type": "string", "description": "Why it is known to fail, with a link.", "pattern": "https?://"}
            }
        }
    })
}

/// Of `crossfade.yaml`.
pub fn config() -> Value {
    let mut schema = of::<crate::config::Config>("crossfade.yaml");
    or_text(&mut schema["properties"]["scenarios"]);
    or_text(&mut schema["properties"]["proxy"]);
    schema
}

/// Of a vendor file.
pub fn vendor() -> Value {
    of::<crate::api::Vendor>("A vendor: how it speaks an API of others")
}

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

fn of<T: JsonSchema>(title: &str) -> Value {
    let mut schema: Value = SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().into();
    schema["title"] = json!(title);
    schema
}

/// Allows text beside what a schema allows already.
fn or_text(schema: &mut Value) {
    or(schema, &json!({"type": "string"}));
}

/// Allows `other` beside what a schema allows already.
fn or(schema: &mut Value, other: &Value) {
    let before = schema.take();
    let mut both = json!({"anyOf": [other, before]});
    if let Some(description) = before_description(&both) {
        both["description"] = description;
    }
    *schema = both;
}

fn before_description(both: &Value) -> Option<Value> {
    both["anyOf"][1].get("description").cloned()
}

#[cfg(test)]
mod tests;
