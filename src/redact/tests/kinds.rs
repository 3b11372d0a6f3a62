//! Every kind of secret, by itself; and what is none.

use super::super::shapes::Book;
use super::super::{Found, RedactRules, Redactor};
use super::{Secret, redactor};

fn cleaned(redactor: &Redactor, text: &str) -> (String, Vec<String>) {
    let mut bytes = text.as_bytes().to_vec();
    let mut found = Found::default();
    redactor.text(&mut bytes, "test", &mut found);
    assert_eq!(bytes.len(), text.len(), "{text}");
    (String::from_utf8(bytes).expect("text stays text"), found.words)
}

#[test]
fn every_kind_is_found_by_its_examples_and_is_sourced() {
    let book = Book::bundled().expect("the book");
    let redactor = redactor();
    for shape in &book.secrets {
        assert!(shape.source.starts_with("https://"), "{}", shape.id);
        assert!(!shape.example.is_empty() && !shape.vendor.is_empty(), "{}", shape.id);
        for (seed, example) in shape.example.iter().enumerate() {
            for around in [["", ""], ["the key ", " is it"], ["(\"", "\")"], ["=", ";"], ["\n", "\n"]] {
                let secret = Secret::new(example, seed as u64 + 7);
                let text = format!("{}{}{}", around[0], secret.text, around[1]);
                let (cleaned, found) = cleaned(redactor, &text);
                assert!(!secret.shows_in(cleaned.as_bytes()), "{}: {text} -> {cleaned}", shape.id);
                // A kind that another covers would be dead.
                let own = format!("{} in the test", shape.what);
                assert!(found.contains(&own), "{}: {text} -> {cleaned}: {found:?}", shape.id);
                assert!(cleaned.starts_with(around[0]) && cleaned.ends_with(around[1]), "{}: {cleaned}", shape.id);
            }
        }
    }
    let mut vendors: Vec<_> = book.secrets.iter().map(|shape| &shape.vendor).collect();
    vendors.sort();
    vendors.dedup();
    assert!(vendors.len() > 20, "{vendors:?}");
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let book = Book::bundled().expect("the book");
    for text in book.stays.iter().map(String::as_str).chain(["ann@example.com", "git@github.com:a/b", "icon@2x.png"]) {
        for text in [text.to_owned(), format!("{{\"id\":\"{text}\",\"next\":1}}"), format!("the {text} of")] {
            assert_eq!(cleaned(redactor(), &text), (text.clone(), Vec::new()));
        }
    }
}

#[test]
fn fields_are_known_by_their_names() {
    let check = |text: &str, expect: &str| assert_eq!(cleaned(redactor(), text).0, expect);
    check(r#"{"password": "correct-horse"}"#, r#"{"password": "xxxxxxxxxxxxx"}"#);
    check(r#"{"Client_Secret":"abc/def\"ghi"}"#, r#"{"Client_Secret":"xxxxxxxxxxxx"}"#);
    check(r#"{"a":"{\"api_key\":\"abcdefghij\"}"}"#, r#"{"a":"{\"api_key\":\"xxxxxxxxxx\"}"}"#);
    check("grant_type=x&client_secret=abcdefghij&a=b", "grant_type=x&client_secret=xxxxxxxxxx&a=b");
    check(r#"{"password": "short"}"#, r#"{"password": "short"}"#);
    check(r#"{"passwords": "correct-horse"}"#, r#"{"passwords": "correct-horse"}"#);
}

#[test]
fn rules_of_ones_own_are_followed() {
    let rules = |names: &[&str], patterns: &[&str], keep: &[&str]| RedactRules {
        names: names.iter().map(ToString::to_string).collect(),
        patterns: patterns.iter().map(ToString::to_string).collect(),
        keep: keep.iter().map(ToString::to_string).collect(),
    };
    let check = |rules: &RedactRules, text: &str, expect: &str| {
        let redactor = Redactor::new(rules).expect("good rules");
        assert_eq!(cleaned(&redactor, text).0, expect);
    };
    let own = rules(&["tenant"], &["ACME-[0-9]+", "case (?P<secret>[0-9]+)"], &["ann@acme.test", "@corp.test"]);
    check(&own, "see ACME-1234 of case 77", "see xxxxxxxxx of case xx");
    check(&own, r#"{"tenant": "t"}"#, r#"{"tenant": "x"}"#);
    check(&own, "ann@acme.test bob@acme.test cy@corp.test", "ann@acme.test xxxxxxxxxxxxx cy@corp.test");
    check(&rules(&[], &["M\u{fc}ller"], &[]), r#"Müller and "M\u00fcller""#, r#"xxxxxxx and "x\u0078xxxx""#);
    let wrong = |rules: &RedactRules| Redactor::new(rules).expect_err("bad rules");
    assert_eq!((wrong(&rules(&[], &["a", "("], &[])).at, wrong(&rules(&[""], &[], &[])).list), (1, "names"));
    assert!(wrong(&rules(&[], &["x{1000}{1000}"], &[])).message.contains("size limit"));
}

#[test]
fn what_is_made_from_scripts_is_clean() {
    for (name, text) in crate::cassette::BUNDLED {
        // One of each vendor and API, and those with tools.
        if name.ends_with("text.yaml") || name.ends_with("tools.yaml") {
            assert_eq!(redactor().scan(text.as_bytes()), [], "{name}");
        }
    }
}
