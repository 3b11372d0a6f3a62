//! A promise of the reference proxy in words: `KEY=VALUE`, or one of the four names of what follows a break.

use serde_json::{Value, json};

use super::Promise;
use crate::diagnostic::did_you_mean;
use crate::scenario::Millis;

/// Names that stand alone: values of `after_content`.
pub const NAMES: [&str; 4] = ["error", "continue_user", "continue_prefill", "buffer_all"];

/// What a key takes.
#[derive(Clone, Copy, Debug)]
enum Takes {
    One(&'static [&'static str]),
    Some(&'static [&'static str]),
    Number { least: u32, most: u32 },
    KeepOrStatus,
    Failures,
    Time,
}

use Takes::{Failures, KeepOrStatus, Number, One, Some as Several, Time};

const KEYS: [(&str, Takes); 19] = [
    ("after_content", One(&NAMES)),
    ("after_error", One(&["nothing", "terminator"])),
    ("answer_edits", Several(&["mask", "strip_reasoning", "model_name"])),
    ("before_content", One(&["fallback", "error"])),
    ("buffer", Number { least: 0, most: 1_000 }),
    ("cache", One(&["off", "exact"])),
    ("cancel_within", Time),
    ("credentials", One(&["own", "passthrough"])),
    ("error", One(&["first", "last", "aggregate", "masked"])),
    ("exhausted_status", KeepOrStatus),
    ("fallback_on", Failures),
    ("hedge", Number { least: 1, most: 8 }),
    ("id_at_seam", One(&["keep", "change"])),
    ("model", One(&["per_leg", "same"])),
    ("passthrough", One(&["none", "json", "bytes"])),
    ("request_edits", Several(&["merge_turns", "ids", "system_append", "max_tokens_clamp", "cache_hints"])),
    ("retries.other_key", Number { least: 0, most: 1 }),
    ("retries.same_leg", Number { least: 0, most: 10 }),
    ("usage", One(&["last", "sum", "none"])),
];

/// Words that `fallback_on` takes beside statuses.
const CLASSES: [&str; 4] = ["4xx", "5xx", "timeout", "transport"];

/// The promise that these words choose, over the default, as the configuration has it.
pub fn chosen<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Value, String> {
    let mut all = json!({});
    for word in words {
        let (key, value) = read(word)?;
        match key.split_once('.') {
            Some((outer, inner)) => all[outer][inner] = value,
            None => all[key] = value,
        }
    }
    serde_json::from_value::<Promise>(all.clone()).map_err(|error| error.to_string())?;
    Ok(all)
}

/// Each `KEY=VALUE` by itself; of numbers, times and lists those that make a difference.
pub fn every_value() -> Vec<String> {
    let words = KEYS.iter().flat_map(|(key, takes)| {
        let values: Vec<String> = match takes {
            One(values) | Several(values) => values.iter().map(ToString::to_string).collect(),
            Number { least, .. } => vec![least.to_string(), (least + 1).to_string(), (least + 3).to_string()],
            KeepOrStatus => vec!["keep".to_owned(), "503".to_owned()],
            Failures => CLASSES.iter().chain(&["429"]).map(ToString::to_string).collect(),
            Time => vec!["1s".to_owned()],
        };
        values.into_iter().map(move |value| format!("{key}={value}"))
    });
    words.filter(|word| chosen([word.as_str()]).is_ok()).collect()
}

fn read(word: &str) -> Result<(&'static str, Value), String> {
    let Some((key, value)) = word.split_once('=') else {
        let name = NAMES.iter().find(|name| **name == word);
        return name.map(|name| ("after_content", json!(name))).ok_or_else(|| {
            let keys = KEYS.map(|(key, _)| key).join(", ");
            format!(
                "`{word}` is no policy; there are {}, and KEY=VALUE with the keys {keys}{}",
                NAMES.join(", "),
                guess(word, &NAMES)
            )
        });
    };
    let Some((key, takes)) = KEYS.iter().find(|(known, _)| *known == key) else {
        let keys = KEYS.map(|(key, _)| key);
        return Err(format!("no policy is called `{key}`; there are {}{}", keys.join(", "), guess(key, &keys)));
    };
    takes.read(value).map(|value| (*key, value)).map_err(|why| format!("`{key}` {why}"))
}

impl Takes {
    fn read(self, text: &str) -> Result<Value, String> {
        let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
        match self {
            One(values) => one(values, text),
            Several(values) => items().map(|item| one(values, item)).collect(),
            Number { least, most } => match text.parse::<u32>() {
                Ok(number) if (least..=most).contains(&number) => Ok(json!(number)),
                _ => Err(format!("is a number from {least} to {most}, not `{text}`")),
            },
            KeepOrStatus if text == "keep" || is_status(text) => Ok(json!(text)),
            KeepOrStatus => Err(format!("is `keep` or a status from 400 to 599, not `{text}`")),
            Failures => {
                items().map(|item| if is_status(item) { Ok(json!(item)) } else { one(&CLASSES, item) }).collect()
            }
            Time => match text.parse::<Millis>() {
                Ok(time) => Ok(json!(time)),
                Err(why) => Err(format!("is a time like `2s`: {why}")),
            },
        }
    }
}

fn one(values: &[&str], text: &str) -> Result<Value, String> {
    if values.contains(&text) {
        return Ok(json!(text));
    }
    Err(format!("takes {}, not `{text}`{}", values.join(", "), guess(text, values)))
}

fn guess(text: &str, known: &[&str]) -> String {
    did_you_mean(text, known.iter().copied()).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}

fn is_status(text: &str) -> bool {
    text.len() == 3 && text.parse().is_ok_and(|status: u16| (400..600).contains(&status))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::{AfterContent, Policy};

    #[test]
    fn every_key_and_every_value_is_taken() {
        let all = every_value();
        for (key, takes) in KEYS {
            let values: Vec<String> = match takes {
                One(values) | Several(values) => values.iter().map(ToString::to_string).collect(),
                Number { least, most } => vec![least.to_string(), most.to_string()],
                KeepOrStatus => vec!["keep".to_owned(), "503".to_owned()],
                Failures => vec!["429,5xx,timeout".to_owned()],
                Time => vec!["250ms".to_owned()],
            };
            for value in values {
                let word = format!("{key}={value}");
                chosen([word.as_str()]).unwrap_or_else(|why| panic!("{word}: {why}"));
                let (One(_) | Several(_)) = takes else { continue };
                assert!(all.contains(&word), "{word}");
            }
            assert!(all.iter().any(|word| word.split('=').next() == Some(key)), "{key}");
        }
    }

    #[test]
    fn whatever_a_profile_declares_can_be_chosen() {
        let Value::Object(policy) = serde_json::to_value(Policy::default()).unwrap() else { unreachable!() };
        let known = |key: &str| KEYS.iter().any(|(known, _)| known.split('.').next() == Some(key));
        let unknown: Vec<&String> = policy.keys().filter(|key| !known(key)).collect();
        // How long to wait, and what to overlook: nothing that a proxy does for its client.
        assert_eq!(unknown, ["quiet", "side_calls"]);
    }

    #[test]
    fn several_words_make_one_promise() {
        let all = chosen(["continue_prefill", "retries.same_leg=1", "retries.other_key=1", "usage=last"]).unwrap();
        let promise: Promise = serde_json::from_value(all).unwrap();
        assert_eq!(promise.after_content, AfterContent::ContinuePrefill);
        assert_eq!((promise.retries.same_leg, promise.retries.other_key), (1, 1));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        let check = |word: &str, expect: &str| assert_eq!(chosen([word]).unwrap_err(), expect);
        check("usage=sums", "`usage` takes last, sum, none, not `sums`; did you mean `sum`?");
        check("answer_edits=mask,blur", "`answer_edits` takes mask, strip_reasoning, model_name, not `blur`");
        check("hedge=0", "`hedge` is a number from 1 to 8, not `0`");
        check("exhausted_status=200", "`exhausted_status` is `keep` or a status from 400 to 599, not `200`");
        check("fallback_on=5x", "`fallback_on` takes 4xx, 5xx, timeout, transport, not `5x`; did you mean `5xx`?");
        let why = chosen(["cancel_within=2"]).unwrap_err();
        assert!(why.starts_with("`cancel_within` is a time like `2s`: "), "{why}");
        let why = chosen(["usag=last"]).unwrap_err();
        assert!(why.starts_with("no policy is called `usag`; there are after_content, after_error, "), "{why}");
        assert!(why.ends_with("; did you mean `usage`?"), "{why}");
        let why = chosen(["eror"]).unwrap_err();
        assert!(why.starts_with("`eror` is no policy; there are error, continue_user, "), "{why}");
        assert!(why.ends_with("; did you mean `error`?"), "{why}");
    }
}
