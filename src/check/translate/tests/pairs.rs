//! The pairs with Gemini and with OpenAI's Responses on either side: what is lost on one of them is lost in every one.

use super::*;

const GEMINI: &str = "gemini/gemini-2.5-flash";

/// Every way with one of the two at an end; where the client speaks Responses, so does an OpenAI leg.
const WAYS: [(ApiId, &str); 8] = [
    (ApiId::OpenaiChat, GEMINI),
    (ApiId::AnthropicMessages, GEMINI),
    (ApiId::OpenaiResponses, GEMINI),
    (ApiId::Gemini, GEMINI),
    (ApiId::Gemini, CHAT),
    (ApiId::Gemini, CLAUDE),
    (ApiId::OpenaiResponses, CHAT),
    (ApiId::OpenaiResponses, CLAUDE),
];

/// What each edit comes to, on every way.
#[test]
fn a_loss_is_found_on_every_way() {
    type Edit = fn(&mut Conversation);
    let rows: [(Edit, &[&str]); 14] = [
        (|_| (), &[]),
        (|c| drop(c.turns.remove(0)), &["turns: loses system"]),
        (|c| c.turns[0].parts = vec![Part::text("You are kind.")], &["turns: changes system"]),
        (|c| drop(c.turns.pop()), &["turns: loses turns[2]"]),
        (|c| c.turns.push(turn(Role::Assistant, vec![Part::text("Because")])), &["turns: adds turns[3]"]),
        (|c| c.turns.last_mut().expect("a turn").parts = vec![Part::text("Why?\n")], &["turns: changes turns[2].text"]),
        (|c| drop(c.tools.pop()), &["tools: loses tools[1] (time)"]),
        (|c| c.tools[0].description = None, &["tools: loses tools[0].description"]),
        (|c| c.tools[0].parameters["required"] = json!(["x"]), &["tools: changes tools[0].parameters"]),
        (|c| c.tool_choice = None, &["tools: loses tool_choice"]),
        (|c| c.turns.retain(|turn| turn.role != Role::Tool), &["calls: loses results[0], loses results[1]"]),
        (|c| c.turns[1].parts.retain(|part| !matches!(part, Part::Image { .. })), &["images: loses images[0]"]),
        (|c| drop(c.params.insert("temperature".to_owned(), json!(0.3))), &["params: changes params.temperature"]),
        (|c| drop(c.params.insert("max_tokens".to_owned(), json!(63))), &["params: changes params.max_tokens"]),
    ];
    let mut wrong = Vec::new();
    for (from, model) in WAYS {
        for (number, (edit, expect)) in rows.iter().enumerate() {
            let got = told(&made(from, model, &rich(), edit).lab());
            if got != *expect {
                wrong.push(format!("{from} to {model}, row {number}: {got:?}, expected {expect:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
