//! Slots, strays and late requests.

use std::time::{Duration, Instant};

use super::super::testing::{Client, Left, binding, case, chat, free, legs, stage};
use super::super::{Addressing, Binding, Legs, LegsConfig};
use crate::history::UpstreamEnd;
use crate::proxy::LegBy;

const YAML: &str = "client: openai-chat\nlegs: {primary: {}, fallback: {}}\n";

#[tokio::test]
async fn legs_are_found_by_prefix_or_by_port() {
    let by_prefix = legs(LegBy::Prefix, 1).await;
    let by_port = legs(LegBy::Port, 2).await;
    assert_eq!(by_prefix.base_url("s", "fallback", 1), format!("http://{}/s/fallback", by_prefix.host(0)));
    assert_eq!(by_port.base_url("s", "fallback", 1), format!("http://{}/s", by_port.host(1)));
    assert_ne!(by_port.host(0), by_port.host(1));
    for legs in [&by_prefix, &by_port] {
        let session = legs.begin("s", binding(&case(YAML), "uniquewordx"));
        session.begin_step(0, None);
        for (ordinal, name) in [(1, "fallback"), (0, "primary")] {
            let url = legs.base_url("s", name, ordinal);
            let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
            let mut client = Client::connect(host).await;
            client.post(&format!("/{path}/v1/chat/completions"), &chat("Hello.")).await;
            assert_eq!(client.response().await.left, Left::Whole);
        }
        assert!(session.quiet(Duration::ZERO).await);
        let names: Vec<_> = session.end_step().into_iter().map(|exchange| exchange.leg).collect();
        assert_eq!(names, ["fallback", "primary"]);
    }
}

#[tokio::test]
async fn attached_there_is_one_slot_and_no_address_names_it() {
    let legs = Legs::bind(LegsConfig {
        addresses: vec![free()],
        addressing: Addressing { leg_by: LegBy::Prefix, attached: true },
        transport: super::super::Transport::default(),
        rules: std::sync::Arc::default(),
        side_calls: Vec::new(),
    })
    .await
    .unwrap();
    assert_eq!(legs.base_url("", "primary", 0), format!("http://{}/primary", legs.host(0)));
    let session = legs.begin("", binding(&case(YAML), "uniquewordx"));
    session.begin_step(0, None);
    let mut client = Client::connect(&legs.host(0)).await;
    client.post("/primary/v1/chat/completions", &chat("Hello.")).await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(session.end_step().len(), 1);
}

#[tokio::test]
async fn what_fits_no_case_is_a_stray_and_side_calls_are_not() {
    let legs = legs(LegBy::Prefix, 1).await;
    let mut client = Client::connect(&legs.host(0)).await;
    let got = client.ask("primary", "Hello.").await;
    assert_eq!((got.status, got.left), (404, Left::Whole));
    assert!(got.text().contains("Invalid URL (POST /v1/chat/completions)"), "{}", got.text());
    client.post("/s/primary/v1/messages", "{}").await;
    assert!(client.response().await.text().contains("not_found_error"));
    client.write("GET /s/primary/v1/models HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.response().await.status, 200);
    let session = legs.begin("s", binding(&case(YAML), "uniquewordx"));
    session.begin_step(0, None);
    assert_eq!(client.ask("third", "Hello.").await.status, 404);
    assert!(session.end_step().is_empty());
    let strays: Vec<_> = legs.take_strays().into_iter().map(|stray| (stray.place, stray.reason)).collect();
    let expect = [
        ("s/primary", "no case is running here"),
        ("s/primary", "no case is running here"),
        ("s/third", "the case has no such leg"),
    ];
    assert_eq!(strays, expect.map(|(place, reason)| (place.to_owned(), reason.to_owned())));
    assert!(legs.take_strays().is_empty());
}

#[tokio::test]
async fn a_late_request_gets_the_last_answer_again_and_touches_nobody() {
    let legs = legs(LegBy::Prefix, 1).await;
    let old = legs.begin("s", binding(&case(YAML), "firstunique"));
    old.begin_step(0, None);
    let mut client = Client::connect(&legs.host(0)).await;
    let said = client.ask("primary", "Hello firstunique.").await.said();
    assert!(old.quiet(Duration::ZERO).await);
    assert_eq!(old.end_step().len(), 1);

    // Between the steps and its end it is the session's.
    assert_eq!(client.ask("primary", "Hello firstunique.").await.said(), said);
    let (strays, misrouted) = old.finish();
    assert_eq!((strays.len(), strays[0].reason.as_str(), misrouted), (1, "it came between two steps", None));

    let new = legs.begin("s", binding(&case(YAML), "secondunique"));
    new.begin_step(0, None);
    assert_eq!(client.ask("primary", "Again: firstunique.").await.said(), said);
    assert_eq!(client.ask("primary", "Hello secondunique.").await.status, 200);
    assert!(new.quiet(Duration::ZERO).await);
    let exchanges = new.end_step();
    assert_eq!(exchanges.len(), 1);
    let (strays, misrouted) = new.finish();
    assert_eq!((strays.len(), misrouted), (1, None));
    assert_eq!(legs.take_strays()[0].reason, "a late request of the finished case test");
    assert_eq!(client.ask("primary", "Once more: firstunique.").await.said(), said);
    assert_eq!(legs.take_strays().len(), 1);
}

#[tokio::test]
async fn the_word_of_another_running_case_makes_both_misrouted() {
    let legs = legs(LegBy::Prefix, 1).await;
    let one = legs.begin("s", binding(&case(YAML), "firstunique"));
    let two = legs.begin("t", binding(&case(YAML), "secondunique"));
    one.begin_step(0, None);
    two.begin_step(0, None);
    let mut client = Client::connect(&legs.host(0)).await;
    assert_eq!(client.ask("primary", "Hello\nsecondunique").await.status, 200);
    assert!(one.quiet(Duration::ZERO).await);
    assert_eq!(one.end_step().len(), 1);
    assert_eq!(one.finish().1.as_deref(), Some("a request of test reached a leg of this case"));
    assert_eq!(two.finish().1.as_deref(), Some("a request of this case reached a leg of test"));
}

#[tokio::test]
async fn the_end_of_a_step_ends_what_still_runs() {
    let yaml = "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: stall}}}\n";
    let (legs, session) = stage(yaml).await;
    let mut client = Client::connect(&legs.host(0)).await;
    client.post("/s/primary/v1/chat/completions", &chat("Hello.")).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    let exchange = session.end_step().remove(0);
    assert_eq!(exchange.end, UpstreamEnd::CaseOver);
    assert!(exchange.ended_at >= exchange.at + 100_000, "until then it was open");
    assert_eq!(exchange.said.text.split_whitespace().count(), 5);
    assert_eq!(client.response().await.left, Left::Fin);

    // A session that is dropped ends it as well.
    session.begin_step(0, None);
    let mut client = Client::connect(&legs.host(0)).await;
    client.post("/s/primary/v1/chat/completions", &chat("Hello.")).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(session);
    let asked = Instant::now();
    assert_eq!(client.response().await.left, Left::Fin);
    assert!(asked.elapsed() < Duration::from_millis(200));
}

#[tokio::test]
async fn quiet_waits_for_silence_and_for_every_answer() {
    let yaml = "client: openai-chat\nlegs: {primary: {cut: {at: {texts: 5}, by: {stall: {for: 200ms}}}}}\n";
    let (legs, session) = stage(yaml).await;
    let started = Instant::now();
    assert!(session.quiet(Duration::from_millis(30)).await);
    assert!(started.elapsed() >= Duration::from_millis(30));
    let mut client = Client::connect(&legs.host(0)).await;
    client.post("/s/primary/v1/chat/completions", &chat("Hello.")).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let started = Instant::now();
    assert!(session.quiet(Duration::from_millis(30)).await);
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
}

/// Where legs have no order, the address that is asked first is the first leg: in each step anew, and by generations
/// alone.
#[tokio::test]
async fn legs_without_an_order_are_known_by_their_arrival() {
    let yaml = "client: openai-chat\nlegs: {primary: {status: 503}, fallback: {}}\nsteps: [{}, {}]\n";
    let legs = legs(LegBy::Prefix, 1).await;
    let session = legs.begin("s", Binding { by_arrival: true, ..binding(&case(yaml), "uniquewordx") });
    let mut client = Client::connect(&legs.host(0)).await;
    let orders = [["fallback", "primary", "fallback"], ["primary", "fallback", "primary"]];
    for (step, order) in orders.into_iter().enumerate() {
        session.begin_step(step, None);
        client.write(format!("GET /s/{}/v1/models HTTP/1.1\r\nhost: x\r\n\r\n", order[1])).await;
        assert_eq!(client.response().await.status, 200);
        for (address, status) in order.into_iter().zip([503, 200, 503]) {
            assert_eq!(client.ask(address, "Hello.").await.status, status, "{order:?}");
        }
        assert!(session.quiet(Duration::ZERO).await);
        let asked: Vec<_> = session.end_step().into_iter().map(|exchange| exchange.leg).collect();
        assert_eq!(asked, [order[1], "primary", "fallback", "primary"], "a side call has the leg of its address");
    }
}

#[tokio::test]
async fn the_script_of_a_pool_follows_the_order_of_requests() {
    let yaml = "pool: {workers: 2, model: openai/gpt-4o-mini, attempts: [{status: 503}, {status: 429}, {}]}\n";
    for order in [["worker-1", "worker-2", "worker-1"], ["worker-2", "worker-2", "worker-1"]] {
        let (legs, session) = stage(yaml).await;
        let mut client = Client::connect(&legs.host(0)).await;
        for (worker, status) in order.into_iter().zip([503, 429, 200]) {
            assert_eq!(client.ask(worker, "Hello.").await.status, status, "{order:?}");
        }
        assert!(session.quiet(Duration::ZERO).await);
        assert_eq!(session.end_step().len(), 3);
    }
}
