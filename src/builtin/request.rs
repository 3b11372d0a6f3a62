//! What a leg is asked: the client's request in the leg's API, for the leg's model, with the leg's key.

use serde_json::{Value, json};

use super::continuation::{Way, ask_to_go_on};
use super::course::Attempt;
use super::edits::edit_request;
use super::fit::fit;
use super::front::Gateway;
use super::relay::Job;
use crate::api::{Api, ApiId};
use crate::proxy::{Credentials, ModelChoice};
use crate::wire::Headers;

/// Headers of a client that an upstream of the same API is to have.
const PASSED_ON: [&str; 2] = ["anthropic-version", "anthropic-beta"];

/// A request to a leg.
#[derive(Clone, Debug)]
pub(super) struct LegRequest {
    /// Path and query behind the leg's base URL.
    pub(super) target: String,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
    /// Blanks at the end of what was delivered that the leg has to say again; `None` if it answers from the start.
    pub(super) owed: Option<String>,
}

/// Writes the request of an attempt; `go_on` says how it is to go on, and behind which text.
pub(super) fn for_leg(job: &Job, attempt: Attempt<'_>, api: &dyn Api, go_on: Option<(Way, &str)>) -> LegRequest {
    let mut conversation = job.asked.clone();
    edit_request(&job.gateway.promise, &mut conversation);
    let sabotage = &job.gateway.sabotage;
    sabotage.edit_request(attempt.number, &mut conversation);
    if api.features().short_temperature && job.api.id() != api.id() {
        // The scale ends at 2 elsewhere, and at 1 here.
        if let Some(temperature) = conversation.params.get_mut("temperature")
            && temperature.as_f64().is_some_and(|value| value > 1.0)
        {
            *temperature = json!(1);
        }
    }
    if job.gateway.config.fit || sabotage.fits() {
        fit(&mut conversation, sabotage.fitted_to(&job.route, model(job, attempt)));
    }
    let go_on = go_on.filter(|_| !sabotage.starts_over());
    let owed = go_on.map(|(way, text)| ask_to_go_on(&mut conversation, way, text, sabotage.keeps_blanks()));
    let mut body = api.write_request(&conversation, model(job, attempt));
    if job.api.id() != api.id() {
        translate_rest(job, api, &mut body);
    }
    sabotage.edit_body(job, attempt.number, api.id(), &mut body);
    let target = api.target(model(job, attempt), job.asked.stream);
    let target = sabotage.target(&job.route, attempt.number, target);
    LegRequest { target, headers: headers(job, attempt, api), body: body.to_string().into_bytes(), owed }
}

/// The leg's own model, or that of the route's first leg where all have the same.
fn model<'a>(job: &'a Job, attempt: Attempt<'a>) -> &'a str {
    match job.gateway.promise.model {
        ModelChoice::PerLeg if !job.gateway.sabotage.keeps_model() => &attempt.leg.model,
        _ => job.route.legs.first().map_or(&attempt.leg.model, |leg| &leg.model),
    }
}

/// What has no neutral form, but a counterpart.
fn translate_rest(job: &Job, to: &dyn Api, body: &mut Value) {
    if job.asked.stream && to.id() == ApiId::OpenaiChat {
        // Without it this API reports no usage, which the client's own always does.
        body["stream_options"] = json!({"include_usage": true});
    }
    if let Some(format) = &job.asked.format {
        to.ask_for_json(body, schema_of(format));
    }
}

/// The schema that a format asks for, wherever its API puts it.
fn schema_of(format: &Value) -> Option<&Value> {
    let places = ["/json_schema/schema", "/schema", "/responseJsonSchema", "/responseSchema"];
    places.into_iter().find_map(|place| format.pointer(place))
}

fn headers(job: &Job, attempt: Attempt<'_>, api: &dyn Api) -> Headers {
    let key = match job.gateway.promise.credentials {
        Credentials::Own => attempt.key(),
        Credentials::Passthrough => job.key.as_deref().unwrap_or_default(),
    };
    let mut headers = api.request_headers(key);
    if headers.get("content-type").is_none() {
        headers.push("content-type", "application/json");
    }
    if job.gateway.config.accept_gzip {
        headers.push("accept-encoding", "gzip");
    }
    if job.api.id() == api.id() {
        for name in PASSED_ON {
            if let Some(value) = job.headers.get(name) {
                headers.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
                headers.push(name, value);
            }
        }
    }
    let Gateway { config, sabotage, .. } = &*job.gateway;
    if let (Some(primary), true) = (job.route.legs.first(), attempt.number > 0) {
        sabotage.leftovers(primary, config.client_key.as_deref(), &mut headers);
    }
    sabotage.bleed(&mut headers);
    headers
}
