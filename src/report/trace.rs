//! A case as it went, a line for each event, each in its lane: the client's, then one for each leg.

use super::client;
use super::requests::neutral;
use crate::api::{ApiId, Part, Role, Say, StreamReader};
use crate::framing::Decoder;
use crate::history::{
    BarrierEnd, ClientEnd, ClientExchange, Continuation, History, StepHistory, Survival, UpstreamEnd, UpstreamExchange,
};
use crate::runner::CaseReport;
use crate::wire::{Chunk, Micros, Request};

/// Columns of the time.
const TIME: usize = 11;
/// Columns between the beginnings of two lanes, at most; text of a lane goes on to the right.
const LANE: usize = 26;
/// Columns that the last lane has at least.
const LAST: usize = 36;
/// Lines of one case, at most.
const MOST: usize = 4_000;

/// A line, and the word of a verdict that says how to paint it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// The line, without its end.
    pub text: String,
    /// `pass`, `FAIL` or `warn`; `None` for a line like any other.
    pub word: Option<&'static str>,
}

/// The lines of a case that was played, in `width` columns. Times are milliseconds since it began.
pub fn trace(report: &CaseReport, width: usize) -> Vec<TraceLine> {
    let Some(history) = report.history.as_deref() else { return Vec::new() };
    let lanes = Lanes::of(history, width);
    let plain = |text: String| TraceLine { text, word: None };
    let mut lines = vec![plain(format!("trace {}", report.case.id())), plain(lanes.head())];
    for (number, step) in history.steps.iter().enumerate() {
        if history.steps.len() > 1 {
            lines.push(plain(format!("step {}", number + 1)));
        }
        let events = events(&lanes, history, step);
        let left = MOST.saturating_sub(lines.len());
        lines.extend(events.iter().take(left).map(|event| lanes.line(event)));
        if events.len() > left {
            lines.push(plain(format!("... and {} more lines", events.len() - left)));
        }
    }
    for stray in &history.strays {
        let Request { method, target, .. } = &stray.request;
        lines.push(TraceLine { text: format!("stray {method} {target}: {}", stray.reason), word: Some("warn") });
    }
    match &history.survived {
        Some(Survival::Served) => lines.push(plain("afterwards: a plain request is served".to_owned())),
        Some(Survival::Failed(why)) => {
            lines.push(TraceLine { text: format!("afterwards: a plain request fails: {why}"), word: Some("FAIL") });
        }
        None => {}
    }
    lines.extend(verdicts(report));
    lines
}

/// What came out of it: what failed, warned or could not be told, then how many of the others there are.
fn verdicts(report: &CaseReport) -> Vec<TraceLine> {
    let mut lines = Vec::new();
    let mut passed = 0;
    for judged in &report.verdicts {
        let verdict = &judged.verdict;
        let (name, word) = match (verdict.value.name(), &judged.known) {
            ("fail", Some(_)) => ("known", "warn"),
            ("fail", None) => ("fail", "FAIL"),
            (name @ ("warn" | "inconclusive"), _) => (name, "warn"),
            (name, _) => {
                passed += usize::from(name == "pass");
                continue;
            }
        };
        lines.push(TraceLine { text: format!("{name} {}: {}", verdict.check, verdict.reason), word: Some(word) });
    }
    lines.push(TraceLine { text: format!("pass {passed} checks"), word: Some("pass") });
    lines
}

/// Where the lanes stand.
struct Lanes {
    names: Vec<String>,
    step: usize,
    width: usize,
}

impl Lanes {
    fn of(history: &History, width: usize) -> Self {
        let mut names = vec!["client".to_owned()];
        names.extend(history.case.shape.legs.iter().map(|leg| leg.name.clone()));
        let width = width.max(TIME + LAST + names.len());
        let step = (width - TIME - LAST) / (names.len() - 1).max(1);
        Self { names, step: step.clamp(1, LANE), width }
    }

    fn head(&self) -> String {
        let mut head = format!("{:>9}  ", "ms");
        for (at, name) in self.names.iter().enumerate() {
            let from = TIME + at * self.step;
            let gap = from.saturating_sub(head.chars().count()).max(usize::from(at > 0));
            head.push_str(&" ".repeat(gap));
            head.push_str(name);
        }
        head
    }

    /// The lane of a leg; one that the case does not know stands in the last.
    fn leg(&self, name: &str) -> usize {
        self.names.iter().position(|lane| lane == name).unwrap_or(self.names.len() - 1)
    }

    fn line(&self, event: &Event) -> TraceLine {
        let from = event.lane * self.step;
        let room = self.width - TIME - from;
        let text = cut(&event.text, room);
        let (ms, tenths) = (event.at / 1_000, event.at % 1_000 / 100);
        TraceLine { text: format!("{ms:>7}.{tenths}  {}{text}", " ".repeat(from)), word: event.word }
    }
}

/// Something that happened. Of what happened at the same microsecond the cause stands first.
struct Event {
    at: Micros,
    turn: Turn,
    lane: usize,
    text: String,
    word: Option<&'static str>,
}

/// What may cause what, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    ClientAsks,
    LegHears,
    LegSays,
    LegEnds,
    ClientHears,
    ClientEnds,
}

fn events(lanes: &Lanes, history: &History, step: &StepHistory) -> Vec<Event> {
    let mut events = of_client(history, &step.client);
    for upstream in &step.upstream {
        events.extend(of_leg(lanes, history, upstream));
    }
    // Bytes of one exchange stay in their order.
    events.sort_by_key(|event| (event.at, event.turn));
    events
}

fn of_client(history: &History, client: &ClientExchange) -> Vec<Event> {
    let event = |at, turn, text, word| Event { at, turn, lane: 0, text, word };
    let stream = if client.stream { "" } else { ", no stream" };
    let asked = format!(
        "> {} {}{stream}{}",
        client.request.method,
        client.request.target,
        first_words(&client.request, Some(client.api), &history.unique)
    );
    let mut events = vec![event(client.sent_at, Turn::ClientAsks, asked, None)];
    if let Some(head) = &client.response {
        let word = (head.status >= 400).then_some("warn");
        events.push(event(head.at, Turn::ClientHears, format!("< status {}", head.status), word));
    }
    let coded = client.response.as_ref().is_some_and(|head| head.headers.get("content-encoding").is_some());
    let mut body = Body::of(Some(client.api).filter(|_| client.stream && !coded));
    let heard = |chunk: &Chunk| event(chunk.at, Turn::ClientHears, format!("< {}", body.tell(&chunk.data.0)), None);
    events.extend(client.chunks.iter().map(heard));
    if let Some((from, to)) = client.paused {
        events.push(event(from, Turn::ClientHears, "stops reading, as scripted".to_owned(), None));
        events.push(event(to, Turn::ClientHears, "reads on".to_owned(), None));
    }
    let word = match client.end {
        ClientEnd::Complete | ClientEnd::Left => None,
        _ => Some("FAIL"),
    };
    events.push(event(client.ended_at, Turn::ClientEnds, format!("= {}", client::end(client)), word));
    events
}

fn of_leg(lanes: &Lanes, history: &History, upstream: &UpstreamExchange) -> Vec<Event> {
    let lane = lanes.leg(&upstream.leg);
    let event = |at, turn, text, word| Event { at, turn, lane, text, word };
    let which = if upstream.side_call { "side call".to_owned() } else { format!("#{}", upstream.attempt) };
    let asked = format!(
        "> {which} {} {}{}{}",
        upstream.request.method,
        upstream.request.target,
        continuation(&upstream.continuation),
        first_words(&upstream.request, upstream.api.filter(|_| !upstream.side_call), &history.unique)
    );
    let mut events = vec![event(upstream.at, Turn::LegHears, asked, None)];
    if upstream.status > 0 {
        let refused = upstream.refused.as_ref();
        let why = refused.map(|refusal| format!(", refused by {}: {}", refusal.rule, refusal.error.message));
        let text = format!("< status {}{}", upstream.status, why.unwrap_or_default());
        let at = upstream.sent.first().map_or(upstream.ended_at, |chunk| chunk.at);
        let word = (upstream.status >= 400).then_some("warn");
        events.push(event(at.max(upstream.at), Turn::LegSays, text, word));
    }
    let stream = upstream.api.filter(|_| upstream.status < 300 && streams(history, upstream));
    let mut body = Body::of(stream);
    let said = |chunk: &Chunk| event(chunk.at, Turn::LegSays, format!("< {}", body.tell(&chunk.data.0)), None);
    events.extend(upstream.sent.iter().map(said));
    let barrier = match upstream.barrier {
        BarrierEnd::Seen => ", once the client had what came before",
        BarrierEnd::TimedOut => ", though the client had not got what came before",
        BarrierEnd::None => "",
    };
    let (end, word) = match &upstream.end {
        UpstreamEnd::Complete => ("= end".to_owned(), None),
        UpstreamEnd::Cut(how) => (format!("x cut: {how}{barrier}"), Some("warn")),
        UpstreamEnd::ProxyGone => ("x the proxy went away".to_owned(), Some("warn")),
        UpstreamEnd::CaseOver => ("x still open when the case was over".to_owned(), Some("warn")),
    };
    events.push(event(upstream.ended_at, Turn::LegEnds, end, word));
    events
}

/// Whether the leg was asked for a stream: as the client asks, unless the proxy asks otherwise.
fn streams(history: &History, upstream: &UpstreamExchange) -> bool {
    let asked = upstream.api.and_then(|api| neutral(&upstream.request, api, &[&history.unique]));
    asked.is_none_or(|conversation| conversation.stream)
}

fn continuation(continuation: &Continuation) -> String {
    match continuation {
        Continuation::None => String::new(),
        Continuation::Prefill { quoted } => format!(" (goes on by prefill from {} characters)", quoted.chars().count()),
        Continuation::UserMessage { quoted } => {
            format!(" (goes on by a user message from {} characters)", quoted.chars().count())
        }
        Continuation::Unrecognised { .. } => " (goes on from nothing that was said)".to_owned(),
    }
}

/// The beginning of the last text that a request says.
fn first_words(request: &Request, api: Option<ApiId>, unique: &str) -> String {
    let Some(conversation) = api.and_then(|api| neutral(request, api, &[unique])) else { return String::new() };
    let texts = conversation.turns.iter().filter(|turn| turn.role != Role::System).flat_map(|turn| {
        turn.parts.iter().filter_map(|part| match part {
            Part::Text { text, .. } => Some(text.trim()),
            _ => None,
        })
    });
    texts.last().map(|text| format!(": {}", quoted(&cut(text, 48)))).unwrap_or_default()
}

/// A body that is told chunk by chunk.
struct Body {
    reader: Option<Box<dyn StreamReader>>,
    decoder: Option<Decoder>,
}

impl Body {
    /// Of a stream of this API; `None` for any other body.
    fn of(api: Option<ApiId>) -> Self {
        let api = api.and_then(ApiId::spoken);
        Self { reader: api.map(super::super::api::Api::stream_reader), decoder: api.map(|api| api.framing().decoder()) }
    }

    /// What the next bytes say; where they say nothing, which events they hold, or how many they are.
    fn tell(&mut self, bytes: &[u8]) -> String {
        let said = self.reader.as_mut().map(|reader| reader.feed(bytes)).unwrap_or_default();
        let mut told: Vec<String> = said.iter().map(of_say).collect();
        let events = self.decoder.as_mut().map(|decoder| decoder.feed(bytes)).unwrap_or_default();
        if told.is_empty() {
            told = events.iter().map(crate::framing::Event::kind).collect();
            told.dedup();
        }
        if told.is_empty() {
            let text = String::from_utf8_lossy(bytes);
            told.push(format!("{} bytes {}", bytes.len(), quoted(&cut(&text, 80))));
        }
        told.join(", ")
    }
}

fn of_say(say: &Say) -> String {
    match say {
        Say::Text(text) => quoted(text),
        Say::Thinking(text) => format!("thinking {}", quoted(text)),
        Say::Arguments(text) => format!("arguments {}", quoted(text)),
        Say::Refusal(text) => format!("refusal {}", quoted(text)),
        Say::Signature(_) => "signature".to_owned(),
        Say::ToolCall { name, .. } => format!("calls {name}"),
    }
}

/// A text as JSON writes it: control characters would be the terminal's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The beginning of a text, in one line of so many columns.
fn cut(text: &str, room: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(room) {
        Some(_) => line.chars().take(room.saturating_sub(1)).chain(['\u{2026}']).collect(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::failure;
    use super::*;

    fn traced(report: &CaseReport, width: usize) -> String {
        trace(report, width).iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }

    #[test]
    fn a_case_in_lanes() {
        insta::assert_snapshot!(traced(&failure(), 120));
    }

    #[test]
    fn no_line_of_an_event_is_wider_than_the_terminal() {
        for width in [0, 60, 90, 200] {
            let report = failure();
            let lines = trace(&report, width);
            let events = lines.iter().filter(|line| line.text.starts_with("      "));
            assert!(events.clone().count() > 5);
            for line in events {
                assert!(line.text.chars().count() <= width.max(TIME + LAST + 3), "{width}: {}", line.text);
            }
        }
    }

    #[test]
    fn what_caused_something_stands_before_it() {
        let report = failure();
        let lines = traced(&report, 200);
        let at = |what: &str| lines.find(what).unwrap_or_else(|| panic!("{what}: {lines}"));
        assert!(at("> POST /v1/chat/completions") < at("> #1 POST /s1/primary"));
        assert!(at("refused by") < lines.rfind("< status 200").unwrap_or_default(), "{lines}");
        assert!(at("\"baluon\"") < at("= the response ended properly"));
    }
}
