//! Each defect does what its name says, and nothing else.

mod answer;
mod error;
mod lifecycle;
mod request;
mod routing;
mod seam;

use super::bench::*;
use crate::builtin::{Config, Defect};

const LOST: &str = "The connection to the upstream model broke.";

/// One defect over two legs of the client's own API.
async fn legs(api: crate::api::ApiId, defect: Defect, primary: Play, fallback: Play) -> Bench {
    configured(api, defect, vec![primary], vec![fallback], |_| ()).await
}

async fn configured(
    api: crate::api::ApiId,
    defect: Defect,
    primary: Vec<Play>,
    fallback: Vec<Play>,
    edit: impl FnOnce(&mut Config),
) -> Bench {
    bench(api, (api, primary), (api, fallback), |config| {
        config.defects.insert(defect);
        edit(config);
    })
    .await
}

/// A stream that breaks after three words, and a fallback that could go on.
async fn broken(defect: Defect, fallback: Play) -> Bench {
    legs(MESSAGES, defect, Play::Words(&["one", " two", " three"], Then::Close), fallback).await
}

fn rest() -> Play {
    Play::Words(&[" four", " five"], Then::Finish)
}

fn well() -> Play {
    Play::Words(&["all", " well"], Then::Finish)
}

/// How often the legs were asked.
fn asked(bench: &Bench) -> (usize, usize) {
    (bench.primary.seen().len(), bench.fallback.seen().len())
}
