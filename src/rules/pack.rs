//! Rule files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Condition;
use crate::api::ApiId;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::{Document, Limits};

/// A rule file: what one vendor's models refuse in one API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// Version of the format: 1.
    pub rules_format: u32,
    /// Vendor.
    pub vendor: String,
    /// API.
    pub api: ApiId,
    /// When the rules were collected, `YYYY-MM-DD`; a rule may say another date.
    pub date: String,
    /// What is known of models; the first that matches counts.
    #[serde(default)]
    pub limits: Vec<ModelLimits>,
    /// A body that every example changes: its keys win, `null` takes a key away. The model is the example's.
    pub base: Value,
    /// Rules; those of one stage are asked in this order.
    pub rules: Vec<Rule>,
}

/// What is known of some models.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelLimits {
    /// Models (globs).
    pub models: Vec<String>,
    /// Most output tokens.
    #[serde(default)]
    pub output: Option<u64>,
}

/// In which order rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The credential.
    Auth,
    /// Whether the body is JSON.
    Json,
    /// Whether the model is known, and asked in this API.
    Model,
    /// The structure of the conversation.
    Structure,
    /// Parameters.
    Parameters,
}

/// What a rule rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The error stands in a public recording.
    Recorded,
    /// The error is quoted in a public issue.
    Reported,
    /// Official pages give the fact.
    Documented,
    /// The server's source.
    Source,
    /// Nothing that was seen.
    Guess,
}

/// A rejection rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Stable id.
    pub id: String,
    /// When it is asked.
    pub stage: Stage,
    /// Models (globs).
    pub models: Vec<String>,
    /// Models of the same family which were not seen to refuse this.
    #[serde(default)]
    pub inferred: Vec<String>,
    /// Models that are left out.
    #[serde(default)]
    pub except: Vec<String>,
    /// What it refuses.
    pub when: Condition,
    /// The error.
    pub error: ErrorTemplate,
    /// What it rests on.
    pub evidence: Evidence,
    /// Whether every character of the error was seen.
    pub exact: bool,
    /// Where.
    pub sources: Vec<String>,
    /// When, if not with the others.
    #[serde(default)]
    pub date: Option<String>,
    /// What else is known.
    #[serde(default)]
    pub note: Option<String>,
    /// Requests that prove it both ways.
    pub examples: Vec<Example>,
}

/// An error in neutral form; `${...}` stands for what the condition found, or for a path of the body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorTemplate {
    /// HTTP status.
    pub status: u16,
    /// The vendor's error type.
    pub kind: String,
    /// The text.
    pub message: String,
    /// OpenAI's `code`.
    #[serde(default)]
    pub code: Option<String>,
    /// OpenAI's `param`.
    #[serde(default)]
    pub param: Option<String>,
}

/// A request that proves a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Example {
    /// The rule matches.
    Refused(ExampleRequest),
    /// A near miss.
    Accepted(ExampleRequest),
}

/// The request of an example.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExampleRequest {
    /// The leg's model.
    pub model: String,
    /// Changes of the pack's base body.
    pub body: BTreeMap<String, Value>,
    /// The body as it is, instead.
    pub raw: Option<String>,
    /// Changes of the API's usual headers; `null` takes one away.
    pub headers: BTreeMap<String, Option<String>>,
    /// Spellings that the leg goes by.
    pub spellings: Vec<String>,
    /// The key that the leg asks for.
    pub expected_key: Option<String>,
    /// The error's text.
    pub message: Option<String>,
}

impl Pack {
    /// Reads a rule file.
    pub fn parse(file: SourceFile) -> Result<Self, Diagnostic> {
        Document::parse(file, Limits::SCENARIO)?.decode()
    }
}

impl Rule {
    /// Whether the rule is about a model: `None` if not, else whether the model itself was seen to refuse.
    pub fn covers(&self, model: &str) -> Option<bool> {
        let any = |globs: &[String]| globs.iter().any(|glob| super::condition::matches_glob(glob, model));
        if any(&self.except) {
            None
        } else if any(&self.models) {
            Some(true)
        } else {
            any(&self.inferred).then_some(false)
        }
    }

    /// Whether the rule rests on evidence, given that the model itself was `seen` to refuse.
    pub fn certain(&self, seen: bool) -> bool {
        seen && match self.evidence {
            Evidence::Guess => false,
            Evidence::Documented => self.exact,
            Evidence::Recorded | Evidence::Reported | Evidence::Source => true,
        }
    }
}
