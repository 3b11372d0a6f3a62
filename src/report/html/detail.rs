//! What the page shows of one case: lanes of a timeline, the answer by who spoke it, requests, bytes.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::{client, requests};
use crate::check::Run;
use crate::history::{ClientEnd, ClientExchange, Control, History, StepHistory, UpstreamEnd, UpstreamExchange};
use crate::wire::{Chunk, Headers, Micros, Request};

/// Characters kept of one body.
const LONGEST: usize = 20_000;
/// Ticks kept of one lane.
const TICKS: usize = 2_000;

/// What the page shows of a case beyond its verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// One sentence from the scenario.
    summary: Option<String>,
    /// The requests against their controls, as the terminal shows them.
    compared: String,
    /// What happened, step by step.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Step {
    /// The client's lane, then one for each request to a leg.
    lanes: Vec<Lane>,
    /// What the client got as text: who spoke it (empty for nobody), and the words.
    said: Vec<(String, String)>,
    /// The error that the client got.
    error: Option<String>,
}

/// One exchange on the timeline. Times are microseconds since the case began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Lane {
    /// `client`, or the leg.
    who: String,
    /// What was asked, and of whom.
    asked: String,
    /// When.
    at: Micros,
    /// When the response began, where that is known.
    head: Option<Micros>,
    /// Status of the response; 0 for none.
    status: u16,
    /// When a chunk came or went.
    ticks: Vec<Micros>,
    /// How it ended, in words.
    end: String,
    /// Whether it ended as a response should.
    whole: bool,
    /// When.
    ended: Micros,
    /// The rule that refused it, with what it said.
    refused: Option<String>,
    /// The request as it stood on the wire.
    request: String,
    /// The control of this leg: what the same proxy asks of it where nothing is broken.
    control: Option<String>,
    /// The response as it stood on the wire.
    response: String,
}

/// Of a case that was played.
pub fn detail(history: &History, texts: &[Vec<Run>]) -> Detail {
    let none = Vec::new();
    let step = |(at, step): (usize, &StepHistory)| of_step(history, step, texts.get(at).unwrap_or(&none));
    Detail {
        summary: history.case.summary.clone(),
        compared: requests::show(history),
        steps: history.steps.iter().enumerate().map(step).collect(),
    }
}

fn of_step(history: &History, step: &StepHistory, runs: &[Run]) -> Step {
    let upstream = step.upstream.iter().map(|upstream| of_leg(history, step, upstream));
    let voice = |run: &Run| run.speaker.as_ref().map(|speaker| speaker.leg.clone()).unwrap_or_default();
    Step {
        lanes: std::iter::once(of_client(&step.client)).chain(upstream).collect(),
        said: runs.iter().map(|run| (voice(run), run.text.clone())).collect(),
        error: client::error(&step.client),
    }
}

fn of_client(client: &ClientExchange) -> Lane {
    let head = client.response.as_ref();
    Lane {
        who: "client".to_owned(),
        asked: format!("{}{}", client.api, if client.stream { ", streamed" } else { "" }),
        at: client.sent_at,
        head: head.map(|head| head.at),
        status: head.map_or(0, |head| head.status),
        ticks: ticks(&client.chunks),
        end: client::end(&client.end),
        whole: matches!(client.end, ClientEnd::Complete | ClientEnd::Left),
        ended: client.ended_at,
        refused: None,
        request: request(&client.request),
        control: None,
        response: response(head.map(|head| (head.status, &head.headers)), &client.chunks),
    }
}

fn of_leg(history: &History, step: &StepHistory, upstream: &UpstreamExchange) -> Lane {
    let model = history.case.shape.legs.iter().find(|leg| leg.name == upstream.leg).map(|leg| leg.model.to_string());
    let side = if upstream.side_call { ", a side call" } else { "" };
    let control = match step.controls.get(&upstream.leg) {
        Some(Control::Done { request: asked, .. }) => Some(request(asked)),
        Some(Control::Failed { asked: Some(asked), .. }) => Some(request(&asked.request)),
        _ => None,
    };
    Lane {
        who: upstream.leg.clone(),
        asked: format!("{}{side}", model.unwrap_or_default()),
        at: upstream.at,
        head: None,
        status: upstream.status,
        ticks: ticks(&upstream.sent),
        end: match &upstream.end {
            UpstreamEnd::Complete => "answered to the end of its script".to_owned(),
            UpstreamEnd::Cut(how) => format!("broken as scripted: {how}"),
            UpstreamEnd::ProxyGone => "the proxy went away".to_owned(),
            UpstreamEnd::CaseOver => "the case was over first".to_owned(),
        },
        whole: upstream.end == UpstreamEnd::Complete,
        ended: upstream.ended_at,
        refused: upstream.refused.as_ref().map(|refusal| format!("{}: {}", refusal.rule, refusal.error.message)),
        request: request(&upstream.request),
        control,
        response: response((upstream.status > 0).then_some((upstream.status, &Headers::default())), &upstream.sent),
    }
}

fn ticks(chunks: &[Chunk]) -> Vec<Micros> {
    chunks.iter().take(TICKS).map(|chunk| chunk.at).collect()
}

/// A request as text, its JSON laid out for reading.
fn request(request: &Request) -> String {
    let body = match serde_json::from_slice::<serde_json::Value>(&request.body.0) {
        Ok(json) => serde_json::to_string_pretty(&json).unwrap_or_default(),
        Err(_) => request.body.to_text(),
    };
    cut(&format!("{} {}\n{}\n{body}", request.method, request.target, headers(&request.headers)))
}

fn response(head: Option<(u16, &Headers)>, chunks: &[Chunk]) -> String {
    let body: Vec<u8> = chunks.iter().flat_map(|chunk| chunk.data.0.iter().copied()).take(LONGEST * 4).collect();
    let head = head.map(|(status, all)| format!("{status}\n{}\n", headers(all))).unwrap_or_default();
    cut(&format!("{head}{}", String::from_utf8_lossy(&body)))
}

fn headers(headers: &Headers) -> String {
    headers.iter().fold(String::new(), |mut text, (name, value)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name}: {value}");
        text
    })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}\n... ({} bytes in all)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}
