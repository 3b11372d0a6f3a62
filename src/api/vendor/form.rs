//! Ids in a vendor's form: `chatcmpl-<base62:29>`, `<uuid>`, `gen-<unix>-<base62:20>`.

use crate::api::seeded::{Seeded, mix};

/// Letters of a ULID.
const CROCKFORD: &[u8] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Where ids come from: same seed, same ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids {
    pub(super) seed: u64,
    /// Unix seconds.
    pub(super) created: u64,
}

/// The seed that belongs to a name.
pub(super) fn seed_of(name: &str) -> u64 {
    name.bytes().fold(0, |seed, byte| mix(seed ^ u64::from(byte)))
}

/// What a form asks for at one place.
enum Field<'f> {
    Text(&'f str),
    Id(&'f str, usize),
}

impl Ids {
    /// The id of this form: the same one whenever the form is asked for.
    pub(super) fn fill(self, form: &str) -> String {
        let mut seeded = Seeded::new(self.seed, form);
        let mut out = String::with_capacity(form.len() + 16);
        for field in fields(form) {
            match field {
                Field::Text(text) => out.push_str(text),
                Field::Id("unix", _) => out.push_str(&self.created.to_string()),
                Field::Id("uuid", _) => out.push_str(&seeded.uuid()),
                Field::Id("hex", length) => out.push_str(&seeded.hex(length)),
                Field::Id("base62", length) => out.push_str(&seeded.base62(length)),
                // Times since the epoch begin so for years to come.
                Field::Id("ulid", _) => {
                    out.push_str("01k");
                    out.extend((0..23).map(|_| char::from(CROCKFORD[seeded.below(32) as usize])));
                }
                Field::Id("digits", length) => {
                    out.extend((0..length).map(|place| digit(&mut seeded, place == 0)));
                }
                Field::Id(..) => {}
            }
        }
        out
    }
}

fn digit(seeded: &mut Seeded, first: bool) -> char {
    let least = u64::from(first);
    char::from(b'0' + (least + seeded.below(10 - least)) as u8)
}

fn fields(form: &str) -> impl Iterator<Item = Field<'_>> {
    let mut rest = form;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let id = rest.strip_prefix('<').and_then(|inner| inner.split_once('>'));
        if let Some((id, behind)) = id {
            rest = behind;
            let (kind, length) = id.split_once(':').unwrap_or((id, ""));
            return Some(Field::Id(kind, length.parse().unwrap_or_default()));
        }
        let end = rest[1..].find('<').map_or(rest.len(), |at| at + 1);
        let (text, behind) = rest.split_at(end);
        rest = behind;
        Some(Field::Text(text))
    })
}

/// What is wrong with a form.
pub(super) fn flaw(form: &str) -> Option<String> {
    fields(form).find_map(|field| match field {
        Field::Text(text) => text.contains(['<', '>']).then(|| format!("`{form}` has a `<` without its `>`")),
        Field::Id("unix" | "uuid" | "ulid", 0) => None,
        Field::Id("hex" | "base62" | "digits", length) if (1..=64).contains(&length) => None,
        Field::Id(kind, _) => Some(format!(
            "`{form}` asks for `{kind}`; there are <hex:n>, <base62:n>, <digits:n> (n up to 64), <uuid>, <ulid>, <unix>"
        )),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const IDS: Ids = Ids { seed: 7, created: 1_700_000_000 };

    #[test]
    fn a_form_gives_ids_of_its_kind() {
        let check = |form: &str, length: usize, letters: fn(char) -> bool| {
            let id = IDS.fill(form);
            assert_eq!(id.len(), length, "{form}: {id}");
            assert!(id.chars().all(letters), "{form}: {id}");
            assert_eq!(IDS.fill(form), id, "the same whenever it is asked for");
            assert!(flaw(form).is_none(), "{form}");
        };
        check("<hex:32>", 32, |c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase());
        check("<base62:9>", 9, |c| c.is_ascii_alphanumeric());
        check("<digits:8>", 8, |c| c.is_ascii_digit());
        check("<uuid>", 36, |c| c.is_ascii_hexdigit() || c == '-');
        check("req_<ulid>", 30, |c| c.is_ascii_alphanumeric() || c == '_');
        assert_eq!(IDS.fill("gen-<unix>"), "gen-1700000000");
        assert_eq!(IDS.fill("plain"), "plain");
        // Numbers begin with no zero, and have every digit elsewhere.
        let ids = |seed| Ids { seed, ..IDS }.fill("<digits:2>");
        let letters = |at: usize| (0..400).map(|seed| char::from(ids(seed).as_bytes()[at])).collect::<BTreeSet<_>>();
        assert_eq!((letters(0), letters(1)), (('1'..='9').collect(), ('0'..='9').collect()));
    }

    #[test]
    fn another_seed_gives_another_id_of_the_same_length() {
        let other = Ids { seed: 8, ..IDS };
        for form in ["<hex:32>", "chatcmpl-<base62:29>", "<uuid>", "<ulid>", "<digits:9>"] {
            assert_ne!(IDS.fill(form), other.fill(form), "{form}");
            assert_eq!(IDS.fill(form).len(), other.fill(form).len(), "{form}");
        }
    }

    #[test]
    fn names_have_seeds_of_their_own() {
        let seeds: BTreeSet<u64> = (0..1_000).map(|name| seed_of(&format!("call_{name}"))).collect();
        assert_eq!(seeds.len(), 1_000);
    }

    #[test]
    fn what_is_no_form_is_told() {
        let check = |form: &str, expect: &str| assert!(flaw(form).is_some_and(|flaw| flaw.contains(expect)), "{form}");
        check("a<hex", "without its");
        check("<word:3>", "asks for `word`");
        check("<hex:0>", "asks for `hex`");
        check("<hex:65>", "asks for `hex`");
        check("<uuid:3>", "asks for `uuid`");
    }
}
