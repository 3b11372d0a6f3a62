//! What a vendor answers beside generations, and to what it does not have.

use serde_json::Value;

/// A call that asks for no generation.
#[derive(Clone, Copy, Debug)]
pub struct SideCall<'a> {
    /// Its method; a `HEAD` is a `GET`.
    pub method: &'a str,
    /// The path, as the vendor has it.
    pub path: &'a str,
    /// The models that are there.
    pub models: &'a [&'a str],
    /// Tokens of the request, should it ask for them.
    pub tokens: u64,
}

/// What is wrong with a request before anything of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong<'a> {
    /// No operation has this path.
    Path {
        /// Method.
        method: &'a str,
        /// Path.
        path: &'a str,
    },
    /// The path is asked with another method.
    Method,
    /// The body is too large.
    Size,
}

impl SideCall<'_> {
    /// Answers a list of models, or one of them: `each` writes one, `list` all.
    pub(super) fn models(
        &self,
        base: &str,
        each: impl Fn(&str) -> Value,
        list: impl FnOnce(Vec<Value>) -> Value,
    ) -> Option<Value> {
        if self.method != "GET" {
            return None;
        }
        if self.path == base {
            return Some(list(self.models.iter().map(|name| each(name)).collect()));
        }
        let name = self.path.strip_prefix(base)?.strip_prefix('/')?;
        self.models.contains(&name).then(|| each(name))
    }
}
