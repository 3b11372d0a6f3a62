//! What is seen of a case while it is played: where one runs at a time, and somebody watches.

use tokio::sync::mpsc;

use crate::history::Moment;
use crate::progress::Watcher;

/// The moments of the cases of a launch.
#[derive(Debug)]
pub(super) struct Live {
    watched: bool,
    watcher: Watcher,
    seen: mpsc::UnboundedReceiver<Moment>,
    /// Keys of the user's own: none is told.
    secrets: Vec<String>,
}

impl Live {
    pub(super) fn new(watched: bool, secrets: Vec<String>) -> Self {
        let (watcher, seen) = mpsc::unbounded_channel();
        Self { watched, watcher, seen, secrets }
    }

    /// Who is to be told by a case.
    pub(super) fn watcher(&self) -> Option<Watcher> {
        self.watched.then(|| self.watcher.clone())
    }

    /// Waits for the next moments.
    pub(super) async fn next(&mut self) -> Vec<Moment> {
        // The sender of this end is never gone.
        let first = self.seen.recv().await;
        self.with_rest(first)
    }

    /// The moments that came by now.
    pub(super) fn rest(&mut self) -> Vec<Moment> {
        self.with_rest(None)
    }

    /// Both sides tell at the same time: what is there is put in order.
    fn with_rest(&mut self, first: Option<Moment>) -> Vec<Moment> {
        let mut moments: Vec<Moment> = first.into_iter().collect();
        // As many as there are: more may come as quickly as these are taken.
        for _ in 0..self.seen.len() {
            moments.extend(self.seen.try_recv());
        }
        moments.sort_by_key(Moment::order);
        for moment in &mut moments {
            moment.hide(&self.secrets);
        }
        moments
    }
}
