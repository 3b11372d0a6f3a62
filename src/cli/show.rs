//! `crossfade show` and `crossfade explain`.

use super::args::Shown;
use super::{Failure, print};
use crate::runner::Exit;

pub(super) fn show(_what: Shown) -> Result<Exit, Failure> {
    print("");
    Ok(Exit::AsExpected)
}

pub(super) fn explain(_id: &str) -> Result<Exit, Failure> {
    Ok(Exit::AsExpected)
}
