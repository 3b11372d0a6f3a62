//! The folder of a run, below `.crossfade/runs/`.

use std::path::{Path, PathBuf};

use super::files::Place;
use super::{Failure, clock};
use crate::runner;

/// The folder of a run; removed again when nothing in it is worth keeping.
pub(super) struct RunFolder {
    pub(super) path: PathBuf,
    parent: PathBuf,
}

impl RunFolder {
    /// Makes it below `.crossfade/runs/` beside `crossfade.yaml`, or where files can be written.
    pub(super) fn make(place: &Place) -> Result<Self, Failure> {
        let parent = place.root.join(".crossfade");
        let name = clock::stamp();
        if let Ok(path) = runner::new_run(&parent.join("runs"), &name) {
            return Ok(Self { path, parent });
        }
        let parent = std::env::temp_dir().join("crossfade");
        let path = runner::new_run(&parent.join("runs"), &name);
        let path = path.map_err(|error| Failure::file("a folder for the run", error))?;
        Ok(Self { path, parent })
    }

    /// Removes the folders of launches: what matters of them was kept with the cases.
    pub(super) fn remove_launches(&self) {
        for entry in std::fs::read_dir(&self.path).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("launch-") {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }

    /// Removes it, and the folders above it that are empty now.
    pub(super) fn remove(&self) {
        let _ = std::fs::remove_dir_all(&self.path);
        if std::fs::remove_dir(self.parent.join("runs")).is_ok() {
            let _ = std::fs::remove_file(self.parent.join(".gitignore"));
            let _ = std::fs::remove_dir(&self.parent);
        }
    }
}

/// The path as seen from the working folder, where it lies below it.
pub(super) fn shortened(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).map_or_else(|_| path.to_owned(), Path::to_path_buf)
}
