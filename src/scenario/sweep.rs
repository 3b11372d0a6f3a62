//! Sweeps: from one case to one for each point at which a leg's answer can be cut.

use super::fit::{Asked, extent, point};
use super::{Case, Cut, LegPlan, Play, ShapeLeg, Sweep, SweepPoint};
use crate::diagnostic::{quoted, suggestion};

/// Most points of one sweep.
const MOST_POINTS: u64 = 10_000;

/// What is wrong with a sweep: at which of its fields, what, and the way out.
#[derive(Debug)]
pub(super) struct Misuse {
    pub(super) field: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Misuse {
    fn new(field: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { field, message: message.into(), help: Some(help.into()) }
    }
}

/// The cases of a sweep, in the order of their points. Where the answer is not known yet, the case alone.
pub(super) fn expand(sweep: &Sweep, case: Case) -> Result<Vec<Case>, Misuse> {
    let (leg, turn, play) = swept(sweep, &case)?;
    let client = &case.steps[turn.0].client.conversation;
    if !client.stream && sweep.every == super::Every::Event {
        return Err(Misuse::new("every", "a unary answer has no events to count", "`every: byte`, or `stream: true`"));
    }
    let asked = Asked { tools: &client.tools, stream: client.stream, turn: turn.1 };
    let Some(most) = extent(&play, &leg, asked, sweep.every) else { return Ok(vec![case]) };
    let points = points(sweep, most)?;
    let (of, count) = (case.id(), points.len());
    let sweeping = |at: u64| {
        let mut case = case.clone();
        let name = format!("{}-{at}", sweep.every.name());
        case.name = if case.name.is_empty() { name } else { format!("{},{name}", case.name) };
        let point_of = SweepPoint { of: of.clone(), leg: leg.name.clone(), every: sweep.every, at, points: count };
        case.sweep = Some(point_of);
        // The same cut on the same answer moves wherever it stands: in each step and attempt that inherits it.
        let legs = case.steps.iter_mut().flat_map(|step| &mut step.legs).filter(|plan| plan.name == leg.name);
        for each in legs.flat_map(|plan| &mut plan.attempts) {
            if each.cut == play.cut && each.answer == play.answer {
                each.cut = play.cut.as_ref().map(|cut| Cut { at: point(sweep.every, at), by: cut.by.clone() });
            }
        }
        case
    };
    Ok(points.into_iter().map(sweeping).collect())
}

/// The leg whose cut moves, the step and attempt in which it is cut first, and what it plays there.
fn swept(sweep: &Sweep, case: &Case) -> Result<(ShapeLeg, (usize, usize), Play), Misuse> {
    let cut = |plan: &LegPlan| plan.attempts.iter().position(|play| play.cut.is_some() && play.status.is_none());
    let names = || case.shape.legs.iter().map(|leg| leg.name.as_str());
    if let Some(name) = &sweep.leg
        && !names().any(|leg| leg == name)
    {
        let help = suggestion(name, names());
        return Err(Misuse { field: "leg", message: format!("no leg is called {}", quoted(name)), help });
    }
    for leg in case.shape.legs.iter().filter(|leg| sweep.leg.as_ref().is_none_or(|name| *name == leg.name)) {
        for (index, step) in case.steps.iter().enumerate() {
            let Some(plan) = step.legs.iter().find(|plan| plan.name == leg.name) else { continue };
            if let Some(turn) = cut(plan) {
                return Ok((leg.clone(), (index, turn), plan.attempts[turn].clone()));
            }
        }
    }
    let message = match &sweep.leg {
        Some(leg) => format!("{} has no `cut` that a sweep could move", quoted(leg)),
        None => "no leg has a `cut` that a sweep could move".to_owned(),
    };
    Err(Misuse::new("", message, "give it one; its `at` may be left out: `cut: {by: close}`"))
}

fn points(sweep: &Sweep, most: u64) -> Result<Vec<u64>, Misuse> {
    let (from, step) = (sweep.from.unwrap_or(1), sweep.step.unwrap_or(1));
    let what = sweep.every.name();
    if from == 0 || step == 0 {
        let field = if from == 0 { "from" } else { "step" };
        return Err(Misuse::new(field, "a sweep counts from 1", "left out, it is 1"));
    }
    let to = sweep.to.unwrap_or(most);
    if to > most || from > to {
        let field = if from > to && sweep.to.is_none() || from > most { "from" } else { "to" };
        let message = if to > most || from > most {
            format!("the answer can be cut at {what} 1 to {most}")
        } else {
            format!("the sweep ends at {to}, before it begins at {from}")
        };
        return Err(Misuse::new(field, message, "left out, the whole answer is swept"));
    }
    if (to - from) / step >= MOST_POINTS {
        let message = format!("this sweep has more than {MOST_POINTS} points");
        return Err(Misuse::new("", message, "set `from` and `to`, a longer `step`, or take a shorter answer"));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    Ok((from..=to).step_by(step).collect())
}
