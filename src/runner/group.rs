//! Which starts of the proxy a run takes, and with which routes.
//!
//! Cases are grouped by what the proxy must be started with: settings and overlay. Inside a launch each shape is
//! rendered as often as it runs in parallel (its *slots*), and each target once alone (its *control* route).

use std::sync::Arc;

use serde_json::Value;

use crate::proxy::Remembers;
use crate::scenario::{Case, Settings, Shape, ShapeLeg, Toggle};

/// What the profile and the command line allow.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Name of the profile: picks the overlay.
    pub profile: String,
    /// Routes of one launch; `None` for any number.
    pub routes: Option<usize>,
    /// What the proxy remembers.
    pub remembers: Remembers,
    /// Slots of a shape, at most.
    pub slots: usize,
    /// Slots of a shape of which a leg is cut at many points, at most: its cases wait for silence side by side.
    pub sweep_slots: usize,
    /// Whether controls can be had.
    pub controls: bool,
}

/// One start of the proxy.
#[derive(Clone, Debug, PartialEq)]
pub struct LaunchPlan {
    /// Neutral knobs.
    pub settings: Settings,
    /// Merged into the rendered configuration.
    pub overlay: Option<Value>,
    /// Routes of running cases.
    pub slots: Vec<SlotPlan>,
    /// Routes of controls.
    pub controls: Vec<ControlPlan>,
    /// Cases that run on it, by index.
    pub cases: Vec<usize>,
    /// Launches with the same number share their controls.
    pub group: usize,
    /// What the proxy remembers with these settings.
    pub remembers: Remembers,
}

/// A route that running cases take in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotPlan {
    /// Name of the slot, unique in its launch; the first segment of its legs' paths.
    pub name: String,
    /// Legs.
    pub shape: Shape,
}

/// A route with one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlan {
    /// Name of the slot.
    pub name: String,
    /// The leg; its name is that of the first leg which it is the control of.
    pub target: ShapeLeg,
}

/// Plans the launches of a run.
pub fn plan(cases: &[Arc<Case>], limits: &Limits) -> Vec<LaunchPlan> {
    let mut groups: Vec<(Settings, Option<Value>, Vec<usize>)> = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let overlay = case.proxy_config.get(&limits.profile).cloned();
        match groups.iter_mut().find(|(settings, other, _)| *settings == case.settings && *other == overlay) {
            Some((_, _, members)) => members.push(index),
            None => groups.push((case.settings.clone(), overlay, vec![index])),
        }
    }
    let mut launches = Vec::new();
    for (group, (settings, overlay, members)) in groups.into_iter().enumerate() {
        let limits = &Limits { remembers: remembered(limits.remembers, &settings), ..limits.clone() };
        for (targets, members) in split(cases, &members, limits) {
            let controls = targets
                .into_iter()
                .enumerate()
                .map(|(n, target)| ControlPlan { name: format!("c{}", n + 1), target })
                .collect();
            let slots = slots(cases, &members, limits);
            let (settings, overlay) = (settings.clone(), overlay.clone());
            launches.push(LaunchPlan {
                settings,
                overlay,
                slots,
                controls,
                cases: members,
                group,
                remembers: limits.remembers,
            });
        }
    }
    launches
}

/// A proxy that puts legs aside or keeps sessions on their leg remembers its routes, whatever it does otherwise.
fn remembered(by_itself: Remembers, settings: &Settings) -> Remembers {
    let keeps = settings.cooldown == Some(Toggle::On) || settings.affinity == Some(Toggle::On);
    match by_itself {
        Remembers::Nothing if keeps => Remembers::PerRoute,
        other => other,
    }
}

/// Splits a group into launches: the targets of controls and the cases of each. Controls come first.
fn split(cases: &[Arc<Case>], members: &[usize], limits: &Limits) -> Vec<(Vec<ShapeLeg>, Vec<usize>)> {
    let targets = if limits.controls { targets(cases, members) } else { Vec::new() };
    if limits.remembers == Remembers::PerProcess {
        let controls = targets.into_iter().map(|target| (vec![target], Vec::new()));
        return controls.chain(members.iter().map(|member| (Vec::new(), vec![*member]))).collect();
    }
    let Some(most) = limits.routes.map(|routes| routes.max(1)) else { return vec![(targets, members.to_vec())] };
    let shapes = shapes(cases, members);
    let needed = if limits.remembers == Remembers::PerRoute { members.len() } else { shapes.len() };
    if targets.len() + needed <= most {
        return vec![(targets, members.to_vec())];
    }
    let mut launches: Vec<_> = targets.chunks(most).map(|chunk| (chunk.to_vec(), Vec::new())).collect();
    if limits.remembers == Remembers::PerRoute {
        launches.extend(members.chunks(most).map(|chunk| (Vec::new(), chunk.to_vec())));
    } else {
        launches.extend(shapes.chunks(most).map(|chunk| {
            let of_chunk = |member: &usize| chunk.contains(&&cases[*member].shape);
            (Vec::new(), members.iter().copied().filter(of_chunk).collect())
        }));
    }
    launches
}

/// The slots of a launch: of each shape as many as run in parallel, as far as the routes reach.
fn slots(cases: &[Arc<Case>], members: &[usize], limits: &Limits) -> Vec<SlotPlan> {
    let shapes = shapes(cases, members);
    let controls = if limits.controls { targets(cases, members).len() } else { 0 };
    // A case with neighbours takes several slots at a time.
    let of_shape = |shape: &Shape| -> Vec<&Case> {
        members.iter().map(|member| &*cases[*member]).filter(|case| case.shape == *shape).collect()
    };
    let at_once = |shape: &Shape| of_shape(shape).into_iter().map(slots_of).max().unwrap_or(1);
    let least: usize = shapes.iter().map(|shape| at_once(shape)).sum();
    let room = |shape: &Shape| match limits.routes {
        // Controls have a launch of their own where both do not fit.
        Some(routes) if routes >= controls + least => {
            at_once(shape) + (routes - controls - least) / shapes.len().max(1)
        }
        Some(routes) => routes / shapes.len().max(1),
        None => usize::MAX,
    };
    let mut slots = Vec::new();
    for &shape in &shapes {
        let of_shape = of_shape(shape);
        let needed: usize = of_shape.iter().map(|case| slots_of(case)).sum();
        let most = if of_shape.iter().any(|case| case.sweep.is_some()) { limits.sweep_slots } else { limits.slots };
        let most = if limits.slots > 1 { most.max(at_once(shape)) } else { most };
        let count = match limits.remembers {
            Remembers::Nothing => needed.min(most).min(room(shape)).max(1),
            Remembers::PerRoute | Remembers::PerProcess => needed,
        };
        for _ in 0..count {
            slots.push(SlotPlan { name: format!("s{}", slots.len() + 1), shape: shape.clone() });
        }
    }
    slots
}

/// Slots that a case takes at a time: its own, and one for each neighbour.
pub(super) fn slots_of(case: &Case) -> usize {
    1 + case.beside as usize
}

fn shapes<'a>(cases: &'a [Arc<Case>], members: &[usize]) -> Vec<&'a Shape> {
    let mut shapes = Vec::new();
    for member in members {
        let shape = &cases[*member].shape;
        if !shapes.contains(&shape) {
            shapes.push(shape);
        }
    }
    shapes
}

/// Every distinct target (model and API) of the group.
fn targets(cases: &[Arc<Case>], members: &[usize]) -> Vec<ShapeLeg> {
    let mut targets: Vec<ShapeLeg> = Vec::new();
    for leg in members.iter().flat_map(|member| &cases[*member].shape.legs) {
        if !targets.iter().any(|target| target.model == leg.model && target.api == leg.api) {
            targets.push(leg.clone());
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::runner::testing::{case, shape};
    use crate::scenario::{Every, Millis, SweepPoint};

    const GPT: &str = "openai/gpt-4o-mini";
    const OPUS: &str = "anthropic/claude-opus-4-1";
    const SONNET: &str = "anthropic/claude-sonnet-4-6";

    fn limits() -> Limits {
        Limits {
            profile: "p".to_owned(),
            routes: None,
            remembers: Remembers::Nothing,
            slots: 8,
            sweep_slots: 64,
            controls: true,
        }
    }

    fn cases(specs: &[(usize, &[&str], Option<u64>)]) -> Vec<Arc<Case>> {
        let mut cases = Vec::new();
        for (count, models, timeout) in specs {
            for _ in 0..*count {
                let mut case = case("x", &cases.len().to_string());
                case.shape = shape(models);
                case.settings.idle_timeout = timeout.map(Millis);
                cases.push(Arc::new(case));
            }
        }
        cases
    }

    /// One line per launch: group, controls, slots, cases.
    #[track_caller]
    fn check(specs: &[(usize, &[&str], Option<u64>)], limits: &Limits, expect: &[&str]) {
        let lines: Vec<_> = plan(&cases(specs), limits)
            .iter()
            .map(|launch| {
                let mut line = format!("{}: {} controls,", launch.group, launch.controls.len());
                let mut shapes: Vec<(&Shape, usize)> = Vec::new();
                for slot in &launch.slots {
                    match shapes.iter_mut().find(|(shape, _)| **shape == slot.shape) {
                        Some((_, count)) => *count += 1,
                        None => shapes.push((&slot.shape, 1)),
                    }
                }
                for (_, count) in shapes {
                    write!(line, " {count}").expect("a string takes all");
                }
                write!(line, " slots, {} cases", launch.cases.len()).expect("a string takes all");
                line
            })
            .collect();
        assert_eq!(lines, expect);
    }

    #[test]
    fn one_launch_for_many_cases_of_one_shape() {
        check(&[(2_000, &[OPUS, SONNET], None)], &limits(), &["0: 2 controls, 8 slots, 2000 cases"]);
    }

    #[test]
    fn a_sweep_has_more_slots() {
        let mut cases = cases(&[(300, &[OPUS, SONNET], None), (20, &[OPUS, GPT], None)]);
        let point =
            SweepPoint { of: "x".to_owned(), leg: "primary".to_owned(), every: Every::Byte, at: 1, points: 300 };
        for case in &mut cases[..300] {
            Arc::make_mut(case).sweep = Some(point.clone());
        }
        assert_eq!(plan(&cases, &limits())[0].slots.len(), 64 + 8);
        let few = Limits { routes: Some(23), ..limits() };
        assert_eq!(plan(&cases, &few)[0].slots.len(), 10 + 8, "as far as the routes reach");
    }

    #[test]
    fn neighbours_have_slots_of_their_own() {
        let mut cases = cases(&[(1, &[OPUS, SONNET], None), (1, &[OPUS, GPT], None)]);
        Arc::make_mut(&mut cases[0]).beside = 3;
        assert_eq!(plan(&cases, &limits())[0].slots.len(), 4 + 1);
        let few = Limits { routes: Some(8), ..limits() };
        assert_eq!(plan(&cases, &few)[0].slots.len(), 4 + 1, "as far as the routes reach");
    }

    #[test]
    fn never_more_slots_than_cases() {
        let specs: &[(usize, &[&str], Option<u64>)] = &[(3, &[OPUS, SONNET], None), (1, &[OPUS, GPT], None)];
        check(specs, &limits(), &["0: 3 controls, 3 1 slots, 4 cases"]);
    }

    #[test]
    fn settings_and_overlays_part_launches() {
        let specs: &[(usize, &[&str], Option<u64>)] =
            &[(2, &[GPT, GPT], None), (1, &[GPT, GPT], Some(3_000)), (1, &[GPT, GPT], None)];
        check(specs, &limits(), &["0: 1 controls, 3 slots, 3 cases", "1: 1 controls, 1 slots, 1 cases"]);
        let mut cases = cases(&[(2, &[GPT, GPT], None)]);
        let with = |profile: &str| {
            let mut case = Case::clone(&cases[1]);
            case.proxy_config.insert(profile.to_owned(), serde_json::json!({"a": 1}));
            Arc::new(case)
        };
        let (ours, foreign) = (with("p"), with("q"));
        cases[1] = foreign;
        assert_eq!(plan(&cases, &limits()).len(), 1);
        cases[1] = ours;
        let launches = plan(&cases, &limits());
        assert_eq!(launches[1].overlay, Some(serde_json::json!({"a": 1})));
    }

    #[test]
    fn a_proxy_that_remembers_routes_gets_a_slot_for_each_case() {
        let limits = Limits { remembers: Remembers::PerRoute, ..limits() };
        check(&[(20, &[OPUS, SONNET], None)], &limits, &["0: 2 controls, 20 slots, 20 cases"]);
        let limits = Limits { routes: Some(8), ..limits };
        let expect =
            ["0: 2 controls, slots, 0 cases", "0: 0 controls, 8 slots, 8 cases", "0: 0 controls, 2 slots, 2 cases"];
        check(&[(10, &[OPUS, SONNET], None)], &limits, &expect);
    }

    #[test]
    fn cases_with_cooldown_or_affinity_get_a_slot_each() {
        let check = |change: fn(&mut Settings), expect: usize| {
            let cases = cases(&[(12, &[GPT, GPT], None)]).into_iter().map(|case| {
                let mut case = Case::clone(&case);
                change(&mut case.settings);
                Arc::new(case)
            });
            assert_eq!(plan(&cases.collect::<Vec<_>>(), &limits())[0].slots.len(), expect);
        };
        check(|_| (), 8);
        check(|settings| settings.cooldown = Some(Toggle::Off), 8);
        check(|settings| settings.cooldown = Some(Toggle::On), 12);
        check(|settings| settings.affinity = Some(Toggle::On), 12);
    }

    #[test]
    fn a_proxy_that_remembers_all_gets_a_launch_for_each_case() {
        let limits = Limits { remembers: Remembers::PerProcess, ..limits() };
        let expect =
            ["0: 1 controls, slots, 0 cases", "0: 0 controls, 1 slots, 1 cases", "0: 0 controls, 1 slots, 1 cases"];
        check(&[(2, &[GPT, GPT], None)], &limits, &expect);
    }

    #[test]
    fn a_proxy_with_one_route_runs_controls_first() {
        let limits = Limits { routes: Some(1), ..limits() };
        let expect =
            ["0: 1 controls, slots, 0 cases", "0: 1 controls, slots, 0 cases", "0: 0 controls, 1 slots, 5 cases"];
        check(&[(5, &[OPUS, SONNET], None)], &limits, &expect);
    }

    #[test]
    fn slots_share_the_routes_there_are() {
        let limits = Limits { routes: Some(10), ..limits() };
        let specs: &[(usize, &[&str], Option<u64>)] = &[(9, &[OPUS, SONNET], None), (9, &[OPUS, GPT], None)];
        check(specs, &limits, &["0: 3 controls, 3 3 slots, 18 cases"]);
    }

    #[test]
    fn no_controls_where_none_can_be_had() {
        let limits = Limits { controls: false, slots: 1, routes: Some(1), ..limits() };
        check(&[(5, &[OPUS, SONNET], None)], &limits, &["0: 0 controls, 1 slots, 5 cases"]);
    }
}
