//! The examples of a rule file: each rule refuses what it should, and lets pass what comes near it.

use serde_json::Value;

use super::{Evidence, Example, ExampleRequest, Incoming, Pack, Rule, RuleBook, Ruling};
use crate::api::{ApiId, ModelName};
use crate::wire::Headers;

impl RuleBook {
    /// What is wrong with the examples of a file of this book.
    pub fn prove(&self, pack: &Pack) -> Vec<String> {
        pack.rules.iter().flat_map(|rule| self.prove_rule(pack, rule)).collect()
    }

    fn prove_rule(&self, pack: &Pack, rule: &Rule) -> Vec<String> {
        let switched;
        let book = if self.asks(rule) {
            self
        } else {
            switched = self.with(rule, true);
            &switched
        };
        let mut wrong = Vec::new();
        for (number, example) in rule.examples.iter().enumerate() {
            let found = match example {
                Example::Refused(request) => refused(rule, request, &book.ask(pack, request)),
                Example::Accepted(request) => {
                    let ruling = book.ask(pack, request);
                    let matches = ruling.also.contains(&rule.id) || ruling.refusal.is_some_and(|r| r.rule == rule.id);
                    matches.then(|| "matches, though it should not".to_owned())
                }
            };
            wrong.extend(found.map(|found| format!("{} example {}: {found}", rule.id, number + 1)));
        }
        wrong
    }

    /// What the rules say to the request of an example.
    pub fn ask(&self, pack: &Pack, request: &ExampleRequest) -> Ruling {
        let api = pack.api.spoken();
        let usual = api.map_or_else(|| "/".to_owned(), |api| api.target(&request.model, false));
        let target = request.target.clone().unwrap_or(usual);
        let mut body = if pack.base.is_object() { pack.base.clone() } else { Value::Object(serde_json::Map::new()) };
        if !target.contains(&request.model) {
            body["model"] = request.model.clone().into();
        }
        for (key, value) in &request.body {
            if let (true, Some(fields)) = (value.is_null(), body.as_object_mut()) {
                fields.shift_remove(key);
            } else {
                body[key.as_str()] = value.clone();
            }
        }
        self.judge(&Incoming {
            api: pack.api,
            model: &ModelName { vendor: pack.vendor.clone(), model: request.model.clone() },
            models: &request.spellings,
            target: &target,
            headers: &request.headers_of(pack.api),
            body: request.raw.clone().unwrap_or_else(|| body.to_string()).as_bytes(),
            expected_key: request.expected_key.as_deref(),
        })
    }
}

impl ExampleRequest {
    fn headers_of(&self, api: ApiId) -> Headers {
        let usual = api.spoken().map(|api| api.request_headers("sk-any")).unwrap_or_default();
        let is_changed = |name: &str| self.headers.keys().any(|changed| changed.eq_ignore_ascii_case(name));
        let mut headers: Headers = usual.iter().filter(|(name, _)| !is_changed(name)).collect();
        for (name, value) in &self.headers {
            if let Some(value) = value {
                headers.push(name, value);
            }
        }
        headers
    }
}

/// What is wrong with the answer to a request that a rule should refuse.
fn refused(rule: &Rule, request: &ExampleRequest, ruling: &Ruling) -> Option<String> {
    let Some(refusal) = ruling.refusal.as_ref().filter(|refusal| refusal.rule == rule.id) else {
        let warned = rule.evidence == Evidence::Guess && ruling.also.contains(&rule.id);
        let by = ruling.refusal.as_ref().map(|refusal| format!("; `{}` answers", refusal.rule)).unwrap_or_default();
        return (!warned).then(|| format!("it does not refuse this{by}"));
    };
    let certain = rule.certain(rule.covers(&request.model) == Some(true));
    if refusal.certain != certain {
        return Some(format!("certain: {}", refusal.certain));
    }
    let message = &refusal.error.message;
    let differs = request.message.as_ref().is_some_and(|wanted| wanted != message);
    (differs || message.contains("${")).then(|| format!("it says: {message}"))
}
