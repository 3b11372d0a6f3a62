//! What secrets look like and how they are called: the file of it.

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::{Document, Limits};

/// `secrets.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    /// Version of the format: 1.
    #[serde(rename = "secrets_format")]
    _format: u32,
    pub(super) headers: HeaderNames,
    /// Query parameters of these names lose their values.
    pub(super) query: Vec<String>,
    /// Fields of JSON and forms.
    pub(super) fields: Vec<String>,
    /// What stays, though it has the shape of a secret.
    pub(super) keep: Vec<String>,
    /// What only looks like a secret.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by tests"))]
    pub(super) stays: Vec<String>,
    pub(super) secrets: Vec<Shape>,
}

/// Names of headers, `*` for any part.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HeaderNames {
    /// Gone altogether.
    pub(super) drop: Vec<String>,
    /// Their values are gone.
    pub(super) fill: Vec<String>,
}

/// What one kind of secret looks like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    /// Its id.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the file, and for tests"))]
    pub(super) id: String,
    /// Whose it is.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the file, and for tests"))]
    pub(super) vendor: String,
    /// In words, for whoever reads what was taken out.
    pub(super) what: String,
    /// Regular expression of the secret itself.
    #[serde(rename = "shape")]
    pub(super) regex: String,
    /// Regular expression of what stands in front of it.
    #[serde(default)]
    pub(super) context: Option<String>,
    /// Regular expression of what stands behind it.
    #[serde(default)]
    pub(super) after: Option<String>,
    /// Whether it stands between characters that are no part of a word.
    #[serde(default = "yes")]
    pub(super) border: bool,
    /// Whether it has both a letter and a digit.
    #[serde(default)]
    pub(super) mixed: bool,
    /// Regular expression of what it does not look like.
    #[serde(default)]
    pub(super) unless: Option<String>,
    /// Where the fact is from.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the file, and for tests"))]
    pub(super) source: String,
    /// Examples, with `{n}` for n letters and digits.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the file, and for tests"))]
    pub(super) example: Vec<String>,
}

fn yes() -> bool {
    true
}

impl Book {
    /// The file that comes with the program.
    pub(super) fn bundled() -> Result<Self, Diagnostic> {
        let file = SourceFile::new("secrets.yaml", include_str!("secrets.yaml"));
        Document::parse(file, Limits::SCENARIO)?.decode()
    }
}
