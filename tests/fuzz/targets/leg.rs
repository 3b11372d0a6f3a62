//! The legs on a socket: whatever comes, they answer in HTTP or end the connection, and serve the next client.
#![cfg_attr(not(test), no_main)]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossfade::answer::Library;
use crossfade::leg::{ServeConfig, Serving, Transport, serve};
use crossfade::rules::RuleBook;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(5);

struct Stage {
    runtime: Runtime,
    address: SocketAddr,
    _serving: Serving,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let answers = ["one-word", "tool-call"];
        let config = ServeConfig {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            transport: Transport::default(),
            case: None,
            answers: answers
                .map(|name| (name.to_owned(), Library::bundled().answer(name).expect("it is bundled")))
                .into(),
            rules: Arc::new(RuleBook::bundled().clone()),
            key: None,
            seed: 7,
        };
        let serving = runtime.block_on(serve(config)).expect("a port is free");
        let address = serving.urls[0].0.split('/').nth(2).and_then(|host| host.parse().ok()).expect("an address");
        Stage { runtime, address, _serving: serving }
    })
}

/// Sends everything, ends its side, and reads to the end.
async fn ask(bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(stage().address).await.expect("it listens");
    // A port of this machine for each input would run out.
    stream.set_zero_linger().expect("it is set");
    let (mut read, mut write) = stream.split();
    let mut got = Vec::new();
    // Both fail where the leg has had enough.
    let _ = tokio::join!(
        async {
            let _ = write.write_all(bytes).await;
            let _ = write.shutdown().await;
        },
        read.read_to_end(&mut got)
    );
    got
}

pub(crate) fn check(data: &[u8]) {
    let got = stage().runtime.block_on(async { timeout(LIMIT, ask(data)).await }).expect("the connection ends");
    assert!(got.is_empty() || got.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(&got));
}

#[cfg(not(test))]
libfuzzer_sys::fuzz_target!(|data: &[u8]| check(data));
