//! What our client has decoded so far: the one link between the client and the legs of a case.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::api::Say;

/// What was decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Joined text of the answer.
    pub text: String,
    /// Joined content of every other kind: arguments, thinking, a refusal.
    pub beyond: String,
}

/// What the client of a running step has decoded so far. Clones share it.
#[derive(Clone, Debug)]
pub struct Progress {
    decoded: Arc<watch::Sender<Decoded>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { decoded: Arc::new(watch::Sender::new(Decoded::default())) }
    }
}

impl Progress {
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
