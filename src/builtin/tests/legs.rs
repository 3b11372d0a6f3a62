//! The reference proxy in front of the fake legs: every policy against every way to break.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;

use crate::answer::{Lexicon, Library};
use crate::api::Reading;
use crate::builtin::{Config, Leg, Promise, Route, start};
use crate::client::{Ask, drive};
use crate::history::{ClientEnd, Continuation, UpstreamExchange};
use crate::leg::{Addressing, Binding, LegBinding, Legs, LegsConfig};
use crate::progress::Progress;
use crate::proxy::AfterContent;
use crate::proxy::LegBy;
use crate::rules::RuleBook;
use crate::scenario::{self, Case, Millis};
use crate::wire::{Blob, Request};

/// What came of a case.
struct Played {
    case: String,
    status: u16,
    end: ClientEnd,
    reading: Reading,
    upstream: Vec<UpstreamExchange>,
}

/// Plays every case of a scenario.
async fn play(yaml: &str, policy: AfterContent) -> Vec<Played> {
    let cases = scenario::load_text("test.yaml", yaml, &Library::bundled());
    let cases = cases.unwrap_or_else(|errors| panic!("{}", errors[0]));
    let legs = Legs::bind(LegsConfig {
        addresses: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        addressing: Addressing { leg_by: LegBy::Prefix, attached: false },
        transport: crate::leg::Transport::default(),
        rules: Arc::new(RuleBook::bundled().clone()),
        side_calls: Vec::new(),
    })
    .await
    .unwrap();
    let legs = Arc::new(legs);
    let play = |(number, case)| tokio::spawn(play_case(Arc::clone(&legs), number, Arc::new(case), policy));
    let playing: Vec<_> = cases.into_iter().enumerate().map(play).collect();
    let mut played = Vec::new();
    for case in playing {
        played.push(case.await.unwrap());
    }
    played
}

async fn play_case(legs: Arc<Legs>, number: usize, case: Arc<Case>, policy: AfterContent) -> Played {
    let slot = format!("s{number}");
    let unique = format!("uniqueword{number}x");
    let started = Instant::now();
    let lexicon = Lexicon::new(number as u64);
    let leg = |(ordinal, leg): (usize, &scenario::ShapeLeg)| LegBinding {
        name: leg.name.clone(),
        ordinal,
        api: leg.api,
        model: leg.model.clone(),
        models: vec![leg.model.model.clone()],
        key: None,
        voice: lexicon.voice(ordinal as u64),
    };
    let session = legs.begin(
        &slot,
        Binding {
            legs: case.shape.legs.iter().enumerate().map(leg).collect(),
            case: Arc::clone(&case),
            unique: unique.clone(),
            controls: vec![BTreeMap::new()],
            started,
            lock_step: 0,
            patience: 1.0,
            holds_back: policy == AfterContent::BufferAll,
            by_arrival: false,
        },
    );
    let configured = |(ordinal, leg): (usize, &scenario::ShapeLeg)| Leg {
        name: leg.name.clone(),
        model: leg.model.model.clone(),
        api: leg.api,
        base_url: legs.base_url(&slot, &leg.name, ordinal),
        key: format!("key-{ordinal}"),
        spare_key: None,
    };
    let config = Config {
        routes: vec![Route {
            pool: false,
            name: "route".to_owned(),
            legs: case.shape.legs.iter().enumerate().map(configured).collect(),
        }],
        policy: Promise { after_content: policy, ..Promise::default() },
        idle_timeout: Millis(300),
        ..Config::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let proxy = tokio::spawn(start(listener, config, std::future::pending()));

    let plan = &case.steps[0].client;
    let api = plan.api.spoken().unwrap();
    let mut body = api.write_request(&plan.conversation, "route");
    body["messages"][0]["content"] = json!(format!("Tell me of {unique}."));
    let request = Request {
        method: "POST".to_owned(),
        target: api.path().to_owned(),
        headers: api.request_headers("any"),
        body: Blob(body.to_string().into_bytes()),
    };
    let progress = Progress::default();
    session.begin_step(0, Some(progress.clone()));
    let ask = Ask {
        addr,
        request,
        api: plan.api,
        stream: plan.conversation.stream,
        leave: None,
        pause: None,
        limit: Duration::from_secs(20),
    };
    let exchange = drive(ask, &progress, started).await;
    assert!(session.quiet(Duration::from_millis(1)).await);
    let upstream = session.end_step();
    assert_eq!(session.finish(), (Vec::new(), None));
    proxy.abort();
    let mut reader = api.stream_reader();
    reader.feed(&exchange.body());
    Played {
        case: case.id(),
        status: exchange.response.map_or(0, |head| head.status),
        end: exchange.end,
        reading: reader.finish(),
        upstream,
    }
}

impl Played {
    #[track_caller]
    fn assert_whole(&self, text: &str) {
        let completion = &self.reading.completion;
        assert_eq!(completion.text, text, "{}", self.case);
        assert_eq!(self.end, ClientEnd::Complete, "{}", self.case);
        assert!(completion.terminator.is_some() && completion.visible_error().is_none(), "{}", self.case);
        assert_eq!((completion.starts.len(), completion.ids.len()), (1, 1), "{}", self.case);
        assert_eq!(self.reading.findings, [], "{}", self.case);
        for exchange in &self.upstream {
            assert_eq!(exchange.refused, None, "{}", self.case);
            assert!(exchange.also_matched.is_empty(), "{}: {:?}", self.case, exchange.also_matched);
        }
    }
}

const BREAKS: &str = "
client: {stream: true}
legs:
  primary: {model: anthropic/claude-opus-4-1, cut: {at: {texts: 5}, by: close}}
  fallback: {model: anthropic/claude-sonnet-4-6}
vary:
  client.api: [openai-chat, anthropic-messages]
  legs.primary.cut.by: [close, eof, reset, stall, error_event, bad_json]
  legs.fallback.model: [anthropic/claude-sonnet-4-6, anthropic/claude-sonnet-4-5, openai/gpt-4o-mini]
";

#[tokio::test]
async fn breaks_after_content_join_without_a_seam() {
    for policy in [AfterContent::ContinueUser, AfterContent::ContinuePrefill] {
        for played in play(BREAKS, policy).await {
            let [primary, fallback] = &played.upstream[..] else { panic!("{}: {:?}", played.case, played.upstream) };
            played.assert_whole(&primary.said.whole);
            let capable = played.case.contains("claude-sonnet-4-5");
            match &fallback.continuation {
                Continuation::Prefill { .. } => assert!(capable && policy == AfterContent::ContinuePrefill),
                Continuation::UserMessage { .. } => assert!(!capable || policy == AfterContent::ContinueUser),
                other => panic!("{}: {other:?}", played.case),
            }
        }
    }
}

#[tokio::test]
async fn breaks_after_content_are_shown_or_never_seen() {
    for played in play(BREAKS, AfterContent::Error).await {
        let completion = &played.reading.completion;
        assert_eq!((played.upstream.len(), played.status), (1, 200), "{}", played.case);
        assert!(completion.visible_error().is_some() && completion.terminator.is_none(), "{}", played.case);
        // Behind damaged JSON the leg goes on, unheard.
        assert!(played.upstream[0].said.text.starts_with(&completion.text), "{}", played.case);
        assert_eq!(completion.text.split(' ').count(), 5);
    }
    for played in play(BREAKS, AfterContent::BufferAll).await {
        played.assert_whole(&played.upstream[1].said.whole);
        assert_eq!(played.upstream[1].continuation, Continuation::None);
    }
}

/// Wherever the text is cut: at blanks, inside words, inside emoji, between paragraphs.
#[tokio::test]
async fn every_seam_is_exact() {
    let places = (1..=40).map(|n| format!("{{texts: {n}}}")).collect::<Vec<_>>().join(", ");
    for answer in ["letters", "paragraphs-emoji", "json"] {
        let yaml = format!(
            "
client: openai-chat
legs:
  primary: {{model: anthropic/claude-opus-4-1, answer: {answer}, cut: {{at: {{texts: 1}}, by: close}}, barrier: none}}
  fallback: {{model: anthropic/claude-sonnet-4-5, answer: {answer}}}
vary:
  legs.primary.cut.at: [{places}, last_content]
"
        );
        let Ok(cases) = scenario::load_text("test.yaml", &yaml, &Library::bundled()) else { continue };
        assert!(cases.len() > 10);
        for policy in [AfterContent::ContinueUser, AfterContent::ContinuePrefill] {
            for played in play(&yaml, policy).await {
                played.assert_whole(&played.upstream[0].said.whole);
            }
        }
    }
}

#[tokio::test]
async fn before_content_the_fallback_simply_answers() {
    let yaml = "
client: openai-chat
legs:
  primary: {model: anthropic/claude-opus-4-1, cut: {at: head, by: close}}
  fallback: {model: openai/gpt-4o-mini}
vary:
  client.api: [openai-chat, anthropic-messages]
  legs.primary.cut.at: [head, preamble]
  legs.primary.cut.by: [close, eof, reset, stall, error_event, bad_json]
";
    for played in play(yaml, AfterContent::ContinueUser).await {
        assert_eq!(played.upstream.len(), 2, "{}: {:?} {:?}", played.case, played.upstream, played.reading);
        assert_eq!(played.upstream[1].continuation, Continuation::None, "{}", played.case);
        played.assert_whole(&played.upstream[1].said.whole);
    }
}

#[tokio::test]
async fn legal_but_odd_streams_pass_whole() {
    let yaml = "
client: openai-chat
legs:
  primary: {answer: text}
  fallback: {}
vary:
  client.api: [openai-chat, anthropic-messages]
  legs.primary.model: [openai/gpt-4o-mini, anthropic/claude-sonnet-4-5]
  legs.primary.edits: 
    - {name: split-1, value: [{split: 1}]}
    - {name: split-7, value: [{split: 7}]}
    - {name: merge-4, value: [{merge: 4}]}
    - {name: crlf, value: [crlf]}
    - {name: comments, value: [comments]}
  legs.primary.answer: [paragraphs-emoji, text]
";
    for played in play(yaml, AfterContent::ContinueUser).await {
        assert_eq!(played.upstream.len(), 1, "{}", played.case);
        played.assert_whole(&played.upstream[0].said.whole);
    }
}
