//! Asking the rules.

use serde_json::Value;

use super::subject::{Captures, Subject};
use super::write::{self, ErrorBody, fill};
use super::{Evidence, Pack, Rule, RuleBook, Stage, spelling};
use crate::api::{ApiError, ApiId, Conversation, ModelName};
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
    /// How the vendor writes it, where it does not write as its API does.
    pub body: Option<ErrorBody>,
    /// Ids of the other rules that match, guesses among them.
    pub also: Vec<String>,
}

/// A rule that matches a request, told in full.
#[derive(Clone, Debug)]
pub struct Matched<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// Its file.
    pub pack: &'r Pack,
    /// What it would answer.
    pub refusal: Refusal,
    /// How the vendor writes it, where it does not write as its API does.
    pub body: Option<ErrorBody>,
    /// Where in the request: `messages[1].role`.
    pub places: Vec<String>,
}

impl RuleBook {
    /// What the real model would say to a request.
    pub fn judge(&self, incoming: &Incoming<'_>) -> Ruling {
        let request = Request::read(incoming);
        let mut matched = self.matches(&request);
        if matched.is_empty() {
            return Ruling::default();
        }
        let first = first(&matched).map(|first| matched.remove(first));
        let body = first.as_ref().and_then(|found| found.body(&request));
        let refusal = first.map(|found| found.refusal(&request));
        Ruling { refusal, body, also: matched.into_iter().map(|found| found.rule.id.clone()).collect() }
    }

    /// Every rule that matches a request; the one that answers stands first, unless all of them are guesses.
    pub fn explain(&self, incoming: &Incoming<'_>) -> Vec<Matched<'_>> {
        let request = Request::read(incoming);
        let mut matched = self.matches(&request);
        if let Some(first) = first(&matched) {
            matched[..=first].rotate_right(1);
        }
        matched.iter().map(|found| found.tell(&request)).collect()
    }

    fn matches<'r>(&'r self, request: &Request<'_>) -> Vec<Match<'r>> {
        let model = request.incoming.model;
        let mut matched: Vec<Match<'_>> = Vec::new();
        for pack in self.packs_of(request.incoming.api, &model.vendor) {
            let own = pack.vendor == model.vendor;
            let subject = request.subject(pack);
            matched.extend(pack.rules.iter().filter(|rule| self.asks(rule)).filter_map(|rule| {
                // Keys, bodies and names are another vendor's own affair.
                if !own && rule.stage < Stage::Structure {
                    return None;
                }
                let seen = rule.covers(&model.model)? && (own || rule.seen_at.contains(&model.vendor));
                // Without JSON there is nothing that the later stages could look at.
                if request.body.is_err() && rule.stage > Stage::Json {
                    return None;
                }
                let mut captures = Captures::new();
                captures.extend(request.asked.clone().map(|model| ("model", model)));
                rule.when.holds(&subject, &mut captures).then_some(Match { pack, rule, seen, captures })
            }));
        }
        // Stable: the rules of one stage keep the order of their files.
        matched.sort_by_key(|found| found.rule.stage);
        matched
    }
}

/// Which of the rules that match answers.
fn first(matched: &[Match<'_>]) -> Option<usize> {
    let certain = matched.iter().position(|found| found.rule.certain(found.seen));
    certain.or_else(|| matched.iter().position(|found| found.rule.evidence != Evidence::Guess))
}

/// A request, read once for every rule.
struct Request<'a> {
    incoming: &'a Incoming<'a>,
    body: Result<Value, serde_json::Error>,
    presented: Option<String>,
    /// The model as the request spells it: in the path, or in the body.
    asked: Option<String>,
}

impl<'a> Request<'a> {
    fn read(incoming: &'a Incoming<'a>) -> Self {
        let body: Result<Value, _> = serde_json::from_slice(incoming.body);
        let api = incoming.api.spoken_by(&incoming.model.vendor);
        let mut said = Conversation::default();
        if let Some(api) = api {
            api.read_target(incoming.target, &mut said);
        }
        let in_body = || body.as_ref().ok()?.get("model")?.as_str().map(str::to_owned);
        Self {
            incoming,
            asked: Some(said.model).filter(|model| !model.is_empty()).or_else(in_body),
            presented: api.and_then(|api| api.presented_key(incoming.target, incoming.headers)),
            body,
        }
    }

    fn json(&self) -> Option<&Value> {
        self.body.as_ref().ok()
    }

    fn subject<'s>(&'s self, pack: &'s Pack) -> Subject<'s> {
        let incoming = self.incoming;
        let model = incoming.model.model.as_str();
        Subject {
            model,
            models: incoming.models,
            asked: self.asked.as_deref(),
            target: incoming.target,
            headers: incoming.headers,
            body: self.body.as_ref(),
            raw: incoming.body,
            presented: self.presented.as_deref(),
            expected: incoming.expected_key,
            limits: pack.limits.iter().find(|limits| spelling::matches_any(&limits.models, model)),
        }
    }
}

/// A rule that matches.
#[derive(Debug)]
struct Match<'r> {
    pack: &'r Pack,
    rule: &'r Rule,
    /// Whether the model itself was seen to refuse, at this vendor.
    seen: bool,
    captures: Captures,
}

impl<'r> Match<'r> {
    fn tell(&self, request: &Request<'_>) -> Matched<'r> {
        Matched {
            rule: self.rule,
            pack: self.pack,
            refusal: self.refusal(request),
            body: self.body(request),
            places: self.rule.when.places(&request.subject(self.pack)),
        }
    }

    fn refusal(&self, request: &Request<'_>) -> Refusal {
        let template = &self.rule.error;
        let fill = |text: &str| fill(text, &self.captures, request.json());
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

    fn body(&self, request: &Request<'_>) -> Option<ErrorBody> {
        // Another vendor's form is not its relays'.
        let of_pack = self.pack.form.as_ref().filter(|_| self.pack.vendor == request.incoming.model.vendor);
        let form = self.rule.error.form.as_ref().or(of_pack)?;
        Some(write::write(form, &self.refusal(request).error, &self.captures, request.incoming.body))
    }
}
