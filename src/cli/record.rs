//! `crossfade record`: cassettes of a real provider.

use super::args::{RecordArgs, RecordMode};
use super::files::Place;
use super::run::signals;
use super::{Failure, block_on_one, clock, print};
use crate::config::FILE_NAME;
use crate::record::{Mode, News, OpenError, RecordConfig, RecordError, Recorder, Upstream};
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
        out: args.out.clone(),
        mode: match args.mode {
            RecordMode::New => Mode::New,
            RecordMode::Missing => Mode::Missing,
            RecordMode::All => Mode::All,
        },
        redactor,
        date: clock::date(),
    };
    block_on_one(async {
        let stop = signals();
        let recorder = Recorder::bind(config).await?;
        print(&greeting(args, &recorder.base_url()));
        recorder.run(stop, |news| tell(&news)).await;
        Ok(Exit::Interrupted)
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

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Open(OpenError::Load(error)) => Self::load(&[*error], false),
            RecordError::Open(OpenError::Exists { .. }) | RecordError::Trust(_) => Self::usage(error),
            RecordError::Open(OpenError::Io { .. }) => Self { exit: Exit::Load, text: format!("error: {error}\n") },
            RecordError::Bind { .. } => Self { exit: Exit::ProxyDown, text: format!("error: {error}\n") },
        }
    }
}
