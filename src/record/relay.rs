//! HTTP/1.1 on both sides: bytes go through as they come, and are read beside.

use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::client::{Client, Parting, Upload};
use super::reach::Io;
use super::take::{Asked, Ended, Heard, Take};
use super::{Clock, Stop};
use crate::http1::{BodyDecoder, Got, ResponseDecoder};
use crate::leg::Socket;

/// Most bytes of one read.
const READ: usize = 32 << 10;

/// Forwards a request and its answer; says how the exchange ended, and what becomes of the client.
pub(super) async fn relay(
    client: &mut Client,
    (read, write): (&mut ReadHalf<Io>, &mut WriteHalf<Io>),
    upload: &mut Upload,
    Take { asked, heard }: &mut Take,
    clock: Clock,
    stop: &Stop,
) -> (Ended, Parting) {
    upload.put_head();
    let signs = Signs::default();
    let mut decoder = ResponseDecoder::new(&upload.head.method);
    let heard_of = tokio::select! {
        biased;
        end = download(&client.socket, read, &mut decoder, heard, clock) => end,
        () = send(&client.socket, &mut client.ahead, upload, write, asked, clock, &signs, false) => End::Gone,
        () = stop.stopped() => End::Stopped,
    };
    if let Some((came, announced)) = decoder.body().and_then(BodyDecoder::inside_chunk) {
        heard.lose(format!("the size of the last chunk: {announced} bytes, of which {came} came"));
    }
    match heard_of {
        End::Whole if upload.is_out() => (Ended::Complete, Parting::Open),
        // The answer came first.
        End::Whole => {
            let parting = tokio::select! {
                biased;
                parting = forward(&client.socket, read) => parting,
                () = send(&client.socket, &mut client.ahead, upload, write, asked, clock, &signs, true) => Parting::Open,
                () = stop.stopped() => Parting::Close,
            };
            (Ended::Complete, parting)
        }
        End::Upgrade => (Ended::Complete, tunnel(client, read, write, stop).await),
        End::Fin if decoder.eof().is_ok() => (Ended::Complete, Parting::Close),
        End::Fin if signs.left.load(Ordering::Relaxed) => (Ended::Left, Parting::Close),
        End::Rst if signs.left.load(Ordering::Relaxed) => (Ended::Left, Parting::Reset),
        End::Fin if signs.refused.load(Ordering::Relaxed) => (Ended::Reset, Parting::Reset),
        End::Fin | End::Torn => (Ended::Close, Parting::Close),
        End::Rst => (Ended::Reset, Parting::Reset),
        End::Gone => (Ended::Left, Parting::Gone),
        End::Stopped => (Ended::Stopped, Parting::Close),
    }
}

/// How reading an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is whole, and the connection is still there.
    Whole,
    /// It is whole, and what follows is another protocol.
    Upgrade,
    Fin,
    /// FIN without the goodbye of TLS: anybody may have sent it.
    Torn,
    Rst,
    /// The client has gone.
    Gone,
    Stopped,
}

/// What the sending side saw.
#[derive(Debug, Default)]
struct Signs {
    /// The client has ended its side.
    left: AtomicBool,
    /// The upstream takes no more: telling so may have used up the reset that reading would have told.
    refused: AtomicBool,
}

/// Reads what the upstream sends, hands it on, and only then looks at it.
async fn download(
    socket: &Socket,
    read: &mut ReadHalf<Io>,
    decoder: &mut ResponseDecoder,
    heard: &mut Heard,
    clock: Clock,
) -> End {
    let mut buffer = vec![0; READ];
    let mut upgraded = false;
    loop {
        let bytes = match read.read(&mut buffer).await {
            Ok(0) => return End::Fin,
            Ok(n) => &buffer[..n],
            Err(error) => return broken(&error),
        };
        let at = clock.now();
        let written = socket.write(bytes).await;
        for got in decoder.feed(bytes) {
            match &got {
                Got::Head(head, _) => upgraded = head.status == 101,
                Got::End if upgraded => return End::Upgrade,
                Got::End => return End::Whole,
                _ => {}
            }
            heard.hear(at, got);
        }
        if written.is_err() {
            return End::Gone;
        }
    }
}

fn broken(error: &io::Error) -> End {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => End::Rst,
        _ => End::Torn,
    }
}

/// Hands on what the upstream sends, until it ends the connection.
pub(super) async fn forward(socket: &Socket, read: &mut ReadHalf<Io>) -> Parting {
    let mut buffer = vec![0; READ];
    loop {
        match read.read(&mut buffer).await {
            Ok(0) => return Parting::Close,
            Ok(n) => {
                if socket.write(&buffer[..n]).await.is_err() {
                    return Parting::Gone;
                }
            }
            Err(error) if broken(&error) == End::Rst => return Parting::Reset,
            Err(_) => return Parting::Close,
        }
    }
}

/// Hands on what the client sends. Ends once the client has reset the connection or, if it is to, when the request is
/// out. May be dropped at any time: what is not out stays pending.
#[expect(clippy::too_many_arguments, reason = "each is a part of its own of what relay holds")]
async fn send(
    socket: &Socket,
    ahead: &mut Vec<u8>,
    upload: &mut Upload,
    write: &mut WriteHalf<Io>,
    asked: &mut Asked,
    clock: Clock,
    signs: &Signs,
    to_its_end: bool,
) {
    loop {
        upload.take(ahead, asked, clock);
        while !upload.pending.is_empty() {
            let Ok(n) = write.write(&upload.pending).await else {
                signs.refused.store(true, Ordering::Relaxed);
                return pending().await;
            };
            upload.sent(n);
        }
        if write.flush().await.is_err() {
            signs.refused.store(true, Ordering::Relaxed);
            return pending().await;
        }
        if to_its_end && upload.is_out() {
            return;
        }
        if !upload.has_room(ahead) {
            return pending().await;
        }
        match socket.read(ahead).await {
            Ok(1..) => {}
            Ok(0) => {
                signs.left.store(true, Ordering::Relaxed);
                // What the upstream makes of it is its own affair, as it would be without us.
                let _ = write.shutdown().await;
                return pending().await;
            }
            Err(_) => return signs.left.store(true, Ordering::Relaxed),
        }
    }
}

/// Bytes in both directions, whatever they are.
async fn tunnel(client: &mut Client, read: &mut ReadHalf<Io>, write: &mut WriteHalf<Io>, stop: &Stop) -> Parting {
    let Client { socket, ahead } = client;
    let up = async {
        loop {
            if write.write_all(ahead).await.is_err() || write.flush().await.is_err() {
                return pending().await;
            }
            ahead.clear();
            match socket.read(ahead).await {
                Ok(1..) => {}
                Ok(0) => {
                    let _ = write.shutdown().await;
                    return pending().await;
                }
                Err(_) => return Parting::Gone,
            }
        }
    };
    tokio::select! {
        parting = forward(socket, read) => parting,
        parting = up => parting,
        () = stop.stopped() => Parting::Close,
    }
}
