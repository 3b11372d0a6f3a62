//! `crossfade explain`.

use std::fmt::Write as _;

use super::level;
use crate::builtin::Defect;
use crate::check;
use crate::cli::files::Place;
use crate::cli::{Failure, print, rules};
use crate::diagnostic::did_you_mean;
use crate::runner::Exit;

/// Explains a check, a rejection rule, a defect or an exit code.
pub(in crate::cli) fn explain(id: &str) -> Result<Exit, Failure> {
    let book = Place::find()?.rules()?;
    let text = of_check(id).or_else(|| rules::explain(&book, id)).or_else(|| of_defect(id)).or_else(|| of_exit(id));
    if let Some(text) = text {
        print(&text);
        return Ok(Exit::AsExpected);
    }
    let rules = book.packs().into_iter().flat_map(|pack| pack.rules.iter().map(|rule| rule.id.as_str()));
    let known =
        check::CATALOGUE.iter().map(|info| info.id).chain(rules).chain(Defect::ALL.iter().map(|defect| defect.name()));
    let help = did_you_mean(id, known).map_or_else(
        || "`crossfade show checks`, `show rules` and `show defects` list what there is to explain".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    Err(Failure::usage(format!("nothing is called `{id}`; {help}")))
}

fn of_check(id: &str) -> Option<String> {
    let info = check::info(id)?;
    let mut text = format!("{} ({})\n\n{}\n\n", info.id, level(info.level), info.requirement);
    let _ = write!(text, "why     {}\npasses  {}\nfails   {}\n", info.rationale, info.passes, info.fails);
    for source in info.sources {
        let _ = writeln!(text, "source  {source}");
    }
    let defects: Vec<_> =
        Defect::ALL.iter().filter(|defect| defect.fails().contains(&id)).map(|defect| defect.name()).collect();
    if !defects.is_empty() {
        let _ = writeln!(text, "shown   crossfade run --proxy builtin --defect {}", defects.join(" | "));
    }
    Some(text)
}

fn of_defect(id: &str) -> Option<String> {
    let defect: Defect = id.parse().ok()?;
    let mut text = format!("{id} (a defect of the reference proxy)\n\n{}\n\n", defect.summary());
    let _ = writeln!(text, "fails   {}", defect.fails().join(", "));
    let _ = writeln!(text, "shown   crossfade run --proxy builtin --policy {} --defect {id}", defect.policy());
    Some(text)
}

fn of_exit(id: &str) -> Option<String> {
    let code: u8 = id.parse().ok()?;
    let exit = Exit::BY_PRECEDENCE.into_iter().find(|exit| exit.code() == code)?;
    Some(format!("exit code {code}: {}\n", exit.meaning()))
}
