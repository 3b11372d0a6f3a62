//! What clients meet: paths, keys, and errors in the shape of their API.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::cache::Answers;
use super::memory::Memory;
use super::outlet::{AnswerBody, Outlet, Work, outlet};
use super::reach::Reach;
use super::relay::Job;
use super::sabotage::Sabotage;
use super::{Config, Promise, Route};
use crate::api::{Api, ApiError, ApiId};
use crate::wire::Headers;

/// Longest request that is read.
const MAX_REQUEST: usize = 32 << 20;

/// The proxy behind its sockets.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) config: Config,
    /// What it promises with its settings.
    pub(super) promise: Promise,
    pub(super) sabotage: Sabotage,
    pub(super) memory: Memory,
    /// How upstreams are reached.
    pub(super) reach: Reach,
    /// Answers to requests that may come again.
    pub(super) answers: Answers,
    /// Takes work that outlives its client, by promise or by defect.
    leftover: mpsc::UnboundedSender<Work>,
    /// Makes the ids of each answer its own.
    seed: AtomicU64,
    /// Whose turn it is in a pool.
    turn: AtomicUsize,
}

impl Gateway {
    pub(super) fn new(config: Config, leftover: mpsc::UnboundedSender<Work>) -> Self {
        let sabotage = Sabotage::new(&config.defects);
        let seed = AtomicU64::new(RandomState::new().hash_one(0));
        Self {
            promise: config.promise(),
            reach: Reach::new(&config),
            config,
            sabotage,
            memory: Memory::default(),
            answers: Answers::default(),
            leftover,
            seed,
            turn: AtomicUsize::new(0),
        }
    }

    /// Another seed for each answer.
    pub(super) fn seed(&self) -> u64 {
        self.sabotage.seed(self.seed.fetch_add(1, Ordering::Relaxed))
    }

    /// Answers one request.
    pub(super) async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
        let (outlet, awaited) = outlet();
        let mut work: Work = Box::pin(Arc::clone(&self).work(request, outlet));
        if self.sabotage.outlives_client()
            && let Err(refused) = self.leftover.send(std::mem::replace(&mut work, Box::pin(std::future::ready(()))))
        {
            work = refused.0;
        }
        let lease = self.promise.cancel_within.map(|time| (time.duration(), self.leftover.clone()));
        Ok(awaited.answer(work, lease).await)
    }

    async fn work(self: Arc<Self>, request: Request<Incoming>, outlet: Outlet) {
        let path = request.uri().path().to_owned();
        match (request.method(), path.as_str(), api_of(&path)) {
            (&Method::POST, _, Some(api)) => match Arc::clone(&self).read(api, request).await {
                Ok(job) => job.run(outlet).await,
                Err(error) => self.fail(api, outlet, error, None),
            },
            (&Method::GET, "/health", _) => reply_json(outlet, &json!({"status": "ok"})),
            (&Method::GET, "/v1/models", _) => {
                match self.check_key(lists(), &target_of(&request), &headers_of(&request)) {
                    Ok(()) => reply_json(outlet, &self.models()),
                    Err(error) => self.fail(lists(), outlet, error, None),
                }
            }
            (method, path, _) => {
                let message = format!("Unknown request URL: {method} {path}.");
                let error = ApiError { message, ..lists().status_error(404) };
                self.fail(lists(), outlet, error, None);
            }
        }
    }

    /// Reads and checks a request before any upstream hears of it.
    async fn read(self: Arc<Self>, api: &'static dyn Api, request: Request<Incoming>) -> Result<Job, ApiError> {
        let headers = headers_of(&request);
        let target = target_of(&request);
        self.check_key(api, &target, &headers)?;
        let error = |status, message: String| ApiError { message, ..api.status_error(status) };
        let body = Limited::new(request.into_body(), MAX_REQUEST)
            .collect()
            .await
            .map_err(|_| error(413, format!("The request is longer than {MAX_REQUEST} bytes, or broke off.")))?
            .to_bytes();
        let raw = body;
        let body: Value = serde_json::from_slice(&raw)
            .map_err(|why| error(400, format!("The request body is not valid JSON: {why}.")))?;
        let mut asked = api.read_request(&body);
        api.read_target(&target, &mut asked);
        let model = asked.model.as_str();
        if model.is_empty() {
            return Err(error(400, "model: a model is required.".to_owned()));
        }
        let Some(mut route) = self.config.route(model).filter(|route| !route.legs.is_empty()).cloned() else {
            return Err(error(404, format!("The model `{model}` does not exist.")));
        };
        if route.pool {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let first = turn % route.legs.len();
            route.legs.rotate_left(first);
        }
        let key = presented_keys(&target, &headers).next();
        Ok(Job { gateway: self, route, api, asked, headers, key, body: raw })
    }

    /// The client's key, in either scheme.
    fn check_key(&self, api: &dyn Api, target: &str, headers: &Headers) -> Result<(), ApiError> {
        let Some(expected) = &self.config.client_key else { return Ok(()) };
        if presented_keys(target, headers).any(|key| key == *expected) {
            return Ok(());
        }
        Err(ApiError { message: "The key is missing or not valid.".to_owned(), ..api.status_error(401) })
    }

    fn models(&self) -> Value {
        let model = |route: &Route| json!({"id": route.name, "object": "model", "created": 0, "owned_by": "crossfade"});
        json!({"object": "list", "data": self.config.routes.iter().map(model).collect::<Vec<_>>()})
    }

    /// Answers with an error in the client's API.
    pub(super) fn fail(&self, api: &dyn Api, outlet: Outlet, mut error: ApiError, retry_after: Option<&str>) {
        self.sabotage.spoil(&self.config, &mut error);
        let mut headers: Headers = [("content-type", "application/json")].into_iter().collect();
        if let Some(after) = self.sabotage.handed_on(retry_after) {
            headers.push("retry-after", after);
        }
        headers.0.extend(api.error_type(&error));
        let body = api.error_body(&error, self.seed());
        let (status, body) = self.sabotage.error_response(&error, body);
        outlet.reply(status, headers, body);
    }
}

/// The keys that a client presents, in any API's way.
fn presented_keys(target: &str, headers: &Headers) -> impl Iterator<Item = String> {
    ApiId::ALL.into_iter().filter_map(ApiId::spoken).filter_map(|api| api.presented_key(target, headers))
}

/// The API in whose shape everything is said that belongs to none.
fn lists() -> &'static dyn Api {
    ApiId::OpenaiChat.spoken().expect("this API is spoken")
}

/// The API whose path this is, exactly.
fn api_of(path: &str) -> Option<&'static dyn Api> {
    ApiId::of_path(path).filter(|api| api.own_path(path) == Some(path))
}

/// Path and query.
fn target_of<B>(request: &Request<B>) -> String {
    request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

fn headers_of<B>(request: &Request<B>) -> Headers {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    request.headers().iter().map(|(name, value)| (name.as_str(), text(value.as_bytes()))).collect()
}

fn reply_json(outlet: Outlet, body: &Value) {
    let headers = [("content-type", "application/json")].into_iter().collect();
    outlet.reply(200, headers, body.to_string().into_bytes());
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
