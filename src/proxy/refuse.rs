//! Which cases a proxy cannot be asked, each with the sentence that the skipped case shows.

use super::Profile;
use crate::scenario::{Case, Settings, Toggle};

impl Profile {
    /// Why this case cannot be put to the proxy, in one sentence; `None` if it can.
    pub fn refuses(&self, case: &Case) -> Option<String> {
        let name = &self.profile;
        if !case.only.is_empty() && !case.only.contains(name) {
            return Some(format!("only for {}", case.only.join(", ")));
        }
        if self.overlay.is_none() && case.proxy_config.contains_key(name) {
            return Some(format!("nothing can be merged into the configuration of {name}"));
        }
        if let Some(reason) = self.refused_setting(&case.settings) {
            return Some(reason);
        }
        let legs = &case.shape.legs;
        for client in case.steps.iter().map(|step| step.client.api) {
            if !self.endpoints.contains_key(&client) {
                return Some(format!("{name} has no endpoint for {client}"));
            }
            let allowed = self.leg_apis.get(&client);
            if let Some(leg) = legs.iter().find(|leg| allowed.is_some_and(|apis| !apis.contains(&leg.api))) {
                return Some(format!("{name} cannot ask a leg in {} for a client of {client}", leg.api));
            }
        }
        let differ = legs.iter().any(|leg| leg.model != legs[0].model);
        (!self.model_per_leg && differ).then(|| format!("{name} asks every leg for the client's model"))
    }

    fn refused_setting(&self, settings: &Settings) -> Option<String> {
        let Settings {
            retries,
            idle_timeout,
            first_byte_timeout,
            cooldown,
            continuation,
            affinity,
            fallback_on,
            max_fallbacks,
        } = settings;
        let asked = [
            ("retries", retries.is_some_and(|retries| retries > 0)),
            ("idle_timeout", idle_timeout.is_some()),
            ("first_byte_timeout", first_byte_timeout.is_some()),
            ("cooldown", *cooldown == Some(Toggle::On)),
            ("continuation", continuation.is_some()),
            ("affinity", affinity.is_some()),
            ("fallback_on", fallback_on.is_some()),
            ("max_fallbacks", max_fallbacks.is_some()),
        ];
        asked.into_iter().filter(|(_, asked)| *asked).find_map(|(name, _)| self.cannot.get(name).cloned())
    }
}
