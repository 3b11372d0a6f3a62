//! What the APIs of Bedrock have in common: paths, keys, errors, and what is in a message of their streams.

pub(super) mod errors;
mod frame;
pub(super) mod side;

use super::seeded::Seeded;
use super::{ApiError, Conversation, target};
use crate::wire::Headers;

pub(super) use frame::{Frame, padded, read_frame};

/// The two methods of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    /// For answers in one piece.
    pub(super) unary: &'static str,
    /// For streams.
    pub(super) stream: &'static str,
}

/// Where a model and what is done with it stand.
pub(super) const PATH: &str = "/model/{model}/{method}";

impl Operation {
    fn method(self, stream: bool) -> &'static str {
        if stream { self.stream } else { self.unary }
    }

    /// A path with these names in it.
    pub(super) fn fill(self, path: &str, model: &str, stream: bool) -> String {
        // The SDKs escape the colon of a version, too.
        path.replace("{model}", &target::encode(model).replace(':', "%3A")).replace("{method}", self.method(stream))
    }

    /// The part of a path that is this operation's.
    pub(super) fn own_path(self, path: &str) -> Option<&str> {
        let (before, method) = path.rsplit_once('/')?;
        let (base, model) = before.rsplit_once('/')?;
        let start = base.strip_suffix("/model")?.len();
        let fits = (method == self.unary || method == self.stream) && !model.is_empty();
        fits.then(|| &path[start..])
    }

    /// Adds what a path says: model and stream.
    pub(super) fn read_target(self, target: &str, conversation: &mut Conversation) {
        let (path, _) = target::split(target);
        let Some((before, method)) = path.rsplit_once('/') else { return };
        conversation.model = target::decode(before.rsplit('/').next().unwrap_or_default());
        conversation.stream = method == self.stream;
    }
}

/// Headers that a client sends, the credential among them.
pub(super) fn request_headers(key: &str) -> Headers {
    let bearer = format!("Bearer {key}");
    [("accept", "*/*"), ("content-type", "application/json"), ("authorization", bearer.as_str())].into_iter().collect()
}

/// The credential that a request presents: a bearer key, or who signed it.
pub(super) fn presented_key(target: &str, headers: &Headers) -> Option<String> {
    let signed = || signer(headers.get("authorization")?.strip_prefix("AWS4-")?, "Credential=", '/');
    let in_query = || signer(target::split(target).1, "X-Amz-Credential=", '%');
    super::bearer(headers).or_else(signed).or_else(in_query)
}

/// Who signed a request: the access key id, which stands first in the credential. The signature is not looked at.
fn signer(text: &str, name: &str, end: char) -> Option<String> {
    let (_, credential) = text.split_once(name)?;
    // In a query the slash is escaped, or not.
    let id = credential.split(['/', end]).next().unwrap_or_default();
    (!id.is_empty()).then(|| id.to_owned())
}

/// How many milliseconds the model is said to have taken.
pub(super) fn latency(seed: u64) -> u64 {
    300 + Seeded::new(seed, "latency").below(600)
}

/// Headers of an error response.
pub(super) fn error_headers(error: &ApiError, seed: u64) -> Headers {
    let mut headers = errors::headers("application/json", seed);
    if error.kind == errors::UNKNOWN_OPERATION {
        // Neither a content type nor an error's type comes with it.
        headers.0.retain(|(name, _)| name != "content-type");
        return headers;
    }
    headers.0.push(error_type(error));
    headers
}

/// The header that tells an error's type.
pub(super) fn error_type(error: &ApiError) -> (String, String) {
    (errors::TYPE.to_owned(), errors::type_value(error))
}
