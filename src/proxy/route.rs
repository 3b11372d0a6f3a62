//! Routes: what a launch configures in the proxy.

use serde::Serialize;

use crate::api::{ApiId, ModelName};

/// A route: the name that a client asks for, and the legs behind it in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name: letters, digits and `-`; it becomes a model name or a segment of a path.
    pub name: String,
    /// Legs in the order in which they shall be tried; a control has one.
    pub legs: Vec<RouteLeg>,
    /// Whether the legs are a pool: none of them comes first.
    pub pool: bool,
}

/// One leg of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLeg {
    /// `primary`, `fallback`, or any name.
    pub name: String,
    /// Whom it plays.
    pub model: ModelName,
    /// API it is asked in.
    pub api: ApiId,
    /// Where it listens, without the API's own path: `http://127.0.0.1:9100/slot-1/primary`.
    pub base_url: String,
    /// Host and port alone, for proxies that tell legs apart by port.
    pub host: String,
    /// Its canary key.
    pub key: String,
    /// A second one, for proxies that retry on another key.
    pub spare_key: String,
}

impl Route {
    /// One route with two legs and one with the second alone: with these every template must render.
    pub(super) fn samples() -> Vec<Self> {
        let leg = |route: &str, name: &str, vendor: &str, model: &str, api, port| RouteLeg {
            name: name.to_owned(),
            model: ModelName { vendor: vendor.to_owned(), model: model.to_owned() },
            api,
            base_url: format!("http://127.0.0.1:{port}/{route}/{name}"),
            host: format!("127.0.0.1:{port}"),
            key: format!("sk-{route}-{name}"),
            spare_key: format!("sk-{route}-{name}-spare"),
        };
        let fallback = |route| leg(route, "fallback", "openai", "gpt-4o-mini", ApiId::OpenaiChat, 9101);
        let primary = leg("slot-1", "primary", "anthropic", "claude-opus-4-1", ApiId::AnthropicMessages, 9100);
        vec![
            Self { name: "slot-1".to_owned(), legs: vec![primary, fallback("slot-1")], pool: false },
            Self { name: "control-1".to_owned(), legs: vec![fallback("control-1")], pool: false },
        ]
    }
}

/// A route as templates see it.
#[derive(Serialize)]
pub(super) struct RouteView<'a> {
    name: &'a str,
    legs: Vec<LegView<'a>>,
    pool: bool,
}

#[derive(Serialize)]
struct LegView<'a> {
    name: &'a str,
    vendor: &'a str,
    model: &'a str,
    api: ApiId,
    base_url: &'a str,
    host: &'a str,
    key: &'a str,
    spare_key: &'a str,
}

impl<'a> From<&'a Route> for RouteView<'a> {
    fn from(route: &'a Route) -> Self {
        let legs = route.legs.iter().map(|leg| LegView {
            name: &leg.name,
            vendor: &leg.model.vendor,
            model: &leg.model.model,
            api: leg.api,
            base_url: &leg.base_url,
            host: &leg.host,
            key: &leg.key,
            spare_key: &leg.spare_key,
        });
        Self { name: &route.name, legs: legs.collect(), pool: route.pool }
    }
}
