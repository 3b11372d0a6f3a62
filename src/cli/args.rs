//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::record::Upstream;

/// What the program says of its exit codes.
const EXIT_CODES: &str = "Exit codes:
  0    all as expected
  1    an unexpected failure, a changed snapshot, or a stale baseline entry
  2    the command line makes no sense
  3    a file does not load
  4    nothing was judged
  5    inconclusive: the harness could not tell
  6    the proxy could not be installed, started or reached, or died
  130  interrupted";

/// A record-and-replay conformance harness for LLM proxies.
#[derive(Debug, Parser)]
#[command(name = "crossfade", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(super) struct Cli {
    /// Log errors only, and show no progress.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Log steps; twice: everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios against a proxy and judge what it did; without arguments the bundled suite on `builtin`.
    Run(Box<RunArgs>),
    /// Draw cases, judge what a proxy does with them, and write a short scenario for each failure found.
    Explore(Box<ExploreArgs>),
    /// List the cases that would run.
    List(Box<ListArgs>),
    /// Load files and say what is wrong with them; run nothing.
    Lint(LintArgs),
    /// Serve the fake legs alone, for any client.
    Serve(ServeArgs),
    /// Record a provider: a proxy on loopback that hands everything on and writes what it saw as cassettes.
    Record(RecordArgs),
    /// Set up one case, wait for Enter, then fire the client; without time limits.
    Hold(Box<HoldArgs>),
    /// Say what changed between two proxies, versions or reports: verdicts, and requests to the legs.
    Compare(Box<CompareArgs>),
    /// Judge a kept history again.
    Judge(JudgeArgs),
    /// Look at pending snapshots and accept or reject each.
    Review(SnapshotArgs),
    /// Accept pending snapshots.
    Accept(SnapshotArgs),
    /// Reject pending snapshots.
    Reject(SnapshotArgs),
    /// Write a scenario to begin with.
    New(NewArgs),
    /// Write a `crossfade.yaml` to begin with.
    Init,
    /// Write a cassette from an answer script.
    Synth(Box<SynthArgs>),
    /// Read, compare and verify cassettes.
    #[command(subcommand)]
    Cassette(CassetteCommand),
    /// Make cassettes of recordings in other formats: VCR, HAR, nock, go-vcr, WireMock, mitmproxy and more.
    Import(Box<ImportArgs>),
    /// Show what there is.
    Show {
        /// Of what.
        #[arg(value_enum)]
        what: Shown,
        /// As a page in Markdown (`checks` only).
        #[arg(long)]
        markdown: bool,
    },
    /// Explain a check, a rejection rule, a defect or an exit code.
    Explain {
        /// Its id.
        id: String,
    },
    /// Work on JSON reports.
    #[command(subcommand)]
    Report(ReportCommand),
    /// Try rejection rules on a request.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Install or start a proxy.
    #[command(subcommand)]
    Proxy(ProxyCommand),
    /// Print a JSON schema.
    Schema {
        /// Of which files.
        #[arg(value_enum)]
        kind: SchemaKind,
    },
}

/// The proxy, and how it is asked.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Proxy")]
pub(super) struct ProxyArgs {
    /// Profile that lends a running proxy its endpoints and policy.
    #[arg(long = "as", value_name = "PROFILE")]
    pub(super) lent: Option<String>,
    /// Start this program.
    #[arg(long, value_name = "PATH", conflicts_with = "from")]
    pub(super) bin: Option<PathBuf>,
    /// Key that the client presents to a running proxy.
    #[arg(long, value_name = "KEY")]
    pub(super) client_key: Option<String>,
    /// Model under which a running proxy asks the fallback alone.
    #[arg(long, value_name = "MODEL")]
    pub(super) control_model: Option<String>,
    /// Break the reference proxy in one way (`builtin` only; may be repeated).
    #[arg(long, value_name = "NAME")]
    pub(super) defect: Vec<String>,
    /// Start the proxy from this checkout.
    #[arg(long, value_name = "PATH")]
    pub(super) from: Option<PathBuf>,
    /// Header that the client sends to a running proxy, `NAME: VALUE` (may be repeated).
    #[arg(long, value_name = "HEADER")]
    pub(super) header: Vec<String>,
    /// Where the legs listen for a running proxy.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<String>,
    /// Model that the client names to a running proxy.
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<String>,
    /// What the reference proxy promises and keeps: KEY=VALUE, or `error`, `continue_user`, `continue_prefill`,
    /// `buffer_all` for what it does when a stream breaks after content (`builtin` only; may be repeated).
    #[arg(long, value_name = "POLICY")]
    pub(super) policy: Vec<String>,
    /// The proxy: NAME, NAME@VERSION, the URL of one that runs, or for `run` `all`: each that is there.
    #[arg(long, value_name = "PROXY")]
    pub(super) proxy: Option<String>,
}

/// Which cases.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct SelectArgs {
    /// Scenario files, folders, one case of a file (`my-bug.yaml[close]`), or names of bundled scenarios or cases.
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<String>,
    /// Only cases whose id contains this, or matches it with `*` and `?` (may be repeated).
    #[arg(long, value_name = "PATTERN", help_heading = "Selection")]
    pub(super) filter: Vec<String>,
}

/// `crossfade run`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,
    /// File of the verdicts that are known to fail.
    #[arg(long, value_name = "FILE", help_heading = "Judgement")]
    pub(super) baseline: Option<PathBuf>,
    /// Bring the baseline up to this run: stale entries go, each new failure gets an entry, reasons stay.
    #[arg(long, help_heading = "Judgement")]
    pub(super) update_baseline: bool,
    /// Fail by new failures only: what failed in this report (of the main branch, say) is known.
    #[arg(long, value_name = "REPORT.json", help_heading = "Judgement")]
    pub(super) new_only: Option<PathBuf>,
    /// Treat warnings as failures.
    #[arg(long, help_heading = "Judgement")]
    pub(super) strict: bool,
    /// Sub-folder of the snapshots.
    #[arg(long, value_name = "NAME", help_heading = "Judgement")]
    pub(super) snapshots: Option<String>,
    /// Cases at a time, at most.
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) jobs: Option<u32>,
    /// Run one shard: `slice:1/4` is the first of four. Scenarios stay whole; `crossfade report merge` joins the reports.
    #[arg(long, value_name = "slice:M/N", help_heading = "Run")]
    pub(super) partition: Option<crate::runner::Partition>,
    /// Seed of every word, as the first line of a run shows it.
    #[arg(long, value_name = "HEX", help_heading = "Run", value_parser = hex)]
    pub(super) seed: Option<u64>,
    /// Limit of one exchange of the client, like `30s`.
    #[arg(long, value_name = "TIME", help_heading = "Run")]
    pub(super) time_limit: Option<crate::scenario::Millis>,
    #[command(flatten)]
    pub(super) recording: RecordingArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Keep every case's folder, not only those of failures.
    #[arg(long, help_heading = "Output")]
    pub(super) keep: bool,
    /// What is known to fail where no file says it.
    #[arg(skip)]
    pub(super) known: Option<crate::baseline::Baseline>,
}

/// Real providers in the place of legs.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Recording")]
pub(super) struct RecordingArgs {
    /// Record into this folder what real providers answer in the place of legs; nothing is judged. Faults of those legs
    /// are left out, other legs stay fakes.
    #[arg(long, value_name = "FOLDER", requires = "upstream", conflicts_with_all = JUDGING)]
    pub(super) record: Option<PathBuf>,
    /// What becomes of recordings that are there: `new` (or left out) wants none, `missing` plays them and records the
    /// rest, `all` records anew.
    #[arg(long, value_enum, value_name = "MODE", requires = "record", hide_possible_values = true)]
    pub(super) record_mode: Option<RecordMode>,
    /// Base URL of the provider in the place of a leg (may be repeated).
    #[arg(long, value_name = "LEG=URL", requires = "record", value_parser = of_leg::<Upstream>)]
    pub(super) upstream: Vec<(String, Upstream)>,
    /// Certificate authorities (PEM) to trust in the place of the system's.
    #[arg(long, value_name = "FILE", requires = "record")]
    pub(super) upstream_ca: Option<PathBuf>,
    /// Environment variable with the provider's key: it replaces the made-up key of the proxy on the way out, and no
    /// file gets it (may be repeated).
    #[arg(long, value_name = "LEG=VARIABLE", requires = "record", value_parser = of_leg::<String>)]
    pub(super) upstream_key: Vec<(String, String)>,
}

/// Options of judgement and its reports.
const JUDGING: [&str; 12] = [
    "baseline",
    "update_baseline",
    "new_only",
    "strict",
    "snapshots",
    "partition",
    "jobs",
    "json",
    "html",
    "junit",
    "markdown",
    "keep",
];

/// `LEG=VALUE`.
fn of_leg<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(String, T), String> {
    let (leg, value) = text.split_once('=').ok_or("it is written LEG=VALUE, like `primary=...`")?;
    Ok((leg.to_owned(), value.parse().map_err(|error: T::Err| error.to_string())?))
}

/// Where reports go. On GitHub Actions annotations and a job summary are written as well.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Write the report for programs to this file (`-` for stdout, which moves the other report to stderr).
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Write the report as one HTML file: every case opens, with its timeline and what was on the wire.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
    /// Write the report as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,
    /// Write the report in Markdown, for a comment on a pull request.
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,
}

/// `crossfade report`.
#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// Join the reports of a run's shards, and exit as the whole run would have.
    Merge {
        /// JSON reports of the shards.
        #[arg(value_name = "REPORT.json", required = true)]
        reports: Vec<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Write one HTML page of the reports of several proxies: proxies and checks, and every case of each.
    ///
    /// A case opens as far as its folder is still kept (`run --keep` keeps all of them).
    Html {
        /// JSON reports, one for each proxy.
        #[arg(value_name = "REPORT.json", required = true)]
        reports: Vec<PathBuf>,
        /// The page.
        #[arg(long, value_name = "FILE", default_value = "crossfade.html")]
        out: PathBuf,
    },
}

/// `crossfade explore`.
///
/// Draws conversations, answers, failures and framings, plays each case on one start of the proxy, and judges it by the
/// checks that always hold. What fails is made smaller as long as it fails in the same way, and written as a scenario.
/// The same seed gives the same cases, findings and files.
#[derive(Args, Clone, Debug)]
pub(super) struct ExploreArgs {
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,
    /// Cases to draw.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) cases: u32,
    /// Seed of every draw and every word, as the first line shows it; left out: a random one.
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub(super) seed: Option<u64>,
    /// Cases at a time, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) jobs: Option<u32>,
    /// Limit of one exchange of the client; left out: `10s`.
    #[arg(long, value_name = "TIME")]
    pub(super) time_limit: Option<crate::scenario::Millis>,
    /// Treat warnings as failures.
    #[arg(long)]
    pub(super) strict: bool,
    /// Draw no more cases once so many failed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_fail: Option<u32>,
    /// Folder for the scenarios of what is found; made if something is.
    #[arg(long, value_name = "FOLDER", default_value = "found", help_heading = "Output")]
    pub(super) out: PathBuf,
    /// Write the findings for programs to this file (`-` for stdout, instead of the other report).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) json: Option<PathBuf>,
}

/// `crossfade list`.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,
    /// Show the starts of the proxy that a run would take.
    #[arg(long)]
    pub(super) launches: bool,
}

/// `crossfade lint`.
#[derive(Args, Clone, Debug)]
pub(super) struct LintArgs {
    /// Scenario files and folders, cassettes, baselines, `crossfade.yaml`.
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
}

/// `crossfade serve`.
#[derive(Args, Clone, Debug)]
pub(super) struct ServeArgs {
    /// Scenario file, one case of it (`my-bug.yaml[close]`), or a bundled case; left out: every answer under every
    /// fault, at `/<answer>/...`, and as each vendor gives it at `/<vendor>/<answer>/...`.
    pub(super) scenario: Option<String>,
    /// Only the case with this id.
    #[arg(long, value_name = "PATTERN")]
    pub(super) filter: Vec<String>,
    /// Port to listen on; left out: a free one.
    #[arg(long, default_value_t = 0)]
    pub(super) port: u16,
    /// Refuse requests that do not present this key, as the vendor does; left out: any or none will do.
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// Speak TLS, under an authority that is made for this run.
    #[arg(long)]
    pub(super) tls: bool,
    /// Where the authority's certificate is written, for clients that are to trust it; left out: a temporary file.
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(super) ca: Option<PathBuf>,
    /// Speak HTTP/2 and nothing else: with `--tls` by ALPN, else by prior knowledge.
    #[arg(long)]
    pub(super) http2: bool,
    /// Seed of every word.
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub(super) seed: Option<u64>,
}

/// `crossfade record`.
#[derive(Args, Clone, Debug)]
pub(super) struct RecordArgs {
    /// Base URL of the provider; nothing is ever forwarded anywhere else.
    #[arg(long, value_name = "URL")]
    pub(super) upstream: Upstream,
    /// Folder for a file of each exchange, or a file (`*.yaml`) for all of them.
    #[arg(long, value_name = "PATH")]
    pub(super) out: PathBuf,
    /// What becomes of recordings that are there.
    #[arg(long, value_enum, default_value_t = RecordMode::New)]
    pub(super) mode: RecordMode,
    /// Port on loopback; left out: a free one.
    #[arg(long, default_value_t = 0)]
    pub(super) port: u16,
    /// Certificate authorities (PEM) to trust in the place of the system's.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// Ask the provider for HTTP/1.1, even where it would speak HTTP/2: keeps header names as they are spelled.
    #[arg(long)]
    pub(super) http1: bool,
}

/// What becomes of recordings that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RecordMode {
    /// There must be none.
    New,
    /// They are played to whoever asks the same; the rest is recorded.
    Missing,
    /// They are recorded anew.
    All,
}

/// `crossfade hold`.
#[derive(Args, Clone, Debug)]
pub(super) struct HoldArgs {
    /// Scenario file, one case of it (`my-bug.yaml[close]`), or a bundled case.
    #[arg(value_name = "CASE")]
    pub(super) case: String,
    /// Only the case with this id.
    #[arg(long, value_name = "PATTERN", help_heading = "Selection")]
    pub(super) filter: Vec<String>,
    #[command(flatten)]
    pub(super) proxy: ProxyArgs,
}

/// What `compare` says of its exit codes.
const COMPARE_EXIT_CODES: &str = "Exit codes:
  0  nothing fails on B that did not fail on A
  1  something does
  2  the command line makes no sense
  3  a file does not load
  6  a proxy could not be installed, started or reached";

/// `crossfade compare`.
///
/// A and B are proxies as `--proxy` names them (`litellm@1.84.0`), on which the same cases are run with the same words,
/// or reports that `run --json` wrote. No accepted file is needed.
#[derive(Args, Clone, Debug)]
#[command(after_help = COMPARE_EXIT_CODES)]
pub(super) struct CompareArgs {
    /// The proxy or report before.
    #[arg(value_name = "A")]
    pub(super) from: String,
    /// The proxy or report after.
    #[arg(value_name = "B")]
    pub(super) to: String,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Cases at a time, at most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) jobs: Option<u32>,
    /// Seed of every word.
    #[arg(long, value_name = "HEX", value_parser = hex)]
    pub(super) seed: Option<u64>,
    /// Write the comparison for programs to this file (`-` for stdout, instead of the other).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) json: Option<PathBuf>,
    /// Write the comparison in Markdown, for a comment on a pull request.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) markdown: Option<PathBuf>,
}

/// `crossfade judge`.
#[derive(Args, Clone, Debug)]
pub(super) struct JudgeArgs {
    /// `history.json`, or the folder that holds it.
    pub(super) history: PathBuf,
    /// Treat warnings as failures.
    #[arg(long)]
    pub(super) strict: bool,
}

/// `crossfade review`, `accept` and `reject`.
#[derive(Args, Clone, Debug)]
pub(super) struct SnapshotArgs {
    /// Folders to look in, or snapshot files; left out: this folder.
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
}

/// `crossfade new`.
#[derive(Args, Clone, Debug)]
pub(super) struct NewArgs {
    /// Name of the scenario; the file is NAME.yaml.
    pub(super) name: String,
    /// API that the client speaks; left out: `openai-chat`.
    #[arg(long, value_name = "API", conflicts_with = "like")]
    pub(super) client: Option<crate::api::ApiId>,
    /// Words of the answer after which the first leg breaks; left out: 5.
    #[arg(long, value_name = "N", conflicts_with = "like", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) breaks_after: Option<u32>,
    /// How it breaks (`crossfade show faults`); left out: in four ways, a case for each.
    #[arg(long, value_name = "EFFECT", conflicts_with = "like")]
    pub(super) by: Option<String>,
    /// Begin with a copy of this bundled scenario.
    #[arg(long, value_name = "SCENARIO")]
    pub(super) like: Option<String>,
}

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
pub(super) struct SynthArgs {
    /// File of an answer script, or the name of a bundled answer (`crossfade show answers`).
    #[arg(value_name = "ANSWER")]
    pub(super) answer: String,
    /// API that is spoken; left out: the vendor's.
    #[arg(long, value_name = "API")]
    pub(super) api: Option<crate::api::ApiId>,
    /// Who answers: VENDOR/MODEL; left out: the usual model of the API.
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<crate::api::ModelName>,
    /// Time before each event, like `20ms`; left out: none is told.
    #[arg(long, value_name = "TIME")]
    pub(super) pace: Option<crate::scenario::Millis>,
    /// Answer with one body, to a request that asks for no stream.
    #[arg(long)]
    pub(super) unary: bool,
    /// Seed of every word and id.
    #[arg(long, value_name = "HEX", default_value = "0", value_parser = hex)]
    pub(super) seed: u64,
    /// File to write, in a folder that is made if need be; left out: stdout.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(super) out: Option<PathBuf>,
    /// Overwrite the file if it is there.
    #[arg(long, requires = "out", help_heading = "Output")]
    pub(super) force: bool,
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
pub(super) enum CassetteCommand {
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
pub(super) struct VerifyArgs {
    /// Cassettes, and folders of them.
    #[arg(value_name = "PATH", required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// Oldest that a recording may be, like `180d` or `26w`; what was made from a script does not age.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(super) max_age: Option<i64>,
    /// Find cassettes that no scenario uses: of the paths given with `--scenarios`, else of `crossfade.yaml`.
    #[arg(long)]
    pub(super) unused: bool,
    /// Scenario files and folders that may use the cassettes (may be repeated).
    #[arg(long, value_name = "PATH", requires = "unused")]
    pub(super) scenarios: Vec<PathBuf>,
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
pub(super) struct ImportArgs {
    /// Recordings, or folders of them.
    #[arg(value_name = "FILE|FOLDER", required = true)]
    pub(super) paths: Vec<PathBuf>,
    /// File to write, or the folder for several; it is made if need be.
    #[arg(long, value_name = "PATH")]
    pub(super) out: PathBuf,
    /// Format of the recordings; left out: told by what they hold.
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<crate::import::Format>,
    /// API of every request that was posted; left out: told by its path, or by the answer where there is no request.
    #[arg(long, value_name = "API")]
    pub(super) api: Option<crate::api::ApiId>,
    /// Overwrite files that are there.
    #[arg(long)]
    pub(super) force: bool,
}

/// `crossfade show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shown {
    /// Bundled answers and cassettes.
    Answers,
    /// Effects of a cut, and its positions.
    Faults,
    /// Checks, with their levels and requirements.
    Checks,
    /// Rejection rules.
    Rules,
    /// Defects of the reference proxy (`--defect`).
    Defects,
    /// Profiles of proxies, and what is installed.
    Proxies,
}

/// What `rules try` says of its exit codes.
const TRY_EXIT_CODES: &str = "Exit codes:
  0  no rule refuses the request
  1  it is refused
  2  the command line makes no sense
  3  a file does not load";

/// `crossfade rules`.
#[derive(Debug, Subcommand)]
pub(super) enum RulesCommand {
    /// Say which rules would refuse a request: each with its status, body, evidence, and the place in the request.
    ///
    /// The rules are the bundled ones, with what `crossfade.yaml` adds and switches.
    #[command(after_help = TRY_EXIT_CODES)]
    Try(TryArgs),
}

/// `crossfade rules try`.
#[derive(Args, Clone, Debug)]
pub(super) struct TryArgs {
    /// File of the request's body (`-` for stdin).
    #[arg(value_name = "REQUEST.json")]
    pub(super) request: PathBuf,
    /// Whom it is sent to: VENDOR/MODEL.
    #[arg(long, value_name = "MODEL")]
    pub(super) model: crate::api::ModelName,
    /// Header of the request, `NAME: VALUE` (may be repeated); left out: the ones that clients of the API send.
    #[arg(long, value_name = "HEADER")]
    pub(super) header: Vec<String>,
    /// API that it is written in; left out: the vendor's.
    #[arg(long, value_name = "API")]
    pub(super) api: Option<crate::api::ApiId>,
}

/// `crossfade proxy`.
#[derive(Debug, Subcommand)]
pub(super) enum ProxyCommand {
    /// Install a proxy, pinned, in `$CROSSFADE_HOME`.
    Install {
        /// NAME or NAME@VERSION.
        proxy: String,
    },
    /// Start a proxy alone with a configuration of your own.
    Start {
        /// NAME or NAME@VERSION.
        proxy: String,
        /// Its configuration, taken as it is.
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Port to listen on; left out: a free one.
        #[arg(long)]
        port: Option<u16>,
    },
}

/// Kinds of files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaKind {
    /// Answers.
    Answer,
    /// Baselines.
    Baseline,
    /// Cassettes.
    Cassette,
    /// `crossfade.yaml`.
    Config,
    /// Profiles.
    Profile,
    /// The JSON report.
    Report,
    /// Rejection rules.
    Rules,
    /// Scenarios.
    Scenario,
    /// Vendors.
    Vendor,
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

fn hex(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| "a seed is a hexadecimal number".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
