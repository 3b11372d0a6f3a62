//! `crossfade synth`: a cassette from an answer script.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::args::SynthArgs;
use super::{Failure, clock, print};
use crate::answer::{AnswerScript, Lexicon, Library, Lookup, Synthesis, load, speak};
use crate::api::{ApiId, ModelName};
use crate::cassette::{SCHEMA, load_text, save_below};
use crate::runner::Exit;
use crate::scenario::default_model;
use crate::schema;

/// Writes a cassette, to a file that was not there or to stdout.
pub(super) fn synth(args: &SynthArgs) -> Result<Exit, Failure> {
    let script = script(&args.answer)?;
    let (id, model) = asked(args)?;
    let Some(api) = id.spoken() else { return Err(Failure::usage(format!("`{id}` is not spoken yet"))) };
    let spoken = speak(&script, Lexicon::new(args.seed).voice(0), &[], args.seed);
    let cassette = Synthesis {
        api,
        model: &model.model,
        spoken: &spoken,
        stream: !args.unary,
        pace: args.pace,
        summary: script.summary.clone(),
        source: &args.answer,
        date: &clock::date(),
        seed: args.seed,
    }
    .cassette();
    let text = save_below(&cassette, 0);
    let Some(out) = &args.out else {
        print(&text);
        return Ok(Exit::AsExpected);
    };
    let name = out.display().to_string();
    // What is written loads: an answer may be longer than a cassette.
    load_text(&name, &text).map_err(|error| Failure::load(&[error], false))?;
    write(out, &text, args.force)?;
    let chunks = cassette.exchanges.iter().map(|exchange| exchange.response.chunks.len()).sum::<usize>();
    let what = if args.unary { "one body".to_owned() } else { format!("{chunks} events") };
    print(&format!("wrote {name}: {what} of {model} in {id}\nreplay it: `answer: {{cassette: {name}}}` in a leg\n"));
    Ok(Exit::AsExpected)
}

/// The script: a file, else a bundled one.
fn script(name: &str) -> Result<AnswerScript, Failure> {
    let path = Path::new(name);
    if path.exists() {
        return load(path).map_err(|error| Failure::load(&[error], false));
    }
    Library::bundled().answer(name).map(|script| (*script).clone()).map_err(|error| match error {
        Lookup::Broken(error) => Failure::load(&[error], false),
        Lookup::Missing { .. } if path.extension().is_some() => {
            Failure::file(name, "there is no such file; `crossfade show answers` lists the bundled answers")
        }
        Lookup::Missing { message, help } => {
            let help = help.unwrap_or_else(|| "`crossfade show answers` lists them".to_owned());
            Failure::usage(format!("{message}; {help}"))
        }
    })
}

/// API and model: each tells the other where it is left out.
fn asked(args: &SynthArgs) -> Result<(ApiId, ModelName), Failure> {
    match (args.api, &args.model) {
        (Some(api), Some(model)) => Ok((api, model.clone())),
        (api, None) => {
            let api = api.unwrap_or(ApiId::OpenaiChat);
            Ok((api, default_model(api)))
        }
        (None, Some(model)) => {
            let api = ApiId::of_vendor(&model.vendor, ApiId::OpenaiChat).ok_or_else(|| {
                let message = format!("no API is known for the vendor `{}`; say it with `--api`", model.vendor);
                Failure::usage(format!("{message}, for example `--api openai-chat`"))
            })?;
            Ok((api, model.clone()))
        }
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let fail = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::usage(format!("{} is there already; `--force` overwrites it", path.display()))
        }
        _ => Failure::file(&path.display().to_string(), error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let mut options = OpenOptions::new();
    options.write(true);
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(fail)?;
    let schema = serde_json::to_string_pretty(&schema::cassette()).unwrap_or_default() + "\n";
    match OpenOptions::new().write(true).create_new(true).open(folder.join(SCHEMA)) {
        Ok(mut file) => file.write_all(schema.as_bytes()).map_err(fail),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(fail(error)),
    }
}
