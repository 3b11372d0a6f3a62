//! Threads that share the connections of a listener.

use std::io;
use std::net::TcpStream as Stream;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// A thread for each core, with a runtime and timers of its own. A connection stays where it is put: with thousands of
/// paced streams, threads that steal work from each other send events later.
#[derive(Debug)]
pub(super) struct Threads {
    runtimes: Vec<Handle>,
    turn: AtomicUsize,
}

impl Threads {
    /// They end, with all that they serve, when `open` is dropped.
    pub(super) fn start(open: &watch::Sender<()>) -> io::Result<Self> {
        let count = available_parallelism().map_or(1, NonZero::get);
        let start = |_| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (handle, mut open) = (runtime.handle().clone(), open.subscribe());
            std::thread::Builder::new().name("legs".to_owned()).spawn(move || {
                // An error: the sender is gone, which is what this waits for.
                let _ = runtime.block_on(open.changed());
            })?;
            Ok(handle)
        };
        Ok(Self { runtimes: (0..count).map(start).collect::<io::Result<_>>()?, turn: AtomicUsize::new(0) })
    }

    /// Serves a connection on the thread whose turn it is.
    pub(super) fn serve<F: Future<Output = ()> + Send>(
        &self,
        stream: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> io::Result<()> {
        let stream: Stream = stream.into_std()?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.runtimes.len();
        self.runtimes[turn].spawn(async move {
            // An error: no room for another connection. The peer sees that it is hung up on.
            if let Ok(stream) = TcpStream::from_std(stream) {
                serve(stream).await;
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn connections_are_dealt_to_the_threads_in_turn_and_end_with_the_sender() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = watch::Sender::new(());
        let threads = Threads::start(&open).unwrap();
        let used = Arc::new(Mutex::new(HashSet::new()));
        let mut clients = Vec::new();
        for _ in 0..2 * threads.runtimes.len() {
            let mut client = TcpStream::connect(address).await.unwrap();
            let (stream, _) = listener.accept().await.unwrap();
            let used = Arc::clone(&used);
            let serve = move |mut stream: TcpStream| async move {
                used.lock().unwrap().insert(std::thread::current().id());
                stream.write_all(b"served").await.unwrap();
                std::future::pending::<()>().await;
            };
            threads.serve(stream, serve).unwrap();
            let mut served = [0; 6];
            client.read_exact(&mut served).await.unwrap();
            assert_eq!(&served, b"served");
            clients.push(client);
        }
        assert_eq!(used.lock().unwrap().len(), threads.runtimes.len());
        drop(open);
        for mut client in clients {
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "hung up on");
        }
    }
}
