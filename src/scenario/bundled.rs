//! The scenarios that are embedded in the program.

/// Path below `scenarios/`, and text; sorted by path. A test compares this with the folder.
pub const BUNDLED: &[(&str, &str)] = &[];
