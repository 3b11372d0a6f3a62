//! Why a case is not run on a proxy: one clear sentence.

use crate::proxy::Profile;
use crate::scenario::{By, Case, Play, Settings, Toggle};

/// The reason for which `case` is not run on this proxy; `None` if it is. `attached`: nothing of ours is set in it.
pub(super) fn reason(case: &Case, profile: &Profile, attached: bool) -> Option<String> {
    let name = &profile.profile;
    if let Some(what) = &case.not_yet {
        return Some(if what.starts_with("not yet") { what.clone() } else { format!("not yet: {what}") });
    }
    if !case.only.is_empty() && !case.only.contains(name) {
        return Some(format!("only for {}", case.only.join(", ")));
    }
    let asked = asked(&case.settings);
    if let Some(why) = asked.iter().find_map(|setting| profile.cannot.get(*setting)) {
        return Some(why.clone());
    }
    if attached {
        if let Some(setting) = asked.iter().find(|setting| !setting.ends_with("_timeout")) {
            return Some(format!("attached: `{setting}` cannot be set in a proxy that we did not start"));
        }
        if case.proxy_config.contains_key(name) {
            return Some("attached: `proxy_config` cannot be merged into a proxy that we did not start".to_owned());
        }
    }
    if !attached && profile.overlay.is_none() && case.proxy_config.contains_key(name) {
        return Some(format!("nothing can be merged into the configuration of {name}"));
    }
    if stalls(case) && case.settings.idle_timeout.is_none() && case.settings.first_byte_timeout.is_none() {
        return Some("a leg falls silent, and no `idle_timeout` says how long the proxy shall bear it".to_owned());
    }
    if stalls(case) && attached {
        return Some("attached: how long the proxy bears silence is not known".to_owned());
    }
    if case.beside > 0 && attached {
        return Some("attached: the proxy has one route for us, so nothing runs beside a case".to_owned());
    }
    if case.shape.pool && !profile.pools && !attached {
        return Some(format!("{name} knows no pool: its legs have an order"));
    }
    let legs = &case.shape.legs;
    if let Some(room) = profile.legs.filter(|room| !attached && !case.shape.pool && legs.len() > *room as usize) {
        return Some(format!("{name} has room for {room} legs in a route, not for {}", legs.len()));
    }
    if !profile.model_per_leg && !attached && legs.iter().any(|leg| leg.model != legs[0].model) {
        return Some(format!("{name} gives every leg the client's model: its legs cannot have models of their own"));
    }
    for step in &case.steps {
        let api = step.client.api;
        if !profile.endpoints.is_empty() && !profile.endpoints.contains_key(&api) {
            return Some(format!("{name} takes no {api} requests from clients"));
        }
        let spoken = profile.leg_apis.get(&api);
        if let Some(leg) = spoken.and_then(|spoken| legs.iter().find(|leg| !spoken.contains(&leg.api))) {
            return Some(format!("{name} cannot ask a leg in {} when the client speaks {api}", leg.api));
        }
    }
    None
}

/// Settings that the case asks for. Retries 0 and cooldown off are what everyone gets, so nobody asks for them.
fn asked(settings: &Settings) -> Vec<&'static str> {
    let Settings {
        retries,
        idle_timeout,
        first_byte_timeout,
        cooldown,
        continuation,
        affinity,
        fallback_on,
        max_fallbacks,
        tls,
        http2,
    } = settings;
    let all = [
        ("retries", retries.is_some_and(|retries| retries > 0)),
        ("idle_timeout", idle_timeout.is_some()),
        ("first_byte_timeout", first_byte_timeout.is_some()),
        ("cooldown", *cooldown == Some(Toggle::On)),
        ("continuation", continuation.is_some()),
        ("affinity", affinity.is_some()),
        ("fallback_on", fallback_on.is_some()),
        ("max_fallbacks", max_fallbacks.is_some()),
        ("tls", *tls == Some(Toggle::On)),
        ("http2", *http2 == Some(Toggle::On)),
    ];
    all.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name).collect()
}

/// Whether a leg falls silent until someone gives up.
pub(super) fn stalls(case: &Case) -> bool {
    plays(case)
        .any(|play| matches!(&play.cut, Some(cut) if matches!(&cut.by, By::Stall(stall) if stall.r#for.is_none())))
}

/// Every play of every leg.
pub(super) fn plays(case: &Case) -> impl Iterator<Item = &Play> {
    case.steps.iter().flat_map(|step| &step.legs).flat_map(|leg| &leg.attempts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiId;
    use crate::runner::testing::{case, profile, shape};
    use crate::scenario::{At, Cut, Millis, Stall};

    #[track_caller]
    fn check(change: impl FnOnce(&mut Case, &mut Profile), attached: bool, expect: Option<&str>) {
        let (mut case, mut profile) = (case("x", "a"), profile());
        change(&mut case, &mut profile);
        assert_eq!(reason(&case, &profile, attached).as_deref(), expect);
    }

    fn stall(case: &mut Case) {
        case.steps[0].legs[0].attempts[0].cut = Some(Cut { at: At::Texts(5), by: By::Stall(Stall::default()) });
    }

    #[test]
    fn a_plain_case_runs() {
        check(|_, _| (), false, None);
        check(|_, _| (), true, None);
    }

    #[test]
    fn not_yet_and_only() {
        check(|case, _| case.not_yet = Some("pool".to_owned()), false, Some("not yet: pool"));
        check(|case, _| case.only = vec!["q".to_owned()], false, Some("only for q"));
        check(|case, _| case.only = vec!["p".to_owned()], false, None);
    }

    #[test]
    fn settings() {
        let cannot = |profile: &mut Profile| {
            profile.cannot.insert("retries".to_owned(), "p cannot retry".to_owned());
        };
        check(
            |case, profile| {
                cannot(profile);
                case.settings.retries = Some(0);
            },
            false,
            None,
        );
        check(
            |case, profile| {
                cannot(profile);
                case.settings.retries = Some(2);
            },
            false,
            Some("p cannot retry"),
        );
        check(
            |case, _| case.settings.affinity = Some(Toggle::On),
            true,
            Some("attached: `affinity` cannot be set in a proxy that we did not start"),
        );
        check(|case, _| case.settings.idle_timeout = Some(Millis(3_000)), true, None);
    }

    #[test]
    fn silence_needs_a_limit() {
        check(
            |case, _| stall(case),
            false,
            Some("a leg falls silent, and no `idle_timeout` says how long the proxy shall bear it"),
        );
        let bounded = |case: &mut Case, _: &mut Profile| {
            stall(case);
            case.settings.idle_timeout = Some(Millis(3_000));
        };
        check(bounded, false, None);
        check(bounded, true, Some("attached: how long the proxy bears silence is not known"));
    }

    #[test]
    fn pools() {
        let pool = |case: &mut Case, _: &mut Profile| case.shape.pool = true;
        check(pool, false, Some("p knows no pool: its legs have an order"));
        check(pool, true, None);
        let can = |case: &mut Case, profile: &mut Profile| {
            case.shape.pool = true;
            profile.pools = true;
        };
        check(can, false, None);
    }

    #[test]
    fn room_for_legs() {
        let three = |case: &mut Case, profile: &mut Profile| {
            case.shape = shape(&["openai/a", "openai/b", "openai/c"]);
            profile.legs = Some(2);
        };
        check(three, false, Some("p has room for 2 legs in a route, not for 3"));
        check(three, true, None);
        check(|_, profile| profile.legs = Some(2), false, None);
    }

    #[test]
    fn models_and_apis_of_legs() {
        check(
            |case, profile| {
                profile.model_per_leg = false;
                case.shape = shape(&["openai/a", "openai/b"]);
            },
            false,
            Some("p gives every leg the client's model: its legs cannot have models of their own"),
        );
        check(
            |case, profile| {
                profile.leg_apis.insert(ApiId::OpenaiChat, vec![ApiId::OpenaiChat]);
                case.shape = shape(&["openai/a", "anthropic/b"]);
            },
            false,
            Some("p cannot ask a leg in anthropic-messages when the client speaks openai-chat"),
        );
        check(
            |case, profile| {
                profile.endpoints.remove(&ApiId::OpenaiChat);
                case.shape = shape(&["openai/a", "openai/a"]);
            },
            false,
            Some("p takes no openai-chat requests from clients"),
        );
    }
}
