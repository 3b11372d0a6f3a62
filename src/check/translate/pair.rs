//! What the client asked and what the proxy made of it for one leg, side by side.

use std::collections::BTreeSet;

use serde_json::Value;

use super::talk::Talk;
use crate::api::compare::{by_value, without_words};
use crate::api::{Api, ApiId, Conversation, ModelName};
use crate::check::Evidence;
use crate::check::view::StepView;
use crate::history::{ClientExchange, Control};
use crate::proxy::Policy;
use crate::rules::{Incoming, RuleBook};
use crate::scenario::ShapeLeg;
use crate::wire::Request;

/// A leg's control: the client's request, and what reached the leg.
#[derive(Debug)]
pub(in crate::check) struct Pair<'a> {
    pub(super) leg: &'a str,
    pub(super) from: &'static dyn Api,
    pub(super) to: &'static dyn Api,
    /// What the client asked, with values in the form in which they are compared.
    pub(super) client: Conversation,
    /// What the leg was asked, likewise.
    pub(super) control: Conversation,
    pub(super) asked: Talk,
    pub(super) told: Talk,
    target: &'a ModelName,
    /// What the leg was asked, as its API reads it.
    raw: Conversation,
    request: &'a Request,
    policy: &'a Policy,
    /// Name of the control in evidence.
    name: String,
}

/// The controls of a step, and why those are missing that are.
#[derive(Debug, Default)]
pub(in crate::check) struct Pairs<'a> {
    pub(super) pairs: Vec<Pair<'a>>,
    pub(super) missing: Vec<String>,
}

impl<'a> Pairs<'a> {
    pub(super) fn of(step: &StepView<'a>) -> Self {
        let mut out = Self::default();
        for leg in &step.history.case.shape.legs {
            match step.step.controls.get(&leg.name) {
                Some(Control::Done { request, unique, client }) => out.add(step, leg, request, unique, client),
                // That the target refused it may be what the proxy made of it.
                Some(Control::Failed { asked: Some(asked), .. }) => {
                    out.add(step, leg, &asked.request, &asked.unique, &asked.client);
                }
                Some(Control::Failed { status, text, .. }) => out.missing.push(format!("control: {status} {text}")),
                Some(Control::Missing { reason }) => out.missing.push(format!("no control: {reason}")),
                None => out.missing.push("no control".to_owned()),
            }
        }
        out
    }

    fn add(
        &mut self,
        step: &StepView<'a>,
        leg: &'a ShapeLeg,
        request: &'a Request,
        unique: &str,
        client: &ClientExchange,
    ) {
        let words = [step.history.unique.clone(), unique.to_owned()];
        match Pair::of(step, &leg.name, &leg.model, request, client, &words) {
            Some(pair) => self.pairs.push(pair),
            None => self.missing.push(format!("the control of `{}` cannot be read", leg.name)),
        }
    }
}

impl<'a> Pair<'a> {
    fn of(
        step: &StepView<'a>,
        leg: &'a str,
        target: &'a ModelName,
        request: &'a Request,
        client: &ClientExchange,
        words: &[String],
    ) -> Option<Self> {
        let from = client.api.spoken()?;
        let to = ApiId::of_path(request.target.split('?').next().unwrap_or_default())?;
        let asked = without_words(&from.read(&client.request)?, words);
        let raw = to.read(request)?;
        let (client, control) = (by_value(&asked), by_value(&without_words(&raw, words)));
        Some(Self {
            leg,
            from,
            to,
            asked: Talk::of(&client),
            told: Talk::of(&control),
            client,
            control,
            target,
            raw,
            request,
            policy: step.policy(),
            name: step.control_name(leg),
        })
    }

    /// Whether client and leg speak one API: then nothing has to be translated.
    pub(super) fn same_api(&self) -> bool {
        self.from.id() == self.to.id()
    }

    /// Whether the leg's API has one place for all instructions.
    pub(super) fn one_system_field(&self) -> bool {
        self.to.features().one_system_field
    }

    /// Whether the proxy declares that it edits requests in this way.
    pub(super) fn declares(&self, edit: &str) -> bool {
        self.policy.request_edits.iter().flatten().any(|declared| declared == edit)
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence { exchange: self.name.clone(), path: None, expected: None, got: None }
    }

    /// What the leg was asked, to be changed and put before the rules.
    pub(super) fn raw(&self) -> Conversation {
        self.raw.clone()
    }

    /// The rule by which the target refuses this request, where it did not refuse what it was asked. A mere guess is
    /// enough: what a proxy leaves out for it is no loss to hold against it.
    pub(super) fn refused(&self, changed: &Conversation) -> Option<String> {
        let before = self.rules(&self.to.write_request(&self.raw, &self.raw.model));
        let after = self.rules(&self.to.write_request(changed, &changed.model));
        after.into_iter().find(|rule| !before.contains(rule))
    }

    fn rules(&self, body: &Value) -> BTreeSet<String> {
        let body = body.to_string();
        let ruling = RuleBook::bundled().judge(&Incoming {
            api: self.to.id(),
            model: self.target,
            target: &self.request.target,
            models: &[],
            headers: &self.request.headers,
            body: body.as_bytes(),
            expected_key: None,
        });
        ruling.refusal.map(|refusal| refusal.rule).into_iter().chain(ruling.also).collect()
    }
}
