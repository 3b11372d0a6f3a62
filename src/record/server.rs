//! The recorder's sockets, and the one thread that writes files.

use std::collections::HashSet;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant as TokioInstant, sleep, sleep_until, timeout};

use super::client::{Client, Parting, Upload};
use super::desk::Open;
use super::playback::{Playback, playback};
use super::reach::Line;
use super::shelf;
use super::store::Store;
use super::take::{Ended, Recorded, Take};
use super::upstream::{Refusal, path};
use super::{Clock, News, Recorder, Shared, Stop, relay, relay2};
use crate::http1::RequestHead;

/// After an error of `accept` (no file descriptor left), the next try.
const ACCEPT_AGAIN: Duration = Duration::from_millis(10);
/// Longest wait for connections to end, once the recorder is to stop.
const ENDING: Duration = Duration::from_secs(3);

/// An exchange that is over.
pub(super) struct Over {
    open: Open,
    asked: String,
    what: What,
}

enum What {
    Taken(Box<Take>, Ended),
    Played,
    Passed,
    /// The upstream could not be asked.
    Failed(String),
}

/// Serves until it is stopped, then until everything is written.
pub(super) async fn run(recorder: Recorder, stop: watch::Receiver<bool>, tell: impl Fn(News) + Send + 'static) {
    let Recorder { address, listener, reach, front, desk } = recorder;
    let (over, ended) = mpsc::channel();
    let writer = tokio::task::spawn_blocking(move || write(&ended, tell));
    let stop = Stop(stop);
    let clock = Clock(Instant::now());
    let shared = Arc::new(Shared { own: address, reach, front, desk, clock, stop: stop.clone(), over });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve(Arc::clone(&shared), stream));
                }
                Err(_) => sleep(ACCEPT_AGAIN).await,
            },
            Some(_) = connections.join_next() => {}
            () = stop.stopped() => break,
        }
    }
    drop(listener);
    // Those that do not end are ended: what they had was told before.
    let _ = timeout(ENDING, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
    drop(shared);
    // It ends with the last sender.
    let _ = writer.await;
}

/// Writes each exchange once it is over, in that order.
fn write(ended: &mpsc::Receiver<Over>, tell: impl Fn(News)) {
    let mut passed = HashSet::new();
    for Over { open, asked, what } in ended {
        match what {
            What::Played => tell(News::Played { asked }),
            What::Passed if !passed.insert(asked.clone()) => {}
            What::Passed => tell(News::Passed { asked }),
            What::Failed(why) => tell(News::NotKept { asked, why }),
            What::Taken(take, how) => tell(match take.end(how).and_then(|recorded| keep(&open.store, recorded)) {
                Ok(news) => news,
                Err(why) => News::NotKept { asked, why },
            }),
        }
    }
}

fn keep(store: &Store, recorded: Recorded) -> Result<News, String> {
    let response = &recorded.exchange.response;
    let time: u64 = response.chunks.iter().filter_map(|chunk| chunk.after).map(|after| after.0).sum();
    let chunks = match response.chunks.len() {
        1 => "1 chunk".to_owned(),
        n => format!("{n} chunks"),
    };
    let lost = recorded.lost.iter().fold(String::new(), |all, lost| all + "; lost: " + lost);
    let end = match response.end {
        crate::cassette::RecordedEnd::Complete => "",
        crate::cassette::RecordedEnd::Close => ", cut by a close",
        crate::cassette::RecordedEnd::Reset => ", cut by a reset",
    };
    let what = format!("{}, {chunks} in {time} ms{end}{lost}", response.status);
    Ok(News::Kept { file: store.keep(recorded)?, what })
}

/// Serves a client's connection to its end.
async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let mut client = Client::new(stream);
    let parting = converse(&shared, &mut client).await;
    client.part(parting).await;
}

/// Request by request, each over the same connection to the upstream.
async fn converse(shared: &Shared, client: &mut Client) -> Parting {
    let mut line = None;
    loop {
        let socket = Arc::clone(&client.socket);
        let upstream = async {
            match &mut line {
                Some(Line::Http1(read, _)) => relay::forward(&socket, read).await,
                // It is opened again when it is needed.
                Some(Line::Http2(..)) | None => std::future::pending().await,
            }
        };
        let head = tokio::select! {
            biased;
            head = client.head() => head,
            parting = upstream => return parting,
            () = shared.stop.stopped() => return Parting::Close,
        };
        let parting = match head {
            None => return Parting::Close,
            Some(Err(refusal)) => Err(refusal),
            Some(Ok(head)) => exchange(shared, client, &mut line, head).await,
        };
        match parting {
            Ok(Parting::Open) => {}
            Ok(parting) => return parting,
            Err(refusal) => {
                client.refuse(&refusal).await;
                return Parting::Close;
            }
        }
    }
}

/// One request and what it gets.
async fn exchange(
    shared: &Shared,
    client: &mut Client,
    line: &mut Option<Line>,
    head: RequestHead,
) -> Result<Parting, Refusal> {
    let Shared { reach, front, desk, clock, stop, .. } = shared;
    let head = front.strip(reach.upstream().direct(head, shared.own)?, reach.upstream())?;
    let asked = format!("{} {}", head.method, path(&head.target));
    let open = desk.take().ok_or_else(|| Refusal::new(503, "nothing is recorded at this moment"))?;
    let store = Arc::clone(&open.store);
    let tell = |what| {
        // The writer outlives every connection.
        let _ = shared.over.send(Over { open, asked, what });
    };
    let framing = head.framing().map_err(|why| Refusal::new(400, why))?;
    let spoken = shelf::api(&head.target).is_some();
    let mut take = Take::new(&head, clock.now());
    // What is kept of it never had the provider's key.
    let mut upload = Upload::new(front.unlock(head), framing);
    if spoken && store.plays() {
        if !upload.gather(client, &mut take.asked, *clock).await? {
            return Ok(Parting::Gone);
        }
        let (shelf, request) = (Arc::clone(&store), take.asked.alone());
        // Looking for secrets takes its time, in which others go on.
        let found = tokio::task::spawn_blocking(move || shelf.find(request)).await.ok().flatten();
        if let Some(recorded) = found {
            let parting = play(client, playback(&recorded, &upload.head), stop).await;
            tell(What::Played);
            return Ok(parting);
        }
    }
    if line.as_ref().is_none_or(Line::is_over) {
        match reach.connect().await {
            Ok(connected) => *line = Some(connected),
            Err(why) => {
                tell(What::Failed(why.clone()));
                return Err(Refusal::new(502, why));
            }
        }
    }
    let (ended, parting) = match line {
        Some(Line::Http2(send, _)) => {
            if !upload.is_whole() && !upload.gather(client, &mut take.asked, *clock).await? {
                return Ok(Parting::Gone);
            }
            relay2::relay(client, send, reach.upstream(), &upload.head, &mut take, *clock, stop).await
        }
        Some(Line::Http1(read, write)) => {
            relay::relay(client, (read, write), &mut upload, &mut take, *clock, stop).await
        }
        None => return Ok(Parting::Close),
    };
    tell(if spoken { What::Taken(Box::new(take), ended) } else { What::Passed });
    Ok(parting)
}

/// Plays a recording, at the times at which it came.
async fn play(client: &Client, Playback { writes, end }: Playback, stop: &Stop) -> Parting {
    let played = async {
        let mut due = TokioInstant::now();
        for (after, bytes) in writes {
            due += after;
            sleep_until(due).await;
            if client.socket.write(&bytes).await.is_err() {
                return Parting::Gone;
            }
        }
        end
    };
    tokio::select! {
        parting = played => parting,
        () = stop.stopped() => Parting::Close,
    }
}
