//! Vendors that speak an API of others, each with its peculiarities.
//!
//! All of one vendor stands in its file, `src/vendors/<vendor>.yaml`: where it is asked, how its chunks look, how it
//! ends, how it errs, each with its source. This module plays the files: [`Dialect`](dialect::Dialect) is the API with
//! what the file says, behind the same [`Api`] as every other. A new vendor that writes like OpenAI is one more file.

mod chat;
mod dialect;
mod file;
mod flaws;
mod form;
mod messages;
mod route;
mod spacing;
mod template;
#[cfg(test)]
mod tests;
mod unary;

use std::sync::OnceLock;

pub use file::*;

use super::{Api, ApiId};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::yaml::{Document, Limits, decode};
use dialect::Dialect;

/// Vendor files: name and text, sorted.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/vendors.rs"));

/// What is known of the vendors, in the order of their files: each is read once somebody asks for it.
static KNOWN: [OnceLock<Known>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];

struct Known {
    vendor: &'static Vendor,
    dialects: Vec<Dialect>,
}

impl Vendor {
    /// Reads a vendor file.
    pub fn parse(file: SourceFile) -> Result<Self, Diagnostic> {
        let (file, root) = Document::parse(file, Limits::SCENARIO)?.into_parts();
        let vendor: Self = decode(&root).map_err(|error| error.in_file(&file))?;
        match flaws::first(&vendor) {
            None => Ok(vendor),
            Some((path, message)) => {
                let node = root.at(path.iter().map(String::as_str)).unwrap_or(&root);
                Err(Diagnostic::new(&file, node.span, message))
            }
        }
    }

    /// The vendors that have a file, by name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(file, _)| file.strip_suffix(".yaml").unwrap_or(file))
    }

    /// The vendor of that name, if it has a file.
    pub fn named(name: &str) -> Option<&'static Self> {
        known(name).map(|known| known.vendor)
    }
}

impl Vendor {
    /// The API of this vendor whose requests are posted to `path` (query removed).
    pub fn of_path(&self, path: &str) -> Option<&'static dyn Api> {
        let dialects = &known(&self.vendor)?.dialects;
        dialects.iter().map(|dialect| dialect as &dyn Api).find(|dialect| dialect.own_path(path) == Some(path))
    }

    /// The API in which its models are usually asked.
    pub fn usual(&self) -> ApiId {
        self.apis.first().map_or(ApiId::OpenaiChat, |speaks| speaks.api)
    }

    /// What it is and where it is asked, in a line.
    pub fn told(&self) -> String {
        let paths: Vec<&str> = self.apis.iter().flat_map(|speaks| &speaks.paths.at).map(String::as_str).collect();
        format!("any answer as {} gives it, at {}", self.vendor, paths.join(", "))
    }
}

fn known(name: &str) -> Option<&'static Known> {
    let place = Vendor::names().position(|known| known == name)?;
    Some(KNOWN[place].get_or_init(|| {
        let (file, text) = FILES[place];
        let file = SourceFile::new(format!("src/vendors/{file}"), text);
        let vendor: &'static Vendor = Box::leak(Box::new(Vendor::parse(file).expect("a test loads the vendors")));
        Known { vendor, dialects: vendor.apis.iter().filter_map(Dialect::new).collect() }
    }))
}

/// An API as a vendor speaks it; `None` where that is as in the API itself.
pub(super) fn spoken_by(vendor: &str, api: ApiId) -> Option<&'static dyn Api> {
    let dialect = known(vendor)?.dialects.iter().find(|dialect| dialect.id() == api)?;
    Some(dialect)
}

/// The API of a vendor whose requests are posted to `path` (query removed), where the path is no API's own.
pub(super) fn of_path(path: &str) -> Option<&'static dyn Api> {
    let dialects = Vendor::names().filter_map(known).flat_map(|known| &known.dialects);
    dialects.map(|dialect| dialect as &dyn Api).find(|dialect| dialect.own_path(path).is_some())
}
