//! The sockets of the reference proxy.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Config;
use super::front::Gateway;

/// Serves until `shutdown` completes, or this future is dropped; then every connection, to clients and to upstreams,
/// is closed.
pub async fn start(listener: TcpListener, config: Config, shutdown: impl Future<Output = ()> + Send) {
    let (leftover, mut leftovers) = mpsc::unbounded_channel();
    let gateway = Arc::new(Gateway::new(config, leftover));
    // Dropping the set ends its tasks, and with them the connections.
    let mut tasks = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            Some(_) = tasks.join_next() => {}
            Some(work) = leftovers.recv() => {
                tasks.spawn(work);
            }
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    tasks.spawn(serve(socket, Arc::clone(&gateway)));
                }
                // Out of file descriptors, most likely: some connection has to end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

/// Serves one connection.
async fn serve(socket: TcpStream, gateway: Arc<Gateway>) {
    // Without it an event could wait for an acknowledgement of the one before.
    let _ = socket.set_nodelay(true);
    let service = service_fn(|request| Arc::clone(&gateway).serve(request));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .writev(false)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    // It fails when the client goes, which is no event.
    drop(served);
}
