//! The recorder at servers that nobody here wrote: llama.cpp's own, bare and behind nginx with TLS and HTTP/2. The
//! official SDKs ask through the recorder; what it wrote is played by the legs; and the SDKs, asked again, cannot tell.

mod machines;
mod raw;

use std::collections::BTreeMap;
use std::path::Path;

use crossfade::api::ApiId;
use crossfade::cassette::{self, Cassette, Exchange, RecordedEnd};
use serde_json::{Value, json};

use crate::sdk::ask_python;
use crate::support::{proxies, real_alone, scratch};
use machines::{Front, Llama, Recorder, legs};
use raw::{Answer, Tee, ask};

const APIS: [ApiId; 3] = [ApiId::OpenaiChat, ApiId::OpenaiResponses, ApiId::AnthropicMessages];
const WAYS: [&str; 3] = ["unary", "stream", "final"];

/// What the model has texts for, and what does not fit into it.
const QUESTIONS: [(&str, &str); 5] = [
    ("say", "Say something."),
    ("long", "Say it at length."),
    ("look", "Look it up."),
    ("think", "Think of it."),
    ("flood", "over and"),
];

/// One question in one way.
struct Probe {
    api: ApiId,
    way: &'static str,
    leg: String,
    /// Each is unlike the others, so that what was recorded of it can be found.
    question: String,
}

fn probes() -> Vec<Probe> {
    let mut probes = Vec::new();
    for api in APIS {
        for way in WAYS {
            for (name, question) in QUESTIONS {
                let leg = format!("{name}-{way}");
                let times = if name == "flood" { 300 } else { 1 };
                let question = format!("{} ({api}, {way})", vec![question; times].join(" "));
                probes.push(Probe { api, way, leg, question });
            }
        }
    }
    probes
}

/// What the SDKs make of the answers to all probes, without what tells the place.
fn asked(home: &Path, folder: &Path, probes: &[Probe], base: impl Fn(&Probe) -> String) -> Vec<Value> {
    let line = |probe: &Probe| format!("{} {} {} {}", probe.api, probe.way, base(probe), probe.question);
    let lines = probes.iter().map(line).collect::<Vec<_>>().join("\n") + "\n";
    let mut told = ask_python(home, &lines, &folder.join("python.log"));
    assert_eq!(told.len(), probes.len());
    for seen in &mut told {
        seen.as_object_mut().expect("an object").remove("url");
    }
    told
}

/// What was recorded of a probe.
fn of<'a>(probe: &Probe, recorded: &'a [Cassette]) -> (&'a Cassette, &'a Exchange) {
    let all = recorded.iter().flat_map(|cassette| cassette.exchanges.iter().map(move |exchange| (cassette, exchange)));
    let mut found = all.filter(|(_, exchange)| exchange.request.body.contains(&probe.question));
    let (Some(found), None) = (found.next(), found.next()) else { panic!("{}: not recorded once", probe.question) };
    assert_eq!(found.0.api, probe.api);
    found
}

/// A cassette with this exchange alone.
fn single(cassette: &Cassette, exchange: &Exchange) -> Cassette {
    let mut single = Cassette { exchanges: vec![exchange.clone()], ..cassette.clone() };
    single.provenance.sha256 = single.digest();
    single
}

/// The chunks of a recorded answer.
fn chunks(exchange: &Exchange) -> Vec<Vec<u8>> {
    exchange.response.chunks.iter().map(cassette::RecordedChunk::bytes).collect()
}

/// What the recorder wrote is what the SDKs and a bare client get again.
fn replays(home: &Path, folder: &Path, probes: &[Probe], recorded: &[Cassette], seen: &[Value]) {
    let served = |api: ApiId, unary: bool| {
        let asked_so = probes.iter().filter(|probe| probe.api == api && (probe.way == "unary") == unary);
        let cassettes = asked_so.map(|probe| {
            let (cassette, exchange) = of(probe, recorded);
            (probe.leg.clone(), single(cassette, exchange))
        });
        ((api, unary), legs(folder, api, !unary, cassettes.collect()))
    };
    let served: BTreeMap<_, _> = APIS.into_iter().flat_map(|api| [served(api, true), served(api, false)]).collect();
    let base = |probe: &Probe| format!("{}/{}", served[&(probe.api, probe.way == "unary")].base, probe.leg);
    for ((probe, first), again) in probes.iter().zip(seen).zip(asked(home, folder, probes, base)) {
        assert_eq!(*first, again, "{}", probe.question);
    }
    for probe in probes {
        let (_, exchange) = of(probe, recorded);
        let answer = ask(&base(probe), probe.api, &exchange.request.body);
        assert_eq!(answer.status, exchange.response.status, "{}", probe.question);
        if answer.chunked {
            assert_eq!(answer.chunks, chunks(exchange), "{}", probe.question);
        } else {
            assert_eq!(answer.chunks.concat(), chunks(exchange).concat(), "{}", probe.question);
        }
    }
}

/// What SDKs say of these answers is what the model says.
fn check_words(probes: &[Probe], seen: &[Value]) {
    for (probe, got) in probes.iter().zip(seen) {
        let told = |key: &str| got[key].as_str().unwrap_or_default();
        let name = probe.leg.split('-').next().unwrap_or_default();
        let place = &probe.question;
        if name == "flood" {
            assert_eq!(got["error"]["status"], 400, "{place}: {got}");
            continue;
        }
        // OpenAI's accumulator raises at Responses streams without `output_index`, unless there is no text in them.
        if probe.api == ApiId::OpenaiResponses && probe.way == "final" && name != "look" {
            assert_eq!(told("end"), "error", "{place}: {got}");
            continue;
        }
        assert_eq!(told("end"), "whole", "{place}: {got}");
        match name {
            "say" => assert_eq!(told("text"), "The quick brown fox jumps over a lazy dog, and the café stays open."),
            "long" => assert!(told("text").ends_with("or else say plainly that it cannot."), "{place}: {got}"),
            "think" => assert_eq!(told("text"), "It is one hundred and one.", "{place}"),
            _ => {
                assert_eq!(got["tools"][0]["name"], "look_up", "{place}: {got}");
                let arguments = json!("{\"word\": \"crossfade, also called dissolve\"}");
                assert_eq!(got["tools"][0]["arguments"], arguments, "{place}: {got}");
            }
        }
    }
}

#[test]
fn what_a_real_server_said_is_recorded_and_replayed() {
    let Some(home) = proxies() else { return };
    let _alone = real_alone();
    let folder = scratch("real-server");
    let llama = Llama::start(&home, &folder, &[]);
    let tee = Tee::start(&llama.url);
    let recorder = Recorder::start(&folder.join("taped"), &tee.url, None);
    let probes = probes();
    let seen = asked(&home, &folder, &probes, |_| recorder.url.clone());
    check_words(&probes, &seen);
    let recorded = recorder.finish();
    let heard = tee.answers();
    for probe in &probes {
        let (_, exchange) = of(probe, &recorded);
        let Some(sent) = heard.iter().find(|(request, _)| request.contains(&probe.question)) else {
            panic!("{}: not heard", probe.question)
        };
        check_same(&probe.question, &sent.1, exchange);
    }
    replays(&home, &folder, &probes, &recorded, &seen);
}

/// Byte by byte and chunk by chunk, what the server sent.
fn check_same(place: &str, sent: &Answer, exchange: &Exchange) {
    assert_eq!(sent.status, exchange.response.status, "{place}");
    let headers: Vec<_> = sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, exchange.response.headers.iter().collect::<Vec<_>>(), "{place}");
    let chunks = chunks(exchange);
    if sent.chunked {
        assert_eq!(sent.chunks, chunks, "{place}");
    } else {
        assert_eq!(sent.chunks.concat(), chunks.concat(), "{place}");
    }
}

#[test]
fn what_came_over_tls_and_http2_is_recorded_and_replayed() {
    let Some(home) = proxies() else { return };
    let _alone = real_alone();
    let folder = scratch("real-server-h2");
    let llama = Llama::start(&home, &folder, &[]);
    let front = Front::start(&llama.url, &folder.join("front"));
    let recorder = Recorder::start(&folder.join("taped"), &front.url, Some(&front.authority));
    let probes = probes();
    let seen = asked(&home, &folder, &probes, |_| recorder.url.clone());
    check_words(&probes, &seen);
    let recorded = recorder.finish();
    for probe in &probes {
        let (_, exchange) = of(probe, &recorded);
        assert_eq!(exchange.response.http.as_deref(), Some("2"), "{}", probe.question);
    }
    replays(&home, &folder, &probes, &recorded, &seen);
}

/// Ends a server in the middle of its stream: what was recorded breaks there, and breaks there again.
fn check_break(name: &str, tls: bool) {
    let Some(home) = proxies() else { return };
    let _alone = real_alone();
    let folder = scratch(name);
    // Room for a text that nobody waits for the end of.
    let llama = Llama::start(&home, &folder, &["context=8192"]);
    let front = tls.then(|| Front::start(&llama.url, &folder.join("front")));
    let upstream = front.as_ref().map_or(&llama.url, |front| &front.url);
    let recorder = Recorder::start(&folder.join("taped"), upstream, front.as_ref().map(|front| &*front.authority));
    let body = json!({
        "model": "any", "stream": true, "ignore_eos": true, "max_tokens": 8000,
        "messages": [{"role": "user", "content": "Say it at length."}],
    });
    let mut llama = Some(llama);
    let broken = raw::ask_and_watch(&recorder.url, ApiId::OpenaiChat, &body.to_string(), |bytes| {
        if bytes.len() > 2000 {
            drop(llama.take());
        }
    });
    assert!(!broken.whole, "the break goes on to the client");
    let recorded = recorder.finish();
    let exchange = &recorded[0].exchanges[0];
    assert_ne!(exchange.response.end, RecordedEnd::Complete);
    assert_eq!(chunks(exchange).concat(), broken.chunks.concat(), "no byte is lost");
    let served = legs(&folder, ApiId::OpenaiChat, true, vec![("broken".to_owned(), recorded[0].clone())]);
    let again = ask(&format!("{}/broken", served.base), ApiId::OpenaiChat, &body.to_string());
    assert!(!again.whole, "it breaks again");
    assert_eq!(again.chunks, chunks(exchange));
}

#[test]
fn a_server_that_dies_in_mid_stream_is_recorded_as_it_broke() {
    check_break("real-server-dies", false);
}

#[test]
fn a_server_that_dies_behind_http2_is_recorded_as_it_broke() {
    check_break("real-server-dies-h2", true);
}
