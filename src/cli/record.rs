//! `crossfade record`: cassettes of a real provider.

use super::args::{RecordArgs, RecordMode};
use super::files::Place;
use super::signals::signals;
use super::{Failure, block_on_one, clock, print};
use crate::config::FILE_NAME;
use crate::record::{Front, Keeping, Mode, News, OpenError, RecordConfig, RecordError, Recorder, Upstream};
use crate::redact::Redactor;
use crate::runner::Exit;

/// Records until it is stopped.
pub(super) fn record(args: &RecordArgs) -> Result<Exit, Failure> {
    let place = Place::find()?;
    let redactor = Redactor::new(&place.config.redact)
        .map_err(|wrong| Failure::file(FILE_NAME, format!("`redact.{}`: {wrong}", wrong.list)))?;
    let config = RecordConfig {
        upstream: args.upstream.clone(),
        ca: args.ca.clone(),
        http1: args.http1,
        port: args.port,
        front: Front::default(),
    };
    let keeping =
        Keeping { out: args.out.clone(), depth: 0, leg: None, mode: args.mode.into(), redactor, date: clock::date() };
    block_on_one(async {
        let stop = signals();
        let recorder = Recorder::bind(config).await?;
        recorder.desk().begin(keeping)?;
        print(&greeting(args, &recorder.base_url()));
        recorder.run(stop, |news| tell(&news)).await;
        // There is no other end to it: whoever ends it has what was wanted.
        Ok(Exit::AsExpected)
    })?
}

/// What is recorded, and how a client is pointed at it.
fn greeting(args: &RecordArgs, url: &str) -> String {
    let RecordArgs { upstream, out, .. } = args;
    let v1 = if in_version(upstream) { "" } else { "/v1" };
    format!(
        "recording {upstream} into {}\nclients ask, with their own keys, at {url}\n  \
         OPENAI_BASE_URL={url}{v1}\n  ANTHROPIC_BASE_URL={url}\nCtrl-C ends it\n",
        out.display()
    )
}

/// Whether the base URL holds the version that clients of OpenAI have in theirs.
fn in_version(upstream: &Upstream) -> bool {
    upstream.to_string().ends_with("/v1")
}

fn tell(news: &News) {
    match news {
        News::Kept { file, what } => print(&format!("{}  {what}\n", file.display())),
        News::Played { asked } => log::info!("{asked}: played from a recording"),
        News::Passed { asked } => {
            log::warn!("{asked} passes through and is not recorded: no API that Crossfade speaks");
        }
        News::NotKept { asked, why } => log::warn!("{asked} is not recorded: {why}"),
    }
}

impl From<RecordMode> for Mode {
    fn from(mode: RecordMode) -> Self {
        match mode {
            RecordMode::New => Self::New,
            RecordMode::Missing => Self::Missing,
            RecordMode::All => Self::All,
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Load(error) => Self::load(&[*error], false),
            OpenError::Exists { .. } => Self::usage(error),
            OpenError::Io { .. } => Self { exit: Exit::Load, text: format!("error: {error}\n") },
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Trust(_) => Self::usage(error),
            RecordError::Bind { .. } => Self { exit: Exit::ProxyDown, text: format!("error: {error}\n") },
        }
    }
}
