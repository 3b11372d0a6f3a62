//! Asking the rules.

use std::sync::LazyLock;

use serde_json::Value;

use super::condition::{Captures, Subject, matches_glob};
use super::{Evidence, Pack, Rule};
use crate::api::{ApiError, ApiId, Conversation, ModelName};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::history::Refusal;
use crate::wire::Headers;

/// A request as a leg gets it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// API it is asked in.
    pub api: ApiId,
    /// Whom the leg plays.
    pub model: &'a ModelName,
    /// Spellings under which the leg may be asked for its model; empty: any.
    pub models: &'a [String],
    /// Path and query below the leg's base.
    pub target: &'a str,
    /// Headers.
    pub headers: &'a Headers,
    /// Body.
    pub body: &'a [u8],
    /// The key that must be presented; `None`: any.
    pub expected_key: Option<&'a str>,
}

/// What the rules say to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The refusal, by the first rule that matches; a rule that rests on evidence goes before one that is inferred, and
    /// a mere guess refuses nothing.
    pub refusal: Option<Refusal>,
    /// Ids of the other rules that match, guesses among them.
    pub also: Vec<String>,
}

/// Every rule.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    packs: Vec<Pack>,
}

/// Rule files that ship with Crossfade.
pub(super) const FILES: [(&str, &str); 5] = [
    ("src/rules/anthropic.yaml", include_str!("anthropic.yaml")),
    ("src/rules/gemini.yaml", include_str!("gemini.yaml")),
    ("src/rules/openai.yaml", include_str!("openai.yaml")),
    ("src/rules/openai-responses.yaml", include_str!("openai-responses.yaml")),
    ("src/rules/bedrock.yaml", include_str!("bedrock.yaml")),
];

impl RuleBook {
    /// The rules that ship with Crossfade.
    pub fn bundled() -> &'static Self {
        static BOOK: LazyLock<RuleBook> = LazyLock::new(|| {
            let files = FILES.map(|(name, text)| SourceFile::new(name, text));
            RuleBook::new(files).expect("a test loads the bundled rules")
        });
        &BOOK
    }

    /// A book of some rule files.
    pub fn new(files: impl IntoIterator<Item = SourceFile>) -> Result<Self, Diagnostic> {
        let mut packs = files.into_iter().map(Pack::parse).collect::<Result<Vec<_>, _>>()?;
        for pack in &mut packs {
            // Stable: the rules of one stage keep the order of the file.
            pack.rules.sort_by_key(|rule| rule.stage);
        }
        Ok(Self { packs })
    }

    /// The rule files.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// A rule by its id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.packs.iter().flat_map(|pack| &pack.rules).find(|rule| rule.id == id)
    }

    /// What the real model would say to a request.
    pub fn judge(&self, incoming: &Incoming<'_>) -> Ruling {
        let parsed: Result<Value, _> = serde_json::from_slice(incoming.body);
        let presented = incoming.api.spoken().and_then(|api| api.presented_key(incoming.target, incoming.headers));
        let asked = asked(incoming, parsed.as_ref().ok());
        let mut matched: Vec<Match<'_>> = Vec::new();
        for pack in self.packs.iter().filter(|pack| pack.api == incoming.api && pack.vendor == incoming.model.vendor) {
            let model = incoming.model.model.as_str();
            let knows = |globs: &[String]| globs.iter().any(|glob| matches_glob(glob, model));
            let subject = Subject {
                model,
                models: incoming.models,
                asked: asked.as_deref(),
                headers: incoming.headers,
                body: parsed.as_ref(),
                raw: incoming.body,
                presented: presented.as_deref(),
                expected: incoming.expected_key,
                limits: pack.limits.iter().find(|limits| knows(&limits.models)),
            };
            matched.extend(pack.rules.iter().filter_map(|rule| {
                let seen = rule.covers(model)?;
                // Without JSON there is nothing that the later stages could look at.
                if parsed.is_err() && rule.stage > super::Stage::Json {
                    return None;
                }
                let mut captures = Captures::new();
                captures.extend(asked.clone().map(|model| ("model", model)));
                rule.when.holds(&subject, &mut captures).then_some(Match { rule, seen, captures })
            }));
        }
        let refuses = |found: &Match<'_>| found.rule.evidence != Evidence::Guess;
        let first = matched
            .iter()
            .position(|found| found.rule.certain(found.seen))
            .or_else(|| matched.iter().position(refuses));
        let refusal = first.map(|first| matched.remove(first)).map(|found| found.refusal(parsed.as_ref().ok()));
        Ruling { refusal, also: matched.into_iter().map(|found| found.rule.id.clone()).collect() }
    }
}

/// The model as the request spells it: in the path, or in the body.
fn asked(incoming: &Incoming<'_>, body: Option<&Value>) -> Option<String> {
    let mut said = Conversation::default();
    if let Some(api) = incoming.api.spoken() {
        api.read_target(incoming.target, &mut said);
    }
    let in_body = || body?.get("model")?.as_str().map(str::to_owned);
    Some(said.model).filter(|model| !model.is_empty()).or_else(in_body)
}

/// A rule that matches.
#[derive(Debug)]
struct Match<'r> {
    rule: &'r Rule,
    /// Whether the model itself was seen to refuse.
    seen: bool,
    captures: Captures,
}

impl Match<'_> {
    fn refusal(&self, body: Option<&Value>) -> Refusal {
        let template = &self.rule.error;
        let fill = |text: &str| fill(text, &self.captures, body);
        Refusal {
            rule: self.rule.id.clone(),
            error: ApiError {
                status: template.status,
                kind: template.kind.clone(),
                message: fill(&template.message),
                code: template.code.as_deref().map(fill),
                param: template.param.as_deref().map(fill),
            },
            certain: self.rule.certain(self.seen),
        }
    }
}

/// Replaces each `${name}`: by what the condition found, else by the value at that path of the body.
fn fill(template: &str, captures: &Captures, body: Option<&Value>) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        if let Some(found) = captures.get(name) {
            out.push_str(found);
        } else if let Some(value) = body.and_then(|body| body.pointer(&format!("/{}", name.replace('.', "/")))) {
            match value {
                Value::String(text) => out.push_str(text),
                other => out.push_str(&other.to_string()),
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}
