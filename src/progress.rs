//! What our client has decoded so far: the one link between the client and the legs of a case.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// What the client of a running step has decoded so far. Clones share it.
#[derive(Clone, Debug)]
pub struct Progress {
    text: Arc<watch::Sender<String>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { text: Arc::new(watch::Sender::new(String::new())) }
    }
}

impl Progress {
    /// Replaces the decoded text.
    pub fn set(&self, text: &str) {
        self.text.send_if_modified(|old| {
            let changed = old != text;
            if changed {
                text.clone_into(old);
            }
            changed
        });
    }

    /// The decoded text.
    pub fn text(&self) -> String {
        self.text.borrow().clone()
    }

    /// Waits until the decoded text satisfies `reached`; `false` if that did not happen within `limit`.
    pub async fn wait(&self, limit: Duration, reached: impl Fn(&str) -> bool) -> bool {
        let mut text = self.text.subscribe();
        tokio::time::timeout(limit, text.wait_for(|text| reached(text))).await.is_ok_and(|seen| seen.is_ok())
    }
}
