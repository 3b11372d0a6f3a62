//! A step as it goes: one thing after the other, as both sides recorded it. Told while it happens, or taken from what
//! was recorded.

use super::{
    BarrierEnd, ClientEnd, ClientExchange, Continuation, Refusal, ResponseHead, StepHistory, UpstreamEnd,
    UpstreamExchange,
};
use crate::api::ApiId;
use crate::wire::{Blob, Micros, Request};

/// Something that was recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Micros,
    /// What.
    pub what: What,
}

/// What happened, and on which side.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// On the client's side.
    Client(ClientMoment),
    /// On the side of the legs.
    Leg {
        /// Place of the exchange among those of its step.
        exchange: usize,
        /// What.
        what: LegMoment,
    },
}

/// What the client does and hears.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientMoment {
    /// It sends its request: a step begins.
    Asks {
        /// API of the request.
        api: ApiId,
        /// Whether it asks for a stream.
        stream: bool,
        /// The request.
        request: Request,
    },
    /// The head of the response came.
    Head(ResponseHead),
    /// A piece of the body came.
    Hears(Blob),
    /// It stops reading, as scripted.
    StopsReading,
    /// It goes on reading.
    ReadsOn,
    /// The exchange ended.
    Ends(ClientEnd),
}

/// What a leg hears and does.
#[derive(Clone, Debug, PartialEq)]
pub enum LegMoment {
    /// It got a request, and knows what it makes of it.
    Asked(Box<Call>),
    /// The head of its response is out.
    Head(u16),
    /// A piece of the body is out.
    Says(Blob),
    /// It falls silent, as scripted.
    FallsSilent,
    /// Its response ended, and the barrier before that.
    Ends(UpstreamEnd, BarrierEnd),
}

/// A request as a leg took it. The fields are those of [`UpstreamExchange`].
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "they are the exchange's")]
pub struct Call {
    pub leg: String,
    pub api: Option<ApiId>,
    pub attempt: u32,
    pub side_call: bool,
    pub request: Request,
    pub continuation: Continuation,
    pub refused: Option<Refusal>,
}

impl From<&UpstreamExchange> for Call {
    fn from(exchange: &UpstreamExchange) -> Self {
        Self {
            leg: exchange.leg.clone(),
            api: exchange.api,
            attempt: exchange.attempt,
            side_call: exchange.side_call,
            request: exchange.request.clone(),
            continuation: exchange.continuation.clone(),
            refused: exchange.refused.clone(),
        }
    }
}

impl Moment {
    /// Of the client.
    pub fn client(at: Micros, what: ClientMoment) -> Self {
        Self { at, what: What::Client(what) }
    }

    /// Of a leg's exchange.
    pub fn leg(at: Micros, exchange: usize, what: LegMoment) -> Self {
        Self { at, what: What::Leg { exchange, what } }
    }

    /// Its place among others: of what happened at the same time the cause stands first.
    pub fn order(&self) -> impl Ord + use<> {
        let turn = match &self.what {
            What::Client(ClientMoment::Asks { .. }) => 0,
            What::Leg { what: LegMoment::Asked(_), .. } => 1,
            What::Leg { what: LegMoment::Head(_) | LegMoment::Says(_) | LegMoment::FallsSilent, .. } => 2,
            What::Leg { what: LegMoment::Ends(..), .. } => 3,
            What::Client(ClientMoment::Ends(_)) => 5,
            What::Client(_) => 4,
        };
        (self.at, turn)
    }
}

impl StepHistory {
    /// Everything that was recorded, in order.
    pub fn moments(&self) -> Vec<Moment> {
        let mut moments = self.client.moments();
        for (number, upstream) in self.upstream.iter().enumerate() {
            moments.extend(of_leg(number, upstream));
        }
        // Bytes of one exchange stay in their order.
        moments.sort_by_key(Moment::order);
        moments
    }
}

impl ClientExchange {
    /// Everything that was recorded, in order.
    pub fn moments(&self) -> Vec<Moment> {
        let moment = Moment::client;
        let asks = ClientMoment::Asks { api: self.api, stream: self.stream, request: self.request.clone() };
        let mut moments = vec![moment(self.sent_at, asks)];
        moments.extend(self.response.iter().map(|head| moment(head.at, ClientMoment::Head(head.clone()))));
        moments.extend(self.chunks.iter().map(|chunk| moment(chunk.at, ClientMoment::Hears(chunk.data.clone()))));
        if let Some((from, to)) = self.paused {
            moments.extend([moment(from, ClientMoment::StopsReading), moment(to, ClientMoment::ReadsOn)]);
        }
        moments.push(moment(self.ended_at, ClientMoment::Ends(self.end.clone())));
        moments.sort_by_key(Moment::order);
        moments
    }
}

fn of_leg(exchange: usize, upstream: &UpstreamExchange) -> Vec<Moment> {
    let moment = |at, what| Moment::leg(at, exchange, what);
    let mut moments = vec![moment(upstream.at, LegMoment::Asked(Box::new(upstream.into())))];
    if upstream.status > 0 {
        let at = upstream.sent.first().map_or(upstream.ended_at, |chunk| chunk.at);
        moments.push(moment(at.max(upstream.at), LegMoment::Head(upstream.status)));
    }
    moments.extend(upstream.sent.iter().map(|chunk| moment(chunk.at, LegMoment::Says(chunk.data.clone()))));
    moments.extend(upstream.silences.iter().map(|at| moment(*at, LegMoment::FallsSilent)));
    moments.push(moment(upstream.ended_at, LegMoment::Ends(upstream.end.clone(), upstream.barrier)));
    moments
}
