//! Where secrets stand in a text.

use std::ops::Range;

use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::shapes::{Book, Shape};
use super::{FILLER, RedactRules, RuleError};

/// Most memory that a user's pattern may take once compiled.
const PATTERN_SIZE: usize = 1 << 20;
/// Most memory for all of them.
const SET_SIZE: usize = 32 << 20;
/// Shortest value of a field that is named like a secret.
const LEAST_VALUE: usize = 8;

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit<'f> {
    pub(super) range: Range<usize>,
    /// What it is, in words.
    pub(super) what: &'f str,
}

/// Finds secrets.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    /// Which of the kinds stand in a text at all: one pass for all of them.
    set: RegexSet,
    kinds: Vec<Kind>,
    keep: Vec<String>,
}

#[derive(Clone, Debug)]
struct Kind {
    regex: Regex,
    what: String,
    mixed: bool,
    unless: Option<Regex>,
}

/// A kind that is not compiled yet.
struct Draft {
    regex: String,
    what: String,
    mixed: bool,
    unless: Option<String>,
}

impl Finder {
    /// All that the book and the rules say. Of those that need a context only where `context` says so: in a file the
    /// context may be the file's own.
    pub(super) fn new(book: &Book, rules: &RedactRules, context: bool) -> Result<Self, RuleError> {
        let by_shape = book.secrets.iter().filter(|shape| context || shape.context.is_none()).map(of_shape);
        let own = rules.patterns.iter().map(|pattern| of_pattern(pattern));
        let mut drafts: Vec<Draft> = by_shape.chain(own).collect();
        if context {
            drafts.extend(of_fields(&book.fields, LEAST_VALUE, "value of a field"));
            drafts.extend(of_fields(&rules.names, 1, "value of a field of yours"));
        }
        for (at, pattern) in rules.patterns.iter().enumerate() {
            check(pattern).map_err(|message| RuleError { list: "patterns", at, message })?;
        }
        // What is bundled was tried by tests, what is the user's above.
        let broken = |error: regex::Error| RuleError { list: "patterns", at: 0, message: error.to_string() };
        let set = RegexSetBuilder::new(drafts.iter().map(|draft| &draft.regex))
            .unicode(false)
            .size_limit(SET_SIZE)
            .dfa_size_limit(SET_SIZE)
            .build()
            .map_err(broken)?;
        let kinds = drafts.into_iter().map(compiled).collect::<Result<_, _>>().map_err(broken)?;
        let keep = book.keep.iter().chain(&rules.keep).map(|text| text.to_ascii_lowercase()).collect();
        Ok(Self { set, kinds, keep })
    }

    /// Every secret in a text, kind by kind.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Hit<'_>> {
        let mut found = Vec::new();
        for kind in self.set.matches(text).into_iter().map(|index| &self.kinds[index]) {
            let mut at = 0;
            while let Some(captures) = kind.regex.captures_at(text, at) {
                let Some(secret) = captures.name("secret").or_else(|| captures.get(0)) else { break };
                // The border behind one secret is the border in front of the next.
                at = secret.end().max(at + 1);
                if !secret.is_empty() && self.is_secret(kind, secret.as_bytes()) {
                    found.push(Hit { range: secret.range(), what: &kind.what });
                }
                if at > text.len() {
                    break;
                }
            }
        }
        found
    }

    fn is_secret(&self, kind: &Kind, secret: &[u8]) -> bool {
        let has = |is: fn(&u8) -> bool| secret.iter().any(is);
        !is_filled(secret)
            && (!kind.mixed || has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic))
            && kind.unless.as_ref().is_none_or(|unless| !unless.is_match(secret))
            && !self.keeps(secret)
    }

    /// Whether a text stays, whatever it looks like.
    pub(super) fn keeps(&self, secret: &[u8]) -> bool {
        let is = |kept: &String| {
            let end = if kept.starts_with('@') { secret.len().saturating_sub(kept.len()) } else { 0 };
            secret[end..].eq_ignore_ascii_case(kept.as_bytes())
        };
        self.keep.iter().any(is)
    }
}

/// Whether nothing is left of a secret.
pub(super) fn is_filled(secret: &[u8]) -> bool {
    secret.iter().all(|byte| *byte == FILLER || !byte.is_ascii_alphanumeric() && byte.is_ascii())
}

fn of_shape(shape: &Shape) -> Draft {
    let context = shape.context.as_deref().map(|context| format!("(?:{context})"));
    let border = if shape.border { "(?:^|[^A-Za-z0-9_-])" } else { "" };
    let behind = if shape.border { "(?:$|[^A-Za-z0-9_])" } else { "" };
    Draft {
        regex: format!(
            "{}(?P<secret>{}){}",
            context.as_deref().unwrap_or(border),
            shape.regex,
            shape.after.as_deref().unwrap_or(behind)
        ),
        what: shape.what.clone(),
        mixed: shape.mixed,
        unless: shape.unless.clone(),
    }
}

fn of_pattern(pattern: &str) -> Draft {
    Draft {
        regex: format!("(?:{pattern})"),
        what: "match of a pattern of yours".to_owned(),
        mixed: false,
        unless: None,
    }
}

/// A field of JSON, `"name": "value"`, of a form, `name=value`, and of a multipart form.
fn of_fields(names: &[String], least: usize, what: &str) -> Vec<Draft> {
    if names.is_empty() {
        return Vec::new();
    }
    let names = names.iter().map(|name| regex::escape(name)).collect::<Vec<_>>().join("|");
    let text = r#"(?:[^"\\\s]|\\.)"#;
    let forms = [
        format!(r#"(?i:["'](?:{names})["'])\s{{0,8}}:\s{{0,8}}"(?P<secret>{text}{{{least},}})""#),
        format!(r#"(?:^|[?&])(?i:{names})=(?P<secret>[^&\s"'<>\\]{{{least},}})"#),
        format!(
            r#"(?i:name="(?:{names})")\r?\n(?:[^\r\n]{{1,200}}\r?\n){{0,4}}\r?\n(?P<secret>[^\r\n]{{{least},}})\r?\n--"#
        ),
    ];
    forms.into_iter().map(|regex| Draft { regex, what: what.to_owned(), mixed: false, unless: None }).collect()
}

/// Why a user's pattern is none, if it is none.
fn check(pattern: &str) -> Result<(), String> {
    let built = RegexBuilder::new(pattern).unicode(false).size_limit(PATTERN_SIZE).build();
    // The message of the parser draws the pattern with a caret; its last line says what is wrong.
    let why = |error: regex::Error| error.to_string().lines().last().unwrap_or_default().trim().to_owned();
    let regex = built.map_err(|error| format!("this is no pattern: {}", why(error).trim_start_matches("error: ")))?;
    let empty = |captures: Captures<'_>| {
        captures.name("secret").or_else(|| captures.get(0)).is_some_and(|secret| secret.is_empty())
    };
    if regex.captures(b"").is_some_and(empty) {
        return Err("a pattern that matches nothing matches everywhere".to_owned());
    }
    Ok(())
}

fn compiled(draft: Draft) -> Result<Kind, regex::Error> {
    let build = |regex: &str| RegexBuilder::new(regex).unicode(false).size_limit(SET_SIZE).build();
    let unless = draft.unless.as_deref().map(build).transpose()?;
    Ok(Kind { regex: build(&draft.regex)?, what: draft.what, mixed: draft.mixed, unless })
}
