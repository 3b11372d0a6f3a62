//! What our client has decoded so far, and what it may know of the legs: the one link between the two in a case, and
//! from both to whoever watches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::api::Say;
use crate::history::Moment;

/// What was decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Joined text of the answer.
    pub text: String,
    /// Joined content of every other kind: arguments, thinking, a refusal.
    pub beyond: String,
}

/// What the client of a running step has decoded so far. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    decoded: Arc<watch::Sender<Decoded>>,
    /// Requests for an answer that the legs have got.
    asked: Arc<watch::Sender<u32>>,
    left: Arc<AtomicBool>,
    watcher: Option<Watcher>,
}

/// Gets everything that is recorded, while it happens.
pub type Watcher = mpsc::UnboundedSender<Moment>;

impl Progress {
    /// Of a step that is watched.
    pub fn watched(watcher: Option<Watcher>) -> Self {
        Self { watcher, ..Self::default() }
    }

    /// Tells who watches, if somebody does.
    pub fn tell(&self, moment: impl FnOnce() -> Moment) {
        if let Some(watcher) = &self.watcher {
            // Who went away wants to know no more.
            let _ = watcher.send(moment());
        }
    }

    /// Takes what was said in the bytes that came last.
    pub fn hear(&self, said: &[Say]) {
        self.decoded.send_if_modified(|decoded| {
            for say in said {
                match say {
                    Say::Text(text) => decoded.text.push_str(text),
                    Say::Thinking(text) | Say::Arguments(text) | Say::Refusal(text) => decoded.beyond.push_str(text),
                    Say::Signature(_) | Say::ToolCall { .. } => {}
                }
            }
            !said.is_empty()
        });
    }

    /// Replaces the decoded text.
    pub fn set(&self, text: &str) {
        self.decoded.send_modify(|decoded| text.clone_into(&mut decoded.text));
    }

    /// A leg got a request.
    pub fn ask(&self) {
        self.asked.send_modify(|asked| *asked += 1);
    }

    /// Waits until the legs have got so many requests.
    pub async fn asked(&self, times: u32) {
        // The sender lives as long as this does.
        let _ = self.asked.subscribe().wait_for(|asked| *asked >= times).await;
    }

    /// The client leaves: from now on, that a proxy goes away is what it shall do.
    pub fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// Whether the client has left.
    pub fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// The decoded text.
    pub fn text(&self) -> String {
        self.decoded.borrow().text.clone()
    }

    /// Waits until what is decoded satisfies `reached`; `false` if that did not happen within `limit`.
    pub async fn wait(&self, limit: Duration, reached: impl Fn(&Decoded) -> bool) -> bool {
        let mut decoded = self.decoded.subscribe();
        tokio::time::timeout(limit, decoded.wait_for(|decoded| reached(decoded))).await.is_ok_and(|seen| seen.is_ok())
    }
}
