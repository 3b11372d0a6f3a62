//! A case, fully resolved: what the proxy is configured with, and what client and legs do.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Barrier, Cut, Edit, Every, Expect, Leave, Millis, Obeys, Pace, Pause, Settings, Status};
use crate::answer::AnswerScript;
use crate::api::{ApiId, Conversation, ModelName};
use crate::cassette::Cassette;
use crate::wire::Headers;

/// One case of a scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Name of the scenario.
    pub scenario: String,
    /// Its values in `vary`'s order joined with `,`; empty without `vary`.
    pub name: String,
    /// The scenario file as it was named.
    pub file: String,
    /// Line of the file to which a failure points.
    pub line: usize,
    /// One sentence from the file.
    pub summary: Option<String>,
    /// Checks that the file is there to exercise.
    pub checks: Vec<String>,
    /// Profiles for which it is meant; empty for all.
    pub only: Vec<String>,
    /// What the proxy sees of it.
    pub shape: Shape,
    /// Neutral knobs.
    pub settings: Settings,
    /// Merged into the rendered configuration, per profile.
    pub proxy_config: BTreeMap<String, Value>,
    /// Limit of the whole case.
    pub time_limit: Millis,
    /// What the file names that cannot be run yet; the case is then `skip: not yet`.
    pub not_yet: Option<String>,
    /// How many neighbours it has: cases like it, with nothing broken, at the same time.
    #[serde(default)]
    pub beside: u32,
    /// Its place in a sweep, if it is a point of one.
    #[serde(default)]
    pub sweep: Option<SweepPoint>,
    /// One or more requests, in one session.
    pub steps: Vec<StepPlan>,
}

impl Case {
    /// `scenario[case]`, or the scenario alone without `vary`.
    pub fn id(&self) -> String {
        if self.name.is_empty() { self.scenario.clone() } else { format!("{}[{}]", self.scenario, self.name) }
    }
}

impl Case {
    /// A neighbour: the same requests of a client that stays and reads, to legs that just answer.
    #[must_use]
    pub fn neighbour(&self) -> Self {
        let mut neighbour = self.clone();
        neighbour.name = if self.name.is_empty() { "beside".to_owned() } else { format!("{},beside", self.name) };
        neighbour.beside = 0;
        neighbour.sweep = None;
        for step in &mut neighbour.steps {
            step.client.leave = None;
            step.client.pause = None;
            step.expect = Expect::default();
            for leg in &mut step.legs {
                leg.attempts.truncate(1);
                for play in &mut leg.attempts {
                    play.status = None;
                    play.cut = None;
                    play.edits.clear();
                }
            }
        }
        neighbour
    }
}

/// A point of a sweep: one of many places at which a leg's answer is cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepPoint {
    /// Address of the whole sweep: that of the case without its point.
    pub of: String,
    /// The leg that is cut.
    pub leg: String,
    /// What is counted.
    pub every: Every,
    /// The cut stands behind so many.
    pub at: u64,
    /// How many points the sweep has.
    pub points: usize,
}

/// What the proxy is configured with: legs in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Legs in order.
    pub legs: Vec<ShapeLeg>,
    /// A pool: no leg comes first, and the script follows the order of requests, whoever gets them.
    #[serde(default)]
    pub pool: bool,
}

/// A leg as the proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeLeg {
    /// `primary`, `fallback`, or any name.
    pub name: String,
    /// Whom it plays.
    pub model: ModelName,
    /// API it is asked in.
    pub api: ApiId,
}

/// One request of the client, and what the legs do meanwhile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepPlan {
    /// The client's side.
    pub client: ClientPlan,
    /// The legs' scripts, in the shape's order.
    pub legs: Vec<LegPlan>,
    /// What is legal beyond the table of endings.
    pub expect: Expect,
}

/// The client's side of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientPlan {
    /// API of the request.
    pub api: ApiId,
    /// The request in neutral form: model empty, without the unique word.
    pub conversation: Conversation,
    /// Merged into the body as it is.
    pub body: Option<Value>,
    /// Extra headers.
    pub headers: Headers,
    /// Session.
    pub session: Option<String>,
    /// The client goes away.
    pub leave: Option<Leave>,
    /// The client stops reading for a while.
    #[serde(default)]
    pub pause: Option<Pause>,
}

/// The script of one leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegPlan {
    /// Name of the leg.
    pub name: String,
    /// What happens on the 1st, 2nd, ... request; never empty, the last stays.
    pub attempts: Vec<Play>,
}

/// What a leg does with one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// What it answers.
    pub answer: AnswerPlan,
    /// An error status instead.
    pub status: Option<Status>,
    /// A scripted failure.
    pub cut: Option<Cut>,
    /// Legal but odd framings.
    pub edits: Vec<Edit>,
    /// When events are sent.
    pub pace: Pace,
    /// Whether a cut waits for the client.
    pub barrier: Barrier,
    /// How it takes a request to continue.
    pub obeys: Obeys,
}

/// What a leg answers, loaded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerPlan {
    /// A script, rendered in the leg's API with the leg's voice.
    Script {
        /// Name of the answer; its JSON if it stands in the scenario.
        name: String,
        /// The script.
        script: Arc<AnswerScript>,
    },
    /// A cassette of the leg's API, replayed byte by byte.
    Cassette {
        /// Path as the scenario names it.
        path: String,
        /// The cassette.
        cassette: Arc<Cassette>,
    },
}
