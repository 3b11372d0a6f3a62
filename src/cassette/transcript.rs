//! A cassette as a text that people read.

use std::fmt::Write as _;

use serde_json::Value;

use super::look::{Look, looks};
use super::{Cassette, Exchange, How, RecordedEnd};
use crate::api::{Conversation, Part, PieceKind, Role};

/// Longest text that stands on one line; of requests the rest is left out.
const WIDTH: usize = 96;

/// What was asked and answered, in short, with the times of everything that was said.
pub fn transcript(cassette: &Cassette) -> String {
    let mut out = String::new();
    let provenance = &cassette.provenance;
    let how = match provenance.how {
        How::Recorded => "recorded",
        How::Imported => "imported",
        How::Synthesized => "synthesized",
    };
    if let Some(summary) = &cassette.summary {
        line(&mut out, summary);
    }
    let api = cassette.api;
    line(&mut out, &format!("{api}, {how} {} by {} from {}", provenance.date, provenance.tool, provenance.source));
    for (what, words) in [("taken out", &provenance.redacted), ("lost", &provenance.lost)] {
        if !words.is_empty() {
            line(&mut out, &format!("{what}: {}", words.join("; ")));
        }
    }
    let count = cassette.exchanges.len();
    for (index, (exchange, look)) in looks(cassette).enumerate() {
        let _ = writeln!(out, "\nexchange {} of {count}", index + 1);
        asked(&mut out, exchange, &look);
        answered(&mut out, exchange, &look);
    }
    out
}

fn asked(out: &mut String, exchange: &Exchange, look: &Look) {
    let request = &exchange.request;
    line(out, &format!("> {} {}", request.method, request.target));
    match &look.request {
        Some(conversation) => conversed(out, conversation),
        None if request.bytes().is_empty() => {}
        None => told(out, "body", &String::from_utf8_lossy(&request.bytes())),
    }
}

fn conversed(out: &mut String, conversation: &Conversation) {
    let stream = if conversation.stream { ", streamed" } else { "" };
    line(out, &format!("  model {}{stream}", conversation.model));
    for turn in &conversation.turns {
        let role = match turn.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        turn.parts.iter().for_each(|part| told(out, role, &part_in_short(part)));
    }
    let tools: Vec<&str> = conversation.tools.iter().map(|tool| tool.name.as_str()).collect();
    if !tools.is_empty() {
        told(out, "tools", &tools.join(", "));
    }
    let params = conversation.params.iter().map(|(name, value)| format!("{name}={value}"));
    let params = params.collect::<Vec<_>>().join(" ");
    if !params.is_empty() {
        told(out, "params", &params);
    }
}

fn part_in_short(part: &Part) -> String {
    match part {
        Part::Text { text, .. } => quoted(text),
        Part::Image { media_type, .. } => format!("[image {media_type}]"),
        Part::Thinking { text, .. } => format!("[thinking] {}", quoted(text)),
        Part::ToolCall { name, arguments, .. } => format!("[call] {name} {arguments}"),
        Part::ToolResult { parts, error, .. } => {
            let failed = if *error { " failed" } else { "" };
            format!("[result{failed}] {}", parts.iter().map(part_in_short).collect::<Vec<_>>().join(" "))
        }
        Part::Refusal { text } => format!("[refusal] {}", quoted(text)),
        Part::Other(value) => format!("[other] {value}"),
    }
}

fn answered(out: &mut String, exchange: &Exchange, look: &Look) {
    let response = &exchange.response;
    let http = response.http.as_deref().map(|http| format!(" HTTP/{http}")).unwrap_or_default();
    let kind = response.headers.get("content-type").unwrap_or("no content type");
    let coded = response.headers.get("content-encoding").map(|coded| format!(", {coded}")).unwrap_or_default();
    let chunks = response.chunks.len();
    let plural = if chunks == 1 { "" } else { "s" };
    line(
        out,
        &format!("< {}{http} {kind}{coded}, {} bytes in {chunks} chunk{plural}", response.status, look.body.len()),
    );
    for name in ["retry-after", "retry-after-ms", "x-should-retry"] {
        if let Some(value) = response.headers.get(name) {
            line(out, &format!("  {name}: {value}"));
        }
    }
    if look.stream {
        said(out, look);
    } else if let Some(completion) = &look.completion {
        completion.parts.iter().for_each(|part| told(out, "assistant", &part_in_short(part)));
        for finish in &completion.finishes {
            line(out, &format!("  finish {}", finish.raw));
        }
    }
    if let Some(error) = &look.error {
        line(out, &format!("  error {} {}", error.kind, quoted(&error.message)));
    } else if look.completion.is_none() && !look.body.is_empty() {
        told(out, "body", &String::from_utf8_lossy(&look.body));
    }
    if let Some(why) = &look.unread {
        line(out, &format!("  not read: {why}"));
    }
    let usage = look.completion.as_ref().and_then(|completion| completion.usage.as_ref());
    if let Some(usage) = usage.filter(|usage| !usage.is_null()) {
        line(out, &format!("  usage {usage}"));
    }
    for finding in &look.findings {
        line(out, &format!("  grammar {} at byte {}: {}", finding.rule, finding.offset, finding.message));
    }
    line(
        out,
        match response.end {
            RecordedEnd::Complete => "  ended properly",
            RecordedEnd::Close => "  closed inside the body",
            RecordedEnd::Reset => "  reset inside the body",
        },
    );
}

/// The events of a stream, by time: pieces that came at once on one line.
fn said(out: &mut String, look: &Look) {
    let Some(completion) = &look.completion else { return };
    let mut events: Vec<(usize, String)> = Vec::new();
    for start in &completion.starts {
        let names = [&start.id, &start.model].into_iter().flatten().cloned().collect::<Vec<_>>();
        events.push((start.offset, format!("start     {}", names.join(" "))));
    }
    let mut deltas = completion.deltas.iter().peekable();
    while let Some(first) = deltas.next() {
        let mut text = first.text.clone();
        while let Some(next) = deltas.next_if(|next| {
            next.kind == first.kind
                && look.time(next.offset) == look.time(first.offset)
                && text.len() + next.text.len() < WIDTH
        }) {
            text += &next.text;
        }
        let kind = match first.kind {
            PieceKind::Text => "text     ",
            PieceKind::Arguments => "arguments",
            PieceKind::Thinking => "thinking ",
            PieceKind::Refusal => "refusal  ",
        };
        events.push((first.offset, format!("{kind} {}", quoted(&text))));
    }
    for finish in &completion.finishes {
        events.push((finish.offset, format!("finish    {}", finish.raw)));
    }
    for error in &completion.errors {
        let kind = error.kind.as_deref().unwrap_or("without a type");
        events.push((error.offset, format!("error     {kind}: {}", quoted(&error.message))));
    }
    if let Some(offset) = completion.terminator {
        events.push((offset, "end mark".to_owned()));
    }
    events.sort_by_key(|(offset, _)| *offset);
    for (offset, what) in events {
        line(out, &format!("  {:>8} ms  {what}", look.time(offset)));
    }
    for part in &completion.parts {
        if matches!(part, Part::ToolCall { .. }) {
            line(out, &format!("  {}", part_in_short(part)));
        }
    }
}

/// A line of a request: who, and what in short.
fn told(out: &mut String, who: &str, what: &str) {
    let what: String = what.chars().flat_map(|c| if c.is_control() { vec![' '] } else { vec![c] }).collect();
    let short: String = what.chars().take(WIDTH).collect();
    let rest = what.chars().count().saturating_sub(WIDTH);
    let rest = if rest > 0 { format!(" ... {rest} more") } else { String::new() };
    line(out, &format!("  {who}: {short}{rest}"));
}

/// A text as JSON writes it: on one line, whatever it holds.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A line without the blanks at its end; control characters would be the terminal's.
fn line(out: &mut String, text: &str) {
    let shown: String = text.trim_end().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    out.push_str(&shown);
    out.push('\n');
}
