//! `fallback.credentials`: whose keys a leg is sent.

use super::NONE;
use crate::check::Evidence;
use crate::check::Level;
use crate::check::catalogue::{Check, CheckInfo, Judge};
use crate::check::found::Found;
use crate::check::secrets::{Forms, Whose, secrets};
use crate::check::view::StepView;
use crate::history::UpstreamExchange;
use crate::proxy::Credentials;

/// `fallback.credentials`.
pub(in crate::check) const CREDENTIALS: Check = Check {
    judge: Judge::Step(credentials),
    info: CheckInfo {
        id: "fallback.credentials",
        level: Level::Must,
        requirement: "No leg is sent a key of another leg, of another route, or a decoy, in any decoded form.",
        rationale: "A key that reaches another provider is disclosed to it, and the request fails besides.",
        passes: "Each leg is sent its own key only.",
        fails: "The primary's key in any header, the query or the body of the fallback's request, plain, URL-encoded \
                or in base64.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/14371",
            "https://github.com/BerriAI/litellm/issues/16667",
        ],
    },
};

fn credentials(step: &StepView<'_>) -> Found {
    let exchanges = step.step.upstream.iter().enumerate();
    let leaks: Vec<(String, Evidence)> = exchanges
        .flat_map(|(index, exchange)| {
            let places = Places::of(exchange);
            let leaks = forbidden(step, exchange).filter_map(|(whose, key)| {
                let place = places.of_key(key)?;
                let whose = match whose {
                    Whose::Leg(name) | Whose::Route(name) => format!("key:{name}"),
                    Whose::Decoy(what) => what.to_owned(),
                };
                let evidence = Evidence {
                    exchange: step.upstream(index),
                    path: Some(place.to_owned()),
                    expected: Some(format!("<key:{}>", exchange.leg)),
                    got: Some(format!("<{whose}>")),
                };
                Some((format!("`{}` was sent the {whose} in {place}", exchange.leg), evidence))
            });
            leaks.collect::<Vec<_>>()
        })
        .collect();
    if let Some((reason, _)) = leaks.first() {
        return Found::fail(reason.clone()).with_all(leaks.iter().map(|(_, evidence)| evidence.clone()));
    }
    if step.history.proxy.attached {
        return Found::skip("attached");
    }
    if step.fallback_calls().next().is_none() {
        return Found::not_exercised(NONE);
    }
    Found::pass()
}

/// The keys that a leg must not see.
fn forbidden<'a>(step: &'a StepView<'_>, exchange: &'a UpstreamExchange) -> impl Iterator<Item = (Whose<'a>, &'a str)> {
    let proxy = &step.history.proxy;
    let own = step.facts(&exchange.leg).map(|facts| [facts.key.as_str(), facts.spare_key.as_str()]).unwrap_or_default();
    let passes = step.policy().credentials == Some(Credentials::Passthrough);
    let hidden = move |whose: Whose<'_>| match whose {
        // Where keys pass through, or a slot has one key, the legs of a route are not told apart by them.
        Whose::Leg(name) => proxy.key_per_leg && !passes && name != exchange.leg,
        Whose::Route(_) => true,
        Whose::Decoy(what) => what != "decoy route" && !(passes && what == "admin key"),
    };
    secrets(proxy).filter(move |(whose, key)| hidden(*whose) && !own.contains(key))
}

/// The texts of a request, by place.
struct Places {
    /// All of them: most keys are nowhere.
    whole: Forms,
    each: Vec<(String, String)>,
}

impl Places {
    fn of(exchange: &UpstreamExchange) -> Self {
        let request = &exchange.request;
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (format!("header {}", name.to_ascii_lowercase()), value.to_owned()));
        let line = ("the request line".to_owned(), request.target.clone());
        let body = ("the body".to_owned(), request.body.to_text());
        let each: Vec<(String, String)> = headers.chain([line, body]).collect();
        let whole: Vec<&str> = each.iter().map(|(_, text)| text.as_str()).collect();
        Self { whole: Forms::of(&whole.join("\n")), each }
    }

    /// Where a key is carried, in any decoded form.
    fn of_key(&self, key: &str) -> Option<&str> {
        let mut each = self.each.iter().filter(|_| self.whole.carries(key));
        each.find(|(_, text)| Forms::of(text).carries(key)).map(|(place, _)| place.as_str())
    }
}
