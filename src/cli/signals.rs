//! What asks the program to end.

#[cfg(unix)]
use std::{future::poll_fn, task::Poll};

use tokio::sync::watch;

use crate::runner::Exit;

/// Turns true at ctrl-C or SIGTERM, from here on; a second one ends the program at once.
pub(super) fn signals() -> watch::Receiver<bool> {
    let (tell, stop) = watch::channel(false);
    let mut signals = Signals::listen();
    tokio::spawn(async move {
        for n in 0.. {
            signals.next().await;
            if n > 0 {
                end_now();
            }
            tell.send_replace(true);
        }
    });
    stop
}

#[expect(clippy::exit, reason = "the second signal means now; guards end the proxies")]
fn end_now() {
    std::process::exit(i32::from(Exit::Interrupted.code()));
}

/// It listens once it is made: a task may not run before the first signal comes.
#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        Self(kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        poll_fn(|context| {
            let any = self.0.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if any { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
