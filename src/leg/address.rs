//! Where a leg is found: by the path's first segments, or by the port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::proxy::LegBy;

/// How slot and leg stand in an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressing {
    /// By prefix (`/<slot>/<leg>`) or by port (`/<slot>`, one port for each leg).
    pub leg_by: LegBy,
    /// Attached: there is one slot, and no address names it.
    pub attached: bool,
}

/// What an address says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The slot; `None` when attached.
    pub(super) slot: Option<&'a str>,
    /// The leg's name; `None` where the port tells.
    pub(super) leg: Option<&'a str>,
    /// The path that the vendor would see, with its slash.
    pub(super) path: &'a str,
}

impl Addressing {
    /// The path below which a leg is served, without a slash at its end.
    pub fn prefix(self, slot: &str, leg: &str) -> String {
        match (self.leg_by, self.attached) {
            (LegBy::Prefix, false) => format!("/{slot}/{leg}"),
            (LegBy::Prefix, true) => format!("/{leg}"),
            (LegBy::Port, false) => format!("/{slot}"),
            (LegBy::Port, true) => String::new(),
        }
    }

    /// Takes a request's path (query removed) apart; a missing segment is an empty name.
    pub(super) fn place(self, path: &str) -> Place<'_> {
        let mut path = path;
        let slot = (!self.attached).then(|| segment(&mut path));
        let leg = (self.leg_by == LegBy::Prefix).then(|| segment(&mut path));
        Place { slot, leg, path }
    }
}

/// Takes the first segment off a path and leaves the rest with its slash.
fn segment<'a>(path: &mut &'a str) -> &'a str {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let (first, rest) = inner.split_at(inner.find('/').unwrap_or(inner.len()));
    *path = rest;
    first
}

/// The address under which a listener on this machine is reached.
pub(super) fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, bound.port()).into(),
        _ => bound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_slot_leg_and_the_vendors_path() {
        let check = |leg_by, attached, path: &str, expect: (Option<&str>, Option<&str>, &str)| {
            let place = Addressing { leg_by, attached }.place(path);
            assert_eq!((place.slot, place.leg, place.path), expect, "{path}");
        };
        check(LegBy::Prefix, false, "/s3/primary/v1/messages", (Some("s3"), Some("primary"), "/v1/messages"));
        check(LegBy::Prefix, false, "/s3/primary", (Some("s3"), Some("primary"), ""));
        check(LegBy::Prefix, false, "/", (Some(""), Some(""), ""));
        check(LegBy::Prefix, true, "/primary/v1/models", (None, Some("primary"), "/v1/models"));
        check(LegBy::Port, false, "/s3/v1/chat/completions", (Some("s3"), None, "/v1/chat/completions"));
        check(LegBy::Port, true, "/v1/chat/completions", (None, None, "/v1/chat/completions"));
    }

    #[test]
    fn a_prefix_is_found_again() {
        for leg_by in [LegBy::Prefix, LegBy::Port] {
            for attached in [false, true] {
                let addressing = Addressing { leg_by, attached };
                let path = format!("{}/v1/messages", addressing.prefix("s", "l"));
                assert_eq!(addressing.place(&path).path, "/v1/messages");
            }
        }
    }
}
