//! Values for unit tests.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::answer::{AnswerScript, ScriptPart};
use crate::api::{ApiId, Conversation, Part, Role, Turn};
use crate::proxy::{CaseBy, Endpoint, GetBy, LegBy, Policy, Profile, Remembers};
use crate::scenario::{
    AnswerPlan, Barrier, Case, ClientPlan, Expect, LegPlan, Millis, Obeys, Pace, Play, Settings, Shape, ShapeLeg,
    StepPlan,
};
use crate::wire::Headers;

/// A healthy answer.
pub(crate) fn play() -> Play {
    let script = AnswerScript {
        summary: None,
        parts: vec![ScriptPart::Text { words: Some(24), literal: None }],
        repeat: None,
        chunk: None,
        finish: None,
        output_tokens: None,
    };
    Play {
        answer: AnswerPlan::Script { name: "text".to_owned(), script: Arc::new(script) },
        status: None,
        cut: None,
        edits: Vec::new(),
        pace: Pace::Instant,
        barrier: Barrier::Seen,
        obeys: Obeys::Exactly,
    }
}

/// A shape of two legs with the given models.
pub(crate) fn shape(models: &[&str]) -> Shape {
    let legs = models
        .iter()
        .zip(["primary", "fallback", "third"])
        .map(|(model, name)| {
            let model: crate::api::ModelName = model.parse().expect("a model");
            let api = ApiId::of_vendor(&model.vendor, ApiId::OpenaiChat).expect("a vendor");
            ShapeLeg { name: name.to_owned(), model, api }
        })
        .collect();
    Shape { legs, pool: false }
}

/// A plain case of one step on two legs.
pub(crate) fn case(scenario: &str, name: &str) -> Case {
    let shape = shape(&["openai/gpt-4o-mini", "openai/gpt-4o-mini"]);
    let legs = shape.legs.iter().map(|leg| LegPlan { name: leg.name.clone(), attempts: vec![play()] }).collect();
    let turn = Turn { role: Role::User, parts: vec![Part::text("Hello.")], place: String::new() };
    Case {
        scenario: scenario.to_owned(),
        name: name.to_owned(),
        file: format!("{scenario}.yaml"),
        line: 1,
        summary: None,
        checks: Vec::new(),
        only: Vec::new(),
        shape,
        settings: Settings::default(),
        proxy_config: BTreeMap::new(),
        time_limit: Millis(30_000),
        not_yet: None,
        beside: 0,
        sweep: None,
        steps: vec![StepPlan {
            client: ClientPlan {
                api: ApiId::OpenaiChat,
                conversation: Conversation { turns: vec![turn], stream: true, ..Conversation::default() },
                body: None,
                headers: Headers::default(),
                session: None,
                leave: None,
                pause: None,
            },
            legs,
            expect: Expect::default(),
        }],
    }
}

/// A profile that can everything.
pub(crate) fn profile() -> Profile {
    let endpoint = |path: &str| Endpoint { path: path.to_owned(), ..Endpoint::default() };
    Profile {
        profile: "p".to_owned(),
        summary: String::new(),
        get: GetBy::Builtin,
        versions: indexmap::IndexMap::new(),
        from: Vec::new(),
        repository: None,
        overlay: None,
        files: BTreeMap::new(),
        command: Vec::new(),
        env: BTreeMap::new(),
        ready: None,
        endpoints: BTreeMap::from([
            (ApiId::OpenaiChat, endpoint("/v1/chat/completions")),
            (ApiId::AnthropicMessages, endpoint("/v1/messages")),
        ]),
        case_by: CaseBy::Model,
        leg_by: LegBy::Prefix,
        routes: None,
        legs: None,
        vendor_before_model: false,
        pools: false,
        legs_by_arrival: false,
        model_per_leg: true,
        leg_apis: BTreeMap::new(),
        key_per_leg: true,
        remembers: Remembers::Nothing,
        front_ours: false,
        quiet: None,
        cannot: BTreeMap::new(),
        policy: Policy::default(),
    }
}
