//! The files of recorders.

use std::path::{Path, PathBuf};

use crossfade::diagnostic::Diagnostic;
use crossfade::import::{Imported, Options, Reading, Source, import, read};
use crossfade::redact::Redactor;

/// A line of the index.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) file: String,
    pub(crate) provider: String,
    pub(crate) published: String,
    pub(crate) interactions: usize,
    path: PathBuf,
    pub(crate) format: String,
}

/// The index of a folder.
pub(crate) fn index(folder: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index is readable");
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().expect("the index has a head");
    let row = |cells: Vec<&str>| {
        let cell = |name: &str| head.iter().position(|own| *own == name).map_or("", |at| cells[at]).to_owned();
        Row {
            path: folder.join(cell("file")),
            file: cell("file"),
            provider: cell("provider"),
            format: cell("format"),
            published: format!("{}:{}", cell("repo"), cell("path")),
            interactions: cell("interactions").parse().expect("a number of interactions"),
        }
    };
    lines.map(row).collect()
}

impl Row {
    /// The exchanges of the file, as the importer reads them.
    pub(crate) fn read(&self) -> Result<Reading, Diagnostic> {
        read(self.source(&|name| self.beside(name)), None)
    }

    /// The cassettes that the importer makes of it.
    pub(crate) fn import(&self, redactor: &Redactor) -> Result<Imported, Diagnostic> {
        let options = Options { format: None, api: None, date: "2026-01-01".to_owned(), redactor };
        import(self.source(&|name| self.beside(name)), &options)
    }

    fn source<'a>(&'a self, beside: &'a dyn Fn(&str) -> Result<Vec<u8>, String>) -> Source<'a> {
        Source { name: &self.file, origin: &self.published, bytes: self.bytes(), beside }
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).expect("a file of the index is readable")
    }

    /// The answer of a mapping, which lies in a file of its own.
    fn beside(&self, name: &str) -> Result<Vec<u8>, String> {
        let folder = self.path.parent().and_then(Path::parent).expect("a mapping lies in a folder of mappings");
        std::fs::read(folder.join("__files").join(name)).map_err(|error| error.to_string())
    }
}
