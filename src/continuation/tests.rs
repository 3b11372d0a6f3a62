use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::api::ApiId;
use crate::api::Role::{Assistant, System, Tool, User};
use crate::history::Continuation::{None as Anew, Prefill, Unrecognised, UserMessage};

const WHOLE: &str = "glorund bettami \u{1F600} varlotta\n\nquisper \"dalmeno\" & <torvin> hesplund orbivane.";

fn conversation(turns: &[(Role, &str)]) -> Conversation {
    let turns = turns
        .iter()
        .enumerate()
        .map(|(n, (role, text))| Turn { role: *role, parts: vec![Part::text(*text)], place: format!("/messages/{n}") })
        .collect();
    Conversation { turns, ..Conversation::default() }
}

fn voice(leg: &str, whole: &str, said: usize) -> VoiceText {
    let said = whole.chars().take(said).collect();
    VoiceText {
        leg: leg.to_owned(),
        whole: whole.to_owned(),
        said,
        borders: Vec::new(),
        pieces: Vec::new(),
        continues: true,
    }
}

fn ask(api: ApiId, reference: &[(Role, &str)], request: &[(Role, &str)], voices: &[VoiceText]) -> Recognised {
    recognise(&Asked {
        api: api.spoken().unwrap(),
        leg: "fallback",
        request: &conversation(request),
        reference: &conversation(reference),
        voices,
        unique: &["uniq1".to_owned(), "uniq2".to_owned()],
    })
}

const CLIENT: [(Role, &str); 2] = [(System, "Be terse."), (User, "Recite. uniq2")];

/// The client's turns with those of a proxy behind them, after 37 characters were said.
fn asked(api: ApiId, added: &[(Role, &str)]) -> Recognised {
    let request: Vec<_> =
        [(System, "Be terse."), (User, "Recite. uniq1")].into_iter().chain(added.iter().copied()).collect();
    ask(api, &CLIENT, &request, &[voice("primary", WHOLE, 37), voice("fallback", "mumblety foozle barkan", 0)])
}

fn said(characters: usize) -> String {
    WHOLE.chars().take(characters).collect()
}

#[test]
fn prefills() {
    let check = |text: &str, quoted: &str, from: usize| {
        let found = asked(ApiId::AnthropicMessages, &[(Assistant, text)]);
        assert_eq!(found.continuation, Prefill { quoted: quoted.to_owned() }, "{text:?}");
        assert_eq!((found.voice.as_deref(), found.from), (Some("primary"), from), "{text:?}");
    };
    check(&said(37), &said(37), 37);
    // Any length, cut inside a word, at a blank, behind an emoji (which is one character).
    check("g", "g", 1);
    check("glorund bett", "glorund bett", 12);
    check("glorund bettami \u{1F600}", "glorund bettami \u{1F600}", 17);
    // A blank that is quoted is not spoken again; one that was trimmed is.
    check("glorund ", "glorund ", 8);
    check("glorund", "glorund", 7);
    // Blanks that were not said do not count.
    check("glorund\n", "glorund", 7);
    check("glorund  ", "glorund ", 8);
    check("glorund bettami \u{1F600} varlotta\n\n", "glorund bettami \u{1F600} varlotta\n\n", 28);
}

#[test]
fn an_empty_prefill_starts_anew() {
    for text in ["", "  \n"] {
        let found = asked(ApiId::AnthropicMessages, &[(Assistant, text)]);
        assert_eq!(found, Recognised { continuation: Prefill { quoted: String::new() }, voice: None, from: 0 });
    }
}

#[test]
fn neighbouring_assistant_turns_are_one_prefill() {
    let found = asked(ApiId::AnthropicMessages, &[(Assistant, "glorund"), (Assistant, " bettami")]);
    assert_eq!(found.continuation, Prefill { quoted: "glorund bettami".to_owned() });
}

#[test]
fn a_prefill_of_the_clients_own_is_no_continuation() {
    let reference = [(User, "Recite."), (Assistant, "Well:")];
    let voices = [voice("primary", WHOLE, 37)];
    let found = ask(ApiId::AnthropicMessages, &reference, &reference, &voices);
    assert_eq!(found.continuation, Anew);

    // What the proxy adds to it is.
    let request = [(User, "Recite."), (Assistant, "Well:glorund bettami")];
    let found = ask(ApiId::AnthropicMessages, &reference, &request, &voices);
    assert_eq!(found.continuation, Prefill { quoted: "glorund bettami".to_owned() });
    assert_eq!(found.from, 15);
}

#[test]
fn a_trailing_assistant_turn_is_history_for_openai() {
    let found = asked(ApiId::OpenaiChat, &[(Assistant, &said(37))]);
    assert!(matches!(found.continuation, Unrecognised { .. }), "{found:?}");
    // With instructions that quote nothing, too.
    let found = asked(ApiId::OpenaiChat, &[(System, "Go on from the last message."), (Assistant, &said(37))]);
    assert!(matches!(found.continuation, Unrecognised { .. }), "{found:?}");
    // A user's turn behind it asks for something.
    let found = asked(ApiId::OpenaiChat, &[(Assistant, &said(37)), (User, "Go on.")]);
    assert_eq!(found.continuation, UserMessage { quoted: said(37) });
    assert_eq!(found.from, 37);
}

#[test]
fn user_messages() {
    let check = |text: &str, from: usize| {
        for api in [ApiId::OpenaiChat, ApiId::AnthropicMessages] {
            let found = asked(api, &[(User, text)]);
            assert!(matches!(&found.continuation, UserMessage { quoted } if said(from).ends_with(quoted)), "{found:?}");
            assert_eq!((found.voice.as_deref(), found.from), (Some("primary"), from), "{text:?}");
        }
    };
    // 45 characters: up to the end of the quoted word.
    let whole = said(37);
    check(&format!("You said: {whole}"), 37);
    check(&format!("You said:\n\n{whole}\n\nGo on."), 37);
    check(&format!("<partial>{whole}</partial> Go on."), 37);
    check(&format!("Say the rest of {}.", serde_json::to_string(&whole).unwrap()), 37);
    let twice = serde_json::to_string(&serde_json::to_string(&whole).unwrap()).unwrap();
    check(&format!("{{\"partial\": {twice}}}"), 37);
    // Quoted twice, or only the tail of it, or both.
    check(&format!("{whole} | {whole}"), 37);
    check("... varlotta\n\nquisper \u{2026} go on", 35);
    check(&format!("{whole} ends in: varlotta\n\nquisper \"d"), 37);
    // Less than was said: a proxy that lost some.
    check("You said: glorund bettami \u{1F600}. Go on.", 17);
    check("You said: glorund bettami. Go on.", 15);
    // Trailing blanks trimmed: the blank is spoken again.
    check("So far: glorund bettami \u{1F600} varlotta", 26);
    // A blank that separates words of the proxy is none of the voice's.
    check("So far: glorund bettami Please go on.", 15);
}

#[test]
fn escapes() {
    let whole: String = WHOLE.chars().collect();
    let characters = whole.chars().count();
    let check = |text: &str| {
        let voices = [voice("primary", WHOLE, characters)];
        let found = ask(ApiId::OpenaiChat, &[(User, "Recite.")], &[(User, "Recite."), (User, text)], &voices);
        assert_eq!(found.continuation, UserMessage { quoted: whole.clone() }, "{text}");
        assert_eq!(found.from, characters);
    };
    check(&whole);
    check(&serde_json::to_string(&whole).unwrap());
    let ascii: String = whole.encode_utf16().fold(String::new(), |mut out, unit| {
        match u8::try_from(unit).ok().filter(|byte| byte.is_ascii() && !b"\"\n".contains(byte)) {
            Some(byte) => out.push(char::from(byte)),
            None => write!(out, "\\u{unit:04x}").unwrap(),
        }
        out
    });
    check(&format!("\"{ascii}\""));
    let markup = whole.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    check(&format!("<said>{markup}</said>"));
    check(&markup.replace('"', "&quot;").replace('\u{1F600}', "&#x1F600;"));
    check(&serde_json::to_string(&markup).unwrap());
}

#[test]
fn what_is_not_quoted_well_enough_is_unrecognised() {
    let check = |added: &[(Role, &str)]| {
        let found = asked(ApiId::AnthropicMessages, added);
        assert!(matches!(found.continuation, Unrecognised { .. }), "{added:?}: {found:?}");
        assert_eq!((found.voice, found.from), (None, 0));
    };
    check(&[(User, "Please go on.")]);
    check(&[(User, "You said: glorund b")]);
    check(&[(Assistant, "something else")]);
    check(&[(Assistant, "bettami \u{1F600} varlotta")]);
    // Head and tail with something left out between them.
    check(&[(User, "From: glorund bettami [...] to: varlotta\n\nquisper")]);
}

#[test]
fn little_that_was_said_counts_if_it_is_all() {
    let asked = |said: usize, text: &str| {
        let voices = [voice("primary", WHOLE, said)];
        ask(ApiId::OpenaiChat, &[(User, "Recite.")], &[(User, "Recite."), (User, text)], &voices)
    };
    let found = asked(7, "You said `glorund`. Go on.");
    assert_eq!((found.continuation, found.from), (UserMessage { quoted: "glorund".to_owned() }, 7));
    // With the blank said, quoted or not.
    assert_eq!(asked(8, "You said `glorund`. Go on.").from, 7);
    // Not as a part of another word, and not a part of it.
    assert!(matches!(asked(7, "You said `glorundy`. Go on.").continuation, Unrecognised { .. }));
    assert!(matches!(asked(9, "You said `glorund`. Go on.").continuation, Unrecognised { .. }));
}

#[test]
fn two_places_are_one_too_many() {
    let repeating = "one two three four, five. one two three four, six.";
    let asked = |said: usize, text: &str| {
        let voices = [voice("primary", repeating, said)];
        ask(ApiId::OpenaiChat, &[(User, "Recite.")], &[(User, "Recite."), (User, text)], &voices).continuation
    };
    assert!(matches!(asked(50, "You said: one two three four"), Unrecognised { .. }));
    assert!(matches!(asked(50, "You said: one two three four, five"), UserMessage { .. }));
    assert!(matches!(asked(24, "You said: one two three four"), UserMessage { .. }));
}

#[test]
fn two_voices_are_one_too_many_unless_chained() {
    let voices = [voice("primary", WHOLE, 37), voice("second", "mumblety foozle barkan dorin", 15)];
    let asked = |text: &str| ask(ApiId::OpenaiChat, &[(User, "Hi.")], &[(User, "Hi."), (User, text)], &voices);
    let found = asked("mumblety foozle");
    assert_eq!((found.voice.as_deref(), found.from), (Some("second"), 15));
    let found = asked(&format!("{} mumblety foozle", said(37)));
    assert!(matches!(found.continuation, Unrecognised { .. }), "{found:?}");
}

#[test]
fn nothing_beyond_the_control_is_no_continuation() {
    let voices = [voice("primary", WHOLE, 37)];
    let check = |request: &[(Role, &str)]| {
        let found = ask(ApiId::AnthropicMessages, &CLIENT, request, &voices);
        assert_eq!(found.continuation, Anew, "{request:?}");
    };
    check(&[(System, "Be terse."), (User, "Recite. uniq1")]);
    // An edited or a new system prompt alone asks for nothing, nor does text put before the client's.
    check(&[(System, "Be terse. Answer in the user's language."), (User, "Recite. uniq1")]);
    check(&[(System, "Be terse."), (User, "Context: none.\nRecite. uniq1")]);
    check(&[(User, "Recite. uniq1")]);
    check(&[(System, "Be terse."), (User, "Recit. uniq1")]);
}

#[test]
fn a_quotation_counts_wherever_it_stands() {
    let voices = [voice("primary", WHOLE, 37)];
    let text = format!("Be terse. So far: {}", said(37));
    let found = ask(ApiId::OpenaiChat, &CLIENT, &[(System, &text), (User, "Recite. uniq1")], &voices);
    assert_eq!((found.continuation, found.from), (UserMessage { quoted: said(37) }, 37));
    // Joined to the client's own turn.
    let text = format!("Recite. uniq1\n\nGo on from: {}", said(37));
    let found = ask(ApiId::OpenaiChat, &CLIENT, &[(System, "Be terse."), (User, &text)], &voices);
    assert_eq!(found.from, 37);
}

#[test]
fn what_the_client_quoted_itself_does_not_count() {
    let history = [(User, "Recite."), (Assistant, "glorund bettami \u{1F600} varlotta"), (User, "Again.")];
    let voices = [voice("primary", WHOLE, 37)];
    assert_eq!(ask(ApiId::OpenaiChat, &history, &history, &voices).continuation, Anew);
    let more = [history[0], history[1], history[2], (User, "So far: glorund bettami \u{1F600}")];
    assert_eq!(ask(ApiId::OpenaiChat, &history, &more, &voices).from, 17);
}

#[test]
fn results_of_tools_are_read_too() {
    let result = |text: &str| Turn {
        role: Tool,
        parts: vec![Part::ToolResult {
            id: "call_1".to_owned(),
            parts: vec![Part::text(text)],
            error: false,
            cache: false,
        }],
        place: String::new(),
    };
    let mut reference = conversation(&[(User, "Look.")]);
    reference.turns.push(result("sunny"));
    let mut request = reference.clone();
    request.turns.push(Turn { role: User, parts: vec![Part::text(said(37))], place: String::new() });
    let found = recognise(&Asked {
        api: ApiId::OpenaiChat.spoken().unwrap(),
        leg: "fallback",
        request: &request,
        reference: &reference,
        voices: &[voice("primary", WHOLE, 37)],
        unique: &[],
    });
    assert_eq!(found.from, 37);
}

#[test]
fn a_proxy_that_holds_pieces_back_quotes_what_its_client_was_given() {
    let ask = |quoted: &str, borders: &[usize]| {
        let primary = VoiceText { borders: borders.to_vec(), ..voice("primary", WHOLE, 9) };
        let (client, text) = ((User, "Hi."), format!("Go on behind <said>{quoted}</said>."));
        let voices = [primary, voice("fallback", "mumblety foozle", 0)];
        ask(ApiId::OpenaiChat, &[client], &[client, (User, &text)], &voices)
    };
    let check = |quoted: &str, borders: &[usize], from: Option<usize>| {
        let found = ask(quoted, borders);
        assert_eq!(matches!(found.continuation, UserMessage { .. }), from.is_some(), "{quoted:?}: {found:?}");
        assert_eq!(found.from, from.unwrap_or_default(), "{quoted:?}");
    };
    check("glorund b", &[], Some(9));
    check("glorund b", &[8, 7, 6], Some(9));
    check("glorun", &[8, 7, 6], Some(6));
    check("glorund", &[8, 7, 6], Some(7));
    // No more than is held back, and nothing where nothing is.
    check("gloru", &[8, 7, 6], None);
    check("glorun", &[], None);
    // The first letters of a longer word are no quotation.
    check("glorunish", &[8, 7, 6], None);
}

#[test]
fn a_blank_at_the_end_is_quoted_where_a_piece_ends_with_it() {
    let check = |quoted: &str, pieces: &[usize], from: usize| {
        let primary = VoiceText { pieces: pieces.to_vec(), ..voice("primary", WHOLE, 37) };
        let text = format!("Go on behind <said>{quoted}</said>.");
        let voices = [primary, voice("fallback", "mumblety foozle", 0)];
        let client = (User, "Hi.");
        assert_eq!(ask(ApiId::OpenaiChat, &[client], &[client, (User, &text)], &voices).from, from, "{quoted:?}");
    };
    check("glorund bettami ", &[3, 16, 37], 16);
    // Words with their blank in front, or a piece of blanks, which may be the proxy's own.
    check("glorund bettami ", &[7, 15, 37], 15);
    check("glorund bettami ", &[7, 15, 16, 37], 15);
}

#[test]
fn cassettes_calls_and_thinking_are_never_continued() {
    let mut voices = [voice("primary", WHOLE, 37), voice("fallback", "mumblety foozle", 0)];
    let asked = |voices: &[VoiceText]| {
        let (client, quoted) = ((User, "Hi."), said(37));
        ask(ApiId::AnthropicMessages, &[client], &[client, (Assistant, &quoted)], voices).continuation
    };
    assert!(matches!(asked(&voices), Prefill { .. }));
    voices[1].continues = false;
    assert!(matches!(asked(&voices), Unrecognised { .. }));
    voices[1].continues = true;
    voices[0].continues = false;
    assert!(matches!(asked(&voices), Unrecognised { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_is_continued_exactly(at in 1_usize..200, before in ".{0,20}", after in "[ .!?]{0,6}", json in any::<bool>()) {
        let at = at % WHOLE.chars().count() + 1;
        let quoted = said(at);
        let shown = if json { serde_json::to_string(&quoted).unwrap() } else { format!("\u{00AB}{quoted}\u{00BB}") };
        let voices = [voice("primary", WHOLE, at)];
        let text = format!("{before} {shown} {after}");
        let found = ask(ApiId::OpenaiChat, &[(User, "Hi.")], &[(User, "Hi."), (User, &text)], &voices);
        // Blanks at the end of a short text are not needed.
        prop_assert!(found.from == at || at <= 16 && found.from == quoted.trim_end().chars().count(), "{:?}", found);

        let found = ask(ApiId::AnthropicMessages, &[(User, "Hi.")], &[(User, "Hi."), (Assistant, &quoted)], &voices);
        prop_assert_eq!(found.from, at);
        let trimmed = quoted.trim_end();
        let found = ask(ApiId::AnthropicMessages, &[(User, "Hi.")], &[(User, "Hi."), (Assistant, trimmed)], &voices);
        prop_assert_eq!(found.from, trimmed.chars().count());
    }

    #[test]
    fn nothing_makes_it_panic(texts in prop::collection::vec("(\\\\u[0-9a-f]{0,5}|&#?x?[0-9a-f]{0,6};?|\\PC){0,12}", 0..4)) {
        let request: Vec<_> = texts.iter().map(|text| (User, text.as_str())).collect();
        ask(ApiId::OpenaiChat, &[(User, "Hi.")], &request, &[voice("primary", WHOLE, 30)]);
    }
}
