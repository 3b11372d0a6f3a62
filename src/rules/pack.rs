//! Rule files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Condition;
use crate::api::{ApiId, ErrorForm};
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
    /// Other vendors that serve the same models in this API. The rules about conversations and parameters hold for
    /// them too; where a rule was not seen of such a vendor, it is inferred.
    #[serde(default)]
    pub also: Vec<String>,
    /// When the rules were collected, `YYYY-MM-DD`; a rule may say another date.
    #[serde(default)]
    pub date: Option<String>,
    /// What is known of models; the first that matches counts.
    #[serde(default)]
    pub limits: Vec<ModelLimits>,
    /// How this vendor writes its errors, if not as the API does.
    #[serde(default)]
    pub form: Option<ErrorForm>,
    /// A body that every example changes: its keys win, `null` takes a key away. The model is the example's.
    #[serde(default)]
    pub base: Value,
    /// Rules; those of one stage are asked in this order.
    pub rules: Vec<Rule>,
    /// What the real models refuse too, but no rule can tell.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
}

/// Refusals without a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// What is refused.
    pub what: Vec<String>,
    /// Why no rule tells.
    pub why: String,
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
    /// Of the vendors that serve the same models: those that were seen to refuse this, in the same words.
    #[serde(default)]
    pub seen_at: Vec<String>,
    /// Asked only where `crossfade.yaml` switches it on: it hangs on how an account or a server is set up, or is of
    /// the past.
    #[serde(default)]
    pub off: bool,
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
    /// Other texts that were seen for the same refusal.
    #[serde(default)]
    pub also_says: Vec<String>,
    /// When, if not with the others.
    #[serde(default)]
    pub date: Option<String>,
    /// What else is known.
    #[serde(default)]
    pub note: Option<String>,
    /// Requests that prove it both ways.
    #[serde(default)]
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
    /// How it is written, if not as the vendor's others.
    #[serde(default)]
    pub form: Option<ErrorForm>,
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
    /// Path and query, if not the API's own.
    pub target: Option<String>,
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

impl Pack {
    /// The models that its examples name.
    pub(super) fn models(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().flat_map(|rule| &rule.examples).map(|example| match example {
            Example::Refused(request) | Example::Accepted(request) => request.model.as_str(),
        })
    }

    /// Names, and beginnings of names, of models that it knows: those of its examples, and its globs up to the `*`
    /// where they name a version before it.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        let of_rules = self.rules.iter().flat_map(|rule| rule.models.iter().chain(&rule.inferred).chain(&rule.except));
        let globs = of_rules.chain(self.limits.iter().flat_map(|limits| &limits.models));
        let heads = globs.map(|glob| glob.split('*').next().unwrap_or_default());
        heads.filter(|head| head.contains(|c: char| c.is_ascii_digit())).chain(self.models())
    }

    /// Whether the file is about a vendor: `None` if not, else whether the vendor is its own.
    pub(super) fn about(&self, vendor: &str) -> Option<bool> {
        if self.vendor == vendor { Some(true) } else { self.also.iter().any(|also| also == vendor).then_some(false) }
    }

    /// When a rule was collected.
    pub fn date_of<'p>(&'p self, rule: &'p Rule) -> Option<&'p str> {
        rule.date.as_deref().or(self.date.as_deref())
    }
}

impl Evidence {
    /// The name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Reported => "reported",
            Self::Documented => "documented",
            Self::Source => "source",
            Self::Guess => "guess",
        }
    }
}

impl Rule {
    /// Whether the rule is about a model: `None` if not, else whether the model itself was seen to refuse.
    pub fn covers(&self, model: &str) -> Option<bool> {
        let any = |globs: &[String]| super::spelling::matches_any(globs, model);
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
