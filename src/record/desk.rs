//! What is recorded for now: in `record` one place all along, in a run one for each case.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::store::{Keeping, OpenError, Store};
use super::upstream::Upstream;

/// Longest wait for exchanges to end.
const ENDING: Duration = Duration::from_secs(10);

/// Says where a recorder that runs puts its recordings.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: String,
    store: Mutex<Option<Arc<Store>>>,
    /// Exchanges that are not written yet.
    open: watch::Sender<usize>,
}

/// An exchange on its way to its file; told as over when this goes.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) store: Arc<Store>,
    desk: Arc<Inner>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.desk.open.send_modify(|open| *open -= 1);
    }
}

impl Desk {
    pub(super) fn new(upstream: &Upstream) -> Self {
        Self(Arc::new(Inner { source: upstream.to_string(), store: Mutex::default(), open: watch::Sender::new(0) }))
    }

    /// From now on exchanges are kept there.
    pub fn begin(&self, keeping: Keeping) -> Result<(), OpenError> {
        let store = Store::open(keeping, self.0.source.clone())?;
        *self.0.store.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(store));
        Ok(())
    }

    /// Waits until every exchange is written and none has begun for `silence`; then no more is taken.
    pub async fn end(&self, silence: Duration) {
        let mut open = self.0.open.subscribe();
        let last = Instant::now() + ENDING;
        loop {
            if timeout_at(last, open.wait_for(|open| *open == 0)).await.is_err() {
                break;
            }
            let silent = (Instant::now() + silence).min(last);
            if timeout_at(silent, open.changed()).await.is_err() {
                break;
            }
        }
        *self.0.store.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// An exchange begins; `None` while nothing is recorded.
    pub(super) fn take(&self) -> Option<Open> {
        let store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        self.0.open.send_modify(|open| *open += 1);
        Some(Open { store, desk: Arc::clone(&self.0) })
    }
}
