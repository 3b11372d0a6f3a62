//! One request to an upstream: one connection, closed when this is dropped.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, Uri};
use tokio::time::timeout;

use super::Leg;
use super::coding;
use super::failure::Failure;
use super::reach::{Driver, Reach};
use super::request::LegRequest;
use crate::api::Api;
use crate::coding::Decoder;

/// Longest unary answer, and longest error, that is read.
const MAX_BODY: usize = 32 << 20;

/// A response of an upstream, its head read.
#[derive(Debug)]
pub(super) struct Upstream {
    response: Response<Incoming>,
    coding: Option<Decoder>,
    /// Longest wait for the next bytes of the body.
    wait: Duration,
    idle: Duration,
    /// Drives the connection.
    _connection: Driver,
}

impl Upstream {
    /// Sends the request and waits for the head.
    pub(super) async fn ask(
        reach: &Reach,
        leg: &Leg,
        request: LegRequest,
        first_byte: Duration,
        idle: Duration,
    ) -> Result<Self, Failure> {
        let base: Uri = leg.base_url.parse().map_err(|_| Failure::transport())?;
        let request = on_the_wire(&base, request).ok_or_else(Failure::transport)?;
        match timeout(first_byte, reach.send(&base, request)).await {
            Err(_) => Err(Failure::timeout()),
            Ok(Err(())) => Err(Failure::transport()),
            // A head alone says nothing yet: the first bytes behind it are the first that count.
            Ok(Ok((response, connection))) => {
                let coding = coding::of(response.headers()).map_err(|()| Failure::damaged())?;
                Ok(Self { response, coding, wait: first_byte.min(idle), idle, _connection: connection })
            }
        }
    }

    /// The error, unless the status is a success.
    pub(super) async fn accepted(mut self, api: &dyn Api) -> Result<Self, Failure> {
        let status = self.response.status();
        if status.is_success() {
            return Ok(self);
        }
        let headers = self
            .response
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
            .collect();
        // Whatever breaks the body of an error, the status stands.
        let body = self.whole().await.unwrap_or_default();
        Err(Failure::refused(api, status.as_u16(), &headers, &body))
    }

    /// The next bytes of the body; `None` at its proper end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            match timeout(self.wait, self.response.body_mut().frame()).await {
                Err(_) => return Err(Failure::timeout()),
                Ok(None) => {
                    let rest = self.coding.take().map_or(Ok(Vec::new()), |mut coding| coding.end());
                    let rest = rest.map_err(|_| Failure::damaged())?;
                    return Ok((!rest.is_empty()).then(|| rest.into()));
                }
                Ok(Some(Err(_))) => return Err(Failure::transport()),
                Ok(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.wait = self.idle;
                    let Some(coding) = &mut self.coding else { return Ok(Some(data)) };
                    let plain = coding.decode(&data).map_err(|_| Failure::damaged())?;
                    if !plain.is_empty() {
                        return Ok(Some(plain.into()));
                    }
                }
            }
        }
    }

    /// The whole body.
    pub(super) async fn whole(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(data) = self.next().await? {
            body.extend_from_slice(&data);
            if body.len() > MAX_BODY {
                return Err(Failure::damaged());
            }
        }
        Ok(body)
    }
}

fn on_the_wire(base: &Uri, asked: LegRequest) -> Option<Request<Full<Bytes>>> {
    let target = format!("{}{}", base.path().trim_end_matches('/'), asked.target);
    let mut request = Request::post(target).header("host", base.authority()?.as_str());
    for (name, value) in asked.headers.iter() {
        request = request.header(name, value);
    }
    request.body(Full::new(asked.body.into())).ok()
}
