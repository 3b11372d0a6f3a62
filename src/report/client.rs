//! What the client saw, each character marked with the leg that spoke it.

use std::fmt::Write as _;

use crate::check::Run;
use crate::history::{ClientEnd, ClientExchange, History};

/// Characters of the answer in one line.
const WIDTH: usize = 96;
/// Characters shown of an error.
const LONGEST: usize = 600;
/// Characters shown of an answer.
const MOST: usize = 960;

/// What the client saw in every step.
pub(super) fn show(history: &History, texts: &[Vec<Run>]) -> String {
    let mut text = String::new();
    for (index, step) in history.steps.iter().enumerate() {
        if history.steps.len() > 1 {
            let _ = writeln!(text, "  step {}:", index + 1);
        }
        one(&mut text, &step.client, texts.get(index).map_or(&[], Vec::as_slice));
    }
    text
}

fn one(text: &mut String, client: &ClientExchange, runs: &[Run]) {
    let status = client.response.as_ref().map(|head| head.status);
    let _ = match status {
        Some(status) => writeln!(text, "  {} status {status}, {}", client.api, end(&client.end)),
        None => writeln!(text, "  {} {}", client.api, end(&client.end)),
    };
    let good = is_good(client);
    if let Some(error) = error(client) {
        let _ = writeln!(text, "  error: {}", in_one_line(&error));
    }
    let said: String = runs.iter().map(|run| run.text.as_str()).collect();
    if said.is_empty() {
        if good {
            text.push_str("  no text\n");
        }
        return;
    }
    let (marks, legend) = marks(runs);
    let said: Vec<char> = said.chars().map(|c| if c.is_control() { '\u{23ce}' } else { c }).collect();
    for (line, marks) in said.chunks(WIDTH).zip(marks.chunks(WIDTH)).take(MOST / WIDTH) {
        let line: String = line.iter().collect();
        let marks: String = marks.iter().collect();
        let _ = writeln!(text, "  | {}\n  | {}", line.trim_end(), marks.trim_end());
    }
    if said.len() > MOST {
        let _ = writeln!(text, "  | ... ({} characters in all)", said.len());
    }
    let _ = writeln!(text, "  {legend}");
}

fn is_good(client: &ClientExchange) -> bool {
    client.response.as_ref().is_some_and(|head| (200..300).contains(&head.status))
}

/// How the exchange ended, in words.
pub(super) fn end(end: &ClientEnd) -> String {
    match end {
        ClientEnd::Complete => "the response ended properly".to_owned(),
        ClientEnd::Broken(how) => format!("the response broke: {how}"),
        ClientEnd::Left => "the client left, as scripted".to_owned(),
        ClientEnd::TimedOut(ms) => format!("no end within {ms} ms"),
        ClientEnd::NoResponse(why) => format!("got no response: {why}"),
    }
}

/// The error that the client got, by whatever way.
pub(super) fn error(client: &ClientExchange) -> Option<String> {
    let body = client.body();
    let api = client.api.spoken()?;
    if !is_good(client) {
        let status = client.response.as_ref().map_or(0, |head| head.status);
        let error = api.read_error(status, &body).map(|error| error.message);
        let shown = || String::from_utf8_lossy(&body).chars().take(400).collect::<String>();
        return (!body.is_empty()).then(|| error.unwrap_or_else(shown));
    }
    if client.stream {
        let mut reader = api.stream_reader();
        let _ = reader.feed(&body);
        let completion = reader.finish().completion;
        completion.errors.first().map(|error| error.message.clone())
    } else {
        api.read_unary(&body).err()
    }
}

/// The beginning of a text, in one line.
fn in_one_line(text: &str) -> String {
    let line: String = text.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let count = text.chars().count();
    if count > LONGEST { format!("{line}... ({count} characters)") } else { line }
}

/// One mark per character: the leg's letter, or `?` for nobody's.
fn marks(runs: &[Run]) -> (Vec<char>, String) {
    let mut letters: Vec<(&str, char)> = Vec::new();
    let mut marks = Vec::new();
    for run in runs {
        let letter = match &run.speaker {
            Some(speaker) => letter(&mut letters, &speaker.leg),
            None => '?',
        };
        marks.extend(run.text.chars().map(|_| letter));
    }
    let mut legend: Vec<String> = letters.iter().map(|(leg, letter)| format!("{letter} = {leg}")).collect();
    if marks.contains(&'?') {
        legend.push("? = no leg of this case".to_owned());
    }
    (marks, legend.join(", "))
}

/// The letter of a leg: the first of its name that no other leg has.
fn letter<'a>(letters: &mut Vec<(&'a str, char)>, leg: &'a str) -> char {
    if let Some((_, letter)) = letters.iter().find(|(other, _)| *other == leg) {
        return *letter;
    }
    let free = |letter: &char| !letters.iter().any(|(_, other)| other == letter);
    let letter = leg.chars().chain('a'..='z').find(free).unwrap_or('*');
    letters.push((leg, letter));
    letter
}
