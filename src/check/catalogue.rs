//! Every check: what it requires, why, and what passes and fails it. The pages of `explain` and the reports read this.

use super::Level;

/// What a check requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckInfo {
    /// Stable id, `family.name`; the same for pass and fail.
    pub id: &'static str,
    /// How strictly it binds; a verdict may bind less, and then says so itself.
    pub level: Level,
    /// The requirement in one sentence.
    pub requirement: &'static str,
    /// Why it is required.
    pub rationale: &'static str,
    /// What passes.
    pub passes: &'static str,
    /// What fails.
    pub fails: &'static str,
    /// Where it was reported, or what it rests on.
    pub sources: &'static [&'static str],
}

impl CheckInfo {
    /// The family, `fallback` for `fallback.accepted`.
    pub fn family(&self) -> &'static str {
        self.id.split('.').next().unwrap_or_default()
    }
}

/// The check with this id.
pub fn info(id: &str) -> Option<&'static CheckInfo> {
    CATALOGUE.iter().find(|info| info.id == id)
}

/// Every check, in the order in which a case's verdicts are given.
pub const CATALOGUE: &[CheckInfo] = &[
    CheckInfo {
        id: "route.reached",
        level: Level::Must,
        requirement: "At least one leg of the case is asked, and legs are first asked in their order.",
        rationale: "A proxy that points at the wrong port, or answers by itself, looks healthy in every other check.",
        passes: "The primary is asked first; a fallback, if any, after it.",
        fails: "No leg is asked, or the fallback is asked first.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/4596",
            "https://github.com/agentgateway/agentgateway/issues/1087",
        ],
    },
    CheckInfo {
        id: "fallback.same-as-control",
        level: Level::Must,
        requirement: "The fallback's request is what this proxy sends to the same target when that is the only leg and \
                      nothing is broken, except for what a recognised continuation adds.",
        rationale: "Whatever a proxy does to every request (translation, guardrails, clamps) is in the control too, so \
                    what is left is what the failure changed.",
        passes: "The same conversation, tools and parameters; after content also one turn that quotes what was said, or \
                 a lower token limit.",
        fails: "An instruction added to the system prompt, a lost tool, a changed parameter, the primary's model.",
        sources: &["https://github.com/BerriAI/litellm/issues/18229", "https://github.com/BerriAI/litellm/pull/33738"],
    },
    CheckInfo {
        id: "fallback.accepted",
        level: Level::Must,
        requirement: "The fallback's request is one that the target's real model accepts.",
        rationale: "A fallback that is certain to be refused is no fallback: the user gets a 400 where an answer or the \
                    true error was due.",
        passes: "No rule of the target refuses the request.",
        fails: "A trailing assistant turn sent to a model without prefill. Where the proxy recovers from the refusal, \
                this only warns.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/27967",
            "https://github.com/diegosouzapw/OmniRoute/pull/6114",
        ],
    },
    CheckInfo {
        id: "fallback.credentials",
        level: Level::Must,
        requirement: "No leg is sent a key of another leg, of another route, or a decoy, in any decoded form.",
        rationale: "A key that reaches another provider is disclosed to it, and the request fails besides.",
        passes: "Each leg is sent its own key only.",
        fails: "The primary's key in any header, the query or the body of the fallback's request, plain, URL-encoded \
                or in base64.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/14371",
            "https://github.com/BerriAI/litellm/issues/16667",
        ],
    },
    CheckInfo {
        id: "fallback.attempts",
        level: Level::Must,
        requirement: "No leg is sent the same request again after a deterministic 4xx, and no leg is asked more often \
                      than the retries allow.",
        rationale: "A request that was refused for what it says is refused again; each further try costs the user time.",
        passes: "One request to each leg, or as many as the declared retries allow.",
        fails: "The same body sent to the same leg after a 400, 401, 403, 404 or 422.",
        sources: &[
            "https://github.com/lobehub/lobehub/pull/14398",
            "https://github.com/QuantumNous/new-api/issues/2899",
        ],
    },
    CheckInfo {
        id: "stream.grammar",
        level: Level::Must,
        requirement: "What the client gets follows its API's stream grammar.",
        rationale: "Official SDKs raise, hang or lose data on a stream that does not; lesser deviations only warn.",
        passes: "A stream as the vendor sends it, with comments, pings and unknown fields as it likes.",
        fails: "An event that an official SDK cannot parse, or a block that is never opened.",
        sources: &[],
    },
    CheckInfo {
        id: "stream.text",
        level: Level::Must,
        requirement: "The client gets what the legs said, each character once and in order: nothing lost, doubled, \
                      spliced or invented; tool arguments and thinking are whole too.",
        rationale: "Every word a leg says is unique, so each character that the client gets has a leg and an offset.",
        passes: "One leg's answer whole, or a prefix of it before a visible error, or two legs' text joined without a gap.",
        fails: "A lost or doubled word; text of one leg behind text of another that it does not continue; a blank lost \
                at the seam; broken tool arguments.",
        sources: &[
            "https://github.com/zirkelc/ai-retry/issues/51",
            "https://github.com/open-webui/computer/issues/300",
        ],
    },
    CheckInfo {
        id: "stream.truncation-visible",
        level: Level::Must,
        requirement: "An answer that no leg finished never looks finished to the client.",
        rationale: "A truncated answer that looks whole is taken for the answer, and nobody ever knows.",
        passes: "An error in the client API's own shape, a transport that visibly breaks, or another leg that completes \
                 the answer.",
        fails: "A finish reason, an end mark or a clean end that no leg sent. Handing on an upstream's own clean end \
                unchanged warns where the proxy declares to pass bytes through.",
        sources: &[
            "https://github.com/Portkey-AI/gateway/issues/1797",
            "https://github.com/BerriAI/litellm/issues/40404",
        ],
    },
    CheckInfo {
        id: "stream.single-start",
        level: Level::Must,
        requirement: "A stream starts one message, under one id.",
        rationale: "SDKs accumulate into one message: a second start drops or garbles what came before.",
        passes: "One `message_start`, one first delta with a role.",
        fails: "A second `message_start`, or a second role, where a fallback took over.",
        sources: &["https://github.com/zirkelc/ai-retry/issues/51"],
    },
    CheckInfo {
        id: "stream.incremental",
        level: Level::Must,
        requirement: "Text is handed on as it comes, not held back until the answer is whole.",
        rationale: "Streaming is asked for because the user watches; a buffered stream is no stream.",
        passes: "In lock step, the client has each delta before the next is sent, but for the declared buffer.",
        fails: "More is held back than the proxy declares. Undeclared buffering warns.",
        sources: &[],
    },
    CheckInfo {
        id: "error.not-self-inflicted",
        level: Level::Must,
        requirement: "If the client's request is acceptable to the target, no 4xx that the proxy's own edit caused \
                      reaches the client.",
        rationale: "The user is told that the request is wrong, and it is the proxy's.",
        passes: "The original error, or an answer.",
        fails: "The fallback's refusal of an edited request, as a status or inside the stream.",
        sources: &["https://github.com/BerriAI/litellm/issues/27967"],
    },
    CheckInfo {
        id: "error.shape",
        level: Level::Should,
        requirement: "An error has the client API's shape and an error status, unless an answer had begun.",
        rationale: "SDKs raise by status and read the body in one shape; an error under 200 is no error to them.",
        passes: "A non-2xx status with the API's error body; after the head, the API's error event.",
        fails: "An error body under status 200, or an event that official SDKs drop. Another shape of body, and a 200 \
                before any leg had answered, warn.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/38610",
            "https://github.com/tensorzero/tensorzero/pull/861",
        ],
    },
    CheckInfo {
        id: "error.no-internals",
        level: Level::Must,
        requirement: "The client sees no key, no other route, no decoy and no stack trace.",
        rationale: "Errors are shown to users and pasted into tickets.",
        passes: "An error that names the model, or the fallback's.",
        fails: "A map of every route, a traceback with file paths, a key.",
        sources: &["https://github.com/BerriAI/litellm/issues/27967"],
    },
    CheckInfo {
        id: "lifecycle.cancel",
        level: Level::Must,
        requirement: "When the client leaves, the proxy leaves its upstream.",
        rationale: "Tokens that nobody reads are paid for.",
        passes: "The leg sees the proxy go within the time declared, else within 2 s.",
        fails: "The leg speaks to its end, or a further leg is asked.",
        sources: &[
            "https://github.com/BerriAI/litellm/issues/13774",
            "https://github.com/BerriAI/litellm/issues/37140",
        ],
    },
    CheckInfo {
        id: "lifecycle.survives",
        level: Level::Must,
        requirement: "After the case, the proxy still serves a plain request.",
        rationale: "One broken stream must not cost the next user's.",
        passes: "The plain request is answered.",
        fails: "It is not.",
        sources: &[],
    },
    CheckInfo {
        id: "expect.outcome",
        level: Level::Must,
        requirement: "The exchange ends in a way that is legal for how far the upstream got, and that the scenario \
                      allows.",
        rationale: "The table of legal endings is what any proxy can be held to; `silent`, `doubled`, `spliced` and \
                    `hung` are legal nowhere.",
        passes: "`completed` after a whole answer; `restarted` or `error` before content; `error` or a declared \
                 `continued` after it.",
        fails: "Any other ending. An undeclared continuation warns.",
        sources: &[],
    },
    CheckInfo {
        id: "expect.requests",
        level: Level::Must,
        requirement: "Each leg is asked as often as the scenario says.",
        rationale: "Some bugs show in the number of requests alone.",
        passes: "Every leg's generation requests lie within its count.",
        fails: "More, or fewer.",
        sources: &["https://github.com/BerriAI/litellm/issues/19077"],
    },
    CheckInfo {
        id: "expect.status",
        level: Level::Must,
        requirement: "The client gets the HTTP status that the scenario says.",
        rationale: "Clients decide by status whether to try again.",
        passes: "That status.",
        fails: "Another, or none.",
        sources: &[],
    },
];
