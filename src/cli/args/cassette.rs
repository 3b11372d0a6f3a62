//! `crossfade synth`, `cassette` and `import`: files of recordings.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{hex, values};

/// What `synth` says of its files.
const SYNTH_EXAMPLE: &str = "An answer script:
  summary: Text, then a call
  parts:
    - text: {words: 8}
    - text: {literal: 'and these words, {word} among them'}
    - tool_call: {name: get_weather, arguments: {city: '{word}'}}

  crossfade synth answer.yaml --model anthropic/claude-sonnet-4-6 --out cassettes/mine.yaml

`crossfade schema answer` has every key. In a scenario: `answer: {cassette: cassettes/mine.yaml}`.";

/// `crossfade synth`.
///
/// The cassette has the bytes that the vendor would send: ids, padding, an HTTP chunk for each event. The same script
/// and seed give the same bytes.
#[derive(Args, Clone, Debug)]
#[command(after_help = SYNTH_EXAMPLE)]
pub(in crate::cli) struct SynthArgs {
    /// File of an answer script, or the name of a bundled answer (`crossfade show answers`).
    #[arg(value_name = "ANSWER", value_parser = values::answer(), hide_possible_values = true)]
    pub(in crate::cli) answer: String,
    /// API that is spoken; left out: the vendor's.
    #[arg(long, value_name = "API", value_parser = values::api(), hide_possible_values = true)]
    pub(in crate::cli) api: Option<crate::api::ApiId>,
    /// Who answers: VENDOR/MODEL; left out: the usual model of the API.
    #[arg(long, value_name = "MODEL")]
    pub(in crate::cli) model: Option<crate::api::ModelName>,
    /// Time before each event, like `20ms`; left out: none is told.
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) pace: Option<crate::scenario::Millis>,
    /// Answer with one body, to a request that asks for no stream.
    #[arg(long)]
    pub(in crate::cli) unary: bool,
    /// Seed of every word and id.
    #[arg(long, value_name = "HEX", default_value = "0", value_parser = hex)]
    pub(in crate::cli) seed: u64,
    /// File to write, in a folder that is made if need be; left out: stdout.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Overwrite the file if it is there.
    #[arg(long, requires = "out", help_heading = "Output")]
    pub(in crate::cli) force: bool,
}

/// What `cassette verify` says of its exit codes.
const VERIFY_EXIT_CODES: &str = "Exit codes:
  0  every cassette is fit to be relied on
  1  one is not: a secret, a broken grammar, too old, unused
  2  the command line makes no sense
  3  a file does not load
  4  there is no cassette";

/// `crossfade cassette`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CassetteCommand {
    /// Show what was asked and answered, as a text to read.
    Show {
        /// A cassette.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Say what two cassettes say differently; exits 1 where there is something.
    ///
    /// Ids, and how text is cut into pieces, say nothing.
    Diff {
        /// A cassette.
        #[arg(value_name = "A")]
        left: PathBuf,
        /// Another.
        #[arg(value_name = "B")]
        right: PathBuf,
        /// Compare the borders of chunks and their times too.
        #[arg(long)]
        wire: bool,
    },
    /// Say whether cassettes load, hold no secret, keep to the grammar of their API, and are young enough.
    #[command(after_help = VERIFY_EXIT_CODES)]
    Verify(VerifyArgs),
}

/// `crossfade cassette verify`.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct VerifyArgs {
    /// Cassettes, and folders of them.
    #[arg(value_name = "PATH", required = true)]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// Oldest that a recording may be, like `180d` or `26w`; what was made from a script does not age.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(in crate::cli) max_age: Option<i64>,
    /// Find cassettes that no scenario uses: of the paths given with `--scenarios`, else of `crossfade.yaml`.
    #[arg(long)]
    pub(in crate::cli) unused: bool,
    /// Scenario files and folders that may use the cassettes (may be repeated).
    #[arg(long, value_name = "PATH", requires = "unused")]
    pub(in crate::cli) scenarios: Vec<PathBuf>,
}

/// What `import` says of its files.
const IMPORT_EXAMPLE: &str = "  crossfade import tests/cassettes/test_tools.yaml --out cassettes/tools.yaml
  crossfade import tests/cassettes spec/vcr --out cassettes/imported
  crossfade import capture.flow --format mitmproxy --out cassettes/captured.yaml

A cassette holds the exchanges of one file in one API; what its source no longer had of them (chunk borders, times,
bytes of parsed bodies) is listed under `provenance: lost:`. Credentials are taken out. In a scenario:
`answer: {cassette: cassettes/tools.yaml}`.";

/// `crossfade import`.
///
/// The format is told by what a file holds. Files of a folder that are no recordings are passed over.
#[derive(Args, Clone, Debug)]
#[command(after_help = IMPORT_EXAMPLE)]
pub(in crate::cli) struct ImportArgs {
    /// Recordings, or folders of them.
    #[arg(value_name = "FILE|FOLDER", required = true)]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// File to write, or the folder for several; it is made if need be.
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) out: PathBuf,
    /// Format of the recordings; left out: told by what they hold.
    #[arg(long, value_name = "FORMAT", value_parser = values::format(), hide_possible_values = true)]
    pub(in crate::cli) format: Option<crate::import::Format>,
    /// API of every request that was posted; left out: told by its path, or by the answer where there is no request.
    #[arg(long, value_name = "API", value_parser = values::api(), hide_possible_values = true)]
    pub(in crate::cli) api: Option<crate::api::ApiId>,
    /// Overwrite files that are there.
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

/// Days of an age.
fn age(text: &str) -> Result<i64, String> {
    let (count, unit) = text.split_at(text.len() - text.len().min(1));
    let days = match unit {
        "d" => 1,
        "w" => 7,
        _ => return Err("an age is a number of days or weeks, like `180d` or `26w`".to_owned()),
    };
    count.parse::<u32>().map(|count| i64::from(count) * days).map_err(|_| "an age begins with a number".to_owned())
}
