//! The rejection rules against what real providers said.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crossfade::api::{ApiId, ModelName};
use crossfade::rules::{Incoming, RuleBook, Ruling};
use crossfade::wire::Headers;

use super::exchange::Exchange;
use super::folder::{recorded, say};

/// How the rules did on the exchanges of a vendor.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    answered: u32,
    refused: u32,
    /// Refused by the rules too.
    claimed: u32,
    /// Refused by the rules with another status or text, or though it was answered.
    wrong: u32,
}

#[test]
fn the_rules_refuse_what_was_refused_and_nothing_that_was_answered() {
    let Some(recorded) = recorded() else { return };
    let book = RuleBook::bundled();
    let is_source = |exchange: &Exchange| {
        book.packs()
            .iter()
            .flat_map(|pack| &pack.rules)
            .flat_map(|rule| &rule.sources)
            .any(|s| *s == exchange.published)
    };
    let mut tallies: BTreeMap<(bool, String), Tally> = BTreeMap::new();
    let (mut wrong, mut unclaimed) = (Vec::new(), String::new());
    for exchange in recorded.iter().filter(|exchange| !exchange.request.is_null()) {
        let Some(api) = exchange.api() else { continue };
        let tally = tallies.entry((is_source(exchange), exchange.vendor.clone())).or_default();
        let before = wrong.len();
        match exchange.status {
            200..=299 => {
                tally.answered += 1;
                let refusal = judge(book, api, exchange, Shown::AsItIs).refusal;
                if let Some(refusal) = refusal.filter(|refusal| !scrubbed(exchange, &refusal.rule)) {
                    wrong.push(format!("{}: answered, but `{}` refuses it", exchange.file, refusal.rule));
                }
            }
            400..=499 => {
                tally.refused += 1;
                if let Some(claim) = claim(book, api, exchange) {
                    tally.claimed += 1;
                    wrong.extend(claim.differs(exchange));
                } else {
                    let text = exchange.error_text().unwrap_or_default();
                    let text: String = text.chars().take(110).collect();
                    let _ = writeln!(unclaimed, "  {} {} {} {text}", exchange.vendor, exchange.status, exchange.file);
                }
            }
            _ => {}
        }
        tally.wrong += (wrong.len() - before) as u32;
    }
    say(&format!("\n{}no rule claims:\n{unclaimed}", table(&tallies)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let answered: u32 = tallies.values().map(|tally| tally.answered).sum();
    let claimed: u32 = tallies.values().map(|tally| tally.claimed).sum();
    assert!(answered > 50 && claimed > 10, "too few were read: {answered} answered, {claimed} claimed");
}

/// What no request shows, taken from the answer: whether its key is right, and its model known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    AsItIs,
    WrongKey,
    NoKey,
    UnknownModel,
}

struct Claim {
    rule: String,
    exact: bool,
    status: u16,
    /// The rule's text, and others that were seen.
    texts: Vec<String>,
}

impl Claim {
    fn differs(&self, exchange: &Exchange) -> Option<String> {
        let told = exchange.error_text().unwrap_or_default();
        let same_text = self.texts.iter().any(|text| unmasked(text) == unmasked(&told));
        let same = self.status == exchange.status && (!self.exact || same_text);
        let (rule, file) = (&self.rule, &exchange.file);
        (!same)
            .then(|| format!("{file}: {} {told}\n  `{rule}` says {} {}", exchange.status, self.status, self.texts[0]))
    }
}

/// The rule that refuses what was refused. Recorders take keys away, so an error about a key may mean either.
fn claim(book: &RuleBook, api: ApiId, exchange: &Exchange) -> Option<Claim> {
    let text = exchange.error_text().unwrap_or_default().to_lowercase();
    let mut shown = vec![Shown::AsItIs];
    if exchange.status == 401 || text.contains("api key") {
        shown.extend([Shown::WrongKey, Shown::NoKey]);
    }
    let unknown = ["not found", "not exist", "invalid model", "not a valid model", "supported api model", "model:"];
    let names_it = text.contains(&exchange.model.to_lowercase()) || text.contains("deployment");
    if matches!(exchange.status, 400 | 404) && names_it && unknown.iter().any(|words| text.contains(words)) {
        shown.push(Shown::UnknownModel);
    }
    let claims = shown.into_iter().filter_map(|shown| {
        let refusal = judge(book, api, exchange, shown).refusal?;
        let rule = book.rule(&refusal.rule)?;
        let texts = std::iter::once(refusal.error.message).chain(rule.also_says.iter().cloned()).collect();
        Some(Claim { rule: refusal.rule, exact: rule.exact, status: refusal.error.status, texts })
    });
    let claims: Vec<Claim> = claims.collect();
    let same = claims.iter().position(|claim| claim.differs(exchange).is_none());
    claims.into_iter().nth(same.unwrap_or(0))
}

fn judge(book: &RuleBook, api: ApiId, exchange: &Exchange, shown: Shown) -> Ruling {
    // Recorders take headers away, the version among them; the key is another one, or none.
    let usual = api.spoken().map(|api| api.request_headers("the-recorded-key")).unwrap_or_default();
    let is_key = |name: &str| ["authorization", "x-api-key", "x-goog-api-key", "api-key"].contains(&name);
    let recorded = exchange.headers.iter().filter(|(name, _)| !is_key(&name.to_lowercase()));
    let mut headers: Headers = recorded.collect();
    for (name, value) in usual.iter() {
        if headers.get(name).is_none() && !(shown == Shown::NoKey && is_key(&name.to_lowercase())) {
            headers.push(name, value);
        }
    }
    // A key may stand in the query too.
    let target = if shown == Shown::NoKey { exchange.path() } else { exchange.target() };
    let models: Vec<String> = if shown == Shown::UnknownModel { vec!["a-known-model".to_owned()] } else { Vec::new() };
    book.judge(&Incoming {
        api,
        model: &ModelName { vendor: exchange.vendor.clone(), model: exchange.model.clone() },
        models: &models,
        target,
        headers: &headers,
        body: exchange.request.to_string().as_bytes(),
        expected_key: matches!(shown, Shown::WrongKey | Shown::NoKey).then_some("the-right-key"),
    })
}

/// Whether what the rule looks at was replaced by the recorder.
fn scrubbed(exchange: &Exchange, rule: &str) -> bool {
    rule == "mistral-tool-call-id" && exchange.request.to_string().contains("REDACTED")
}

/// A text without the key in it: how much of it shows hangs on the key.
fn unmasked(text: &str) -> String {
    let mut before = "";
    let words = text.split_whitespace().map(|word| {
        let is_key = word.contains("**") || before == "provided:";
        before = word;
        if is_key { "*" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn table(tallies: &BTreeMap<(bool, String), Tally>) -> String {
    let mut text = String::new();
    for (source, title) in
        [(true, "recordings that rules were made of"), (false, "recordings that no rule was made of")]
    {
        let _ = writeln!(
            text,
            "{title}:\n  {:14}{:>9}{:>9}{:>9}{:>11}{:>8}",
            "vendor", "answered", "refused", "claimed", "precision", "recall"
        );
        let mut all = Tally::default();
        for ((_, vendor), tally) in tallies.iter().filter(|((is_source, _), _)| *is_source == source) {
            let _ = writeln!(text, "{}", tally.line(vendor));
            all.answered += tally.answered;
            all.refused += tally.refused;
            all.claimed += tally.claimed;
            all.wrong += tally.wrong;
        }
        let _ = writeln!(text, "{}", all.line("all"));
    }
    text
}

impl Tally {
    fn line(&self, vendor: &str) -> String {
        let share = |part: u32, whole: u32| match whole {
            0 => "-".to_owned(),
            whole => format!("{}%", part * 100 / whole),
        };
        // What is wrongly refused though it was answered is a claim too.
        let said = self.claimed.max(self.wrong);
        let precision = share(said.saturating_sub(self.wrong), said);
        let recall = share(self.claimed, self.refused);
        format!("  {vendor:14}{:>9}{:>9}{:>9}{precision:>11}{recall:>8}", self.answered, self.refused, self.claimed)
    }
}
