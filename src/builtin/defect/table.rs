//! The table of defects. The text of each is its summary.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Facts, Family};

/// Makes the defects of a table: the enum, its list, and the facts of each.
macro_rules! defects {
    ($($family:ident {$(
        $(#[doc = $text:literal])+
        $defect:ident = $name:literal, fails [$($check:literal),+], policy $policy:literal, mimics [$($row:literal),*];
    )+})+) => {
        /// One thing that the reference proxy does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Defect {$($(
            $(#[doc = $text])+
            #[serde(rename = $name)]
            $defect,
        )+)+}

        impl Defect {
            /// Every defect, by family.
            pub const ALL: &'static [Self] = &[$($(Self::$defect),+),+];

            pub(super) fn facts(self) -> Facts {
                match self {$($(
                    Self::$defect => Facts {
                        family: Family::$family,
                        name: $name,
                        summary: concat!($($text),+),
                        fails: &[$($check),+],
                        policy: $policy,
                        rows: &[$($row),*],
                    },
                )+)+}
            }
        }
    };
}

defects! {
    Routing {
        /// The last leg is asked first.
        FallbackFirst = "fallback-first",
            fails ["route.reached", "expect.outcome", "expect.requests"], policy "continue_user", mimics [];
        /// The model is never asked: the proxy answers with a line of its own.
        AnswersByItself = "answers-by-itself",
            fails ["route.reached", "stream.text", "expect.outcome", "expect.requests", "expect.status"], policy "continue_user", mimics [];
        /// The first failure is final: no further leg is asked.
        NeverFallsBack = "never-falls-back",
            fails ["fallback.taken", "expect.outcome", "expect.requests", "route.reached"], policy "continue_user", mimics [11, 25, 26];
        /// Further legs are asked for unary answers alone.
        NoFallbackWhenStreaming = "no-fallback-when-streaming",
            fails ["fallback.taken", "expect.outcome", "expect.requests", "route.reached"], policy "continue_user", mimics [15, 18, 25];
        /// An error that a leg tells inside a stream is final, even before any content.
        InBandErrorIsFinal = "in-band-error-is-final",
            fails ["fallback.taken", "expect.outcome", "expect.requests"], policy "continue_user", mimics [12, 13, 14, 15, 21, 22, 24];
        /// A leg that says nothing for too long is given up without asking the next.
        TimeoutIsFinal = "timeout-is-final",
            fails ["fallback.taken", "expect.outcome"], policy "continue_user", mimics [23];
        /// The message begins with a leg's head, so that a failure before content can no longer lead on.
        PreambleIsContent = "preamble-is-content",
            fails ["fallback.taken", "error.original", "expect.outcome", "expect.requests"], policy "continue_user", mimics [16, 20, 31];
        /// Of all legs behind the first only one is ever asked.
        ChainNotWalked = "chain-not-walked",
            fails ["fallback.taken", "expect.outcome", "expect.requests"], policy "continue_user", mimics [17];
        /// A leg that answered once is the only one that the same prompt goes to from then on.
        AffinityBlocksFailover = "affinity-blocks-failover",
            fails ["fallback.taken", "expect.outcome", "expect.requests"], policy "continue_user", mimics [54];
        /// The fallback is the primary once more.
        FallbackIsThePrimary = "fallback-is-the-primary",
            fails ["fallback.taken", "fallback.attempts", "expect.outcome", "expect.requests", "fallback.retry-after", "route.reached"], policy "continue_user", mimics [44, 53];
        /// The limit of legs is not heeded.
        MaxFallbacksIgnored = "max-fallbacks-ignored",
            fails ["fallback.attempts", "expect.requests", "expect.outcome"], policy "continue_user", mimics [19];
        /// A request that was refused for good is sent once more.
        RetryOn400 = "retry-on-400",
            fails ["fallback.attempts", "expect.requests"], policy "continue_user", mimics [10];
        /// A leg that fails is asked four times more, at once.
        RetriesTooOften = "retries-too-often",
            fails ["fallback.attempts", "expect.requests", "fallback.retry-after"], policy "continue_user", mimics [52, 53];
        /// Each request to a leg is sent twice, and one of the answers thrown away.
        AsksTwice = "asks-twice",
            fails ["fallback.attempts", "stream.usage", "expect.requests", "expect.outcome", "fallback.retry-after"], policy "continue_user", mimics [];
        /// A leg is asked again at once, however long it asked to be left alone.
        RetryAfterIgnored = "retry-after-ignored",
            fails ["fallback.retry-after"], policy "continue_user", mimics [51, 52];
    }
    Request {
        /// A sentence of the proxy is added to the system prompt of every fallback request.
        SystemPromptEdited = "system-prompt-edited",
            fails ["fallback.same-as-control"], policy "continue_user", mimics [3];
        /// Every fallback loses the parameter `temperature`.
        ParamLostOnFallback = "param-lost-on-fallback",
            fails ["fallback.same-as-control"], policy "continue_user", mimics [];
        /// A fallback is asked for the primary's model.
        PrimaryModelOnFallback = "primary-model-on-fallback",
            fails ["fallback.model", "fallback.accepted", "fallback.same-as-control"], policy "continue_user", mimics [];
        /// A parameter that only the primary's API knows is sent to the fallback.
        UnsupportedParamKept = "unsupported-param-kept",
            fails ["fallback.same-as-control"], policy "continue_user", mimics [45];
        /// Where requests are fitted to what their model takes, a fallback's is fitted to the primary's model.
        FitsToThePrimary = "fits-to-the-primary",
            fails ["fallback.accepted", "fallback.same-as-control"], policy "continue_user", mimics [45, 46];
        /// A fallback request carries the primary's key beside its own.
        PrimaryKeyOnFallback = "primary-key-on-fallback",
            fails ["fallback.credentials"], policy "continue_user", mimics [42, 43];
        /// A fallback request carries the primary's key in base64, inside another header.
        KeyInBase64 = "key-in-base64",
            fails ["fallback.credentials"], policy "continue_user", mimics [43];
        /// A fallback request carries the primary's key in its query, URL-encoded.
        KeyInQuery = "key-in-query",
            fails ["fallback.credentials"], policy "continue_user", mimics [43];
        /// The client's own key is handed on to a fallback.
        ClientKeyOnFallback = "client-key-on-fallback",
            fails ["fallback.credentials"], policy "continue_user", mimics [];
        /// The system prompt reaches no leg.
        SystemTurnLost = "system-turn-lost",
            fails ["translate.turns", "translate.cache"], policy "continue_user", mimics [];
        /// The first two turns of a longer conversation change places.
        TurnsReordered = "turns-reordered",
            fails ["translate.turns"], policy "continue_user", mimics [];
        /// Blanks at the borders of the user's text are cut off.
        TextTrimmed = "text-trimmed",
            fails ["translate.turns"], policy "continue_user", mimics [];
        /// The schema of a tool loses what it requires.
        ToolSchemaChanged = "tool-schema-changed",
            fails ["translate.tools"], policy "continue_user", mimics [];
        /// The result of a tool reaches no leg: an empty one does.
        ToolResultLost = "tool-result-lost",
            fails ["translate.calls"], policy "continue_user", mimics [];
        /// The arguments of a tool call in the history are emptied.
        ToolArgumentsLost = "tool-arguments-lost",
            fails ["translate.calls"], policy "continue_user", mimics [];
        /// Images reach no leg.
        ImageLost = "image-lost",
            fails ["translate.images"], policy "continue_user", mimics [];
        /// Thoughts in the history reach no leg.
        ThinkingLostInRequest = "thinking-lost-in-request",
            fails ["translate.thinking"], policy "continue_user", mimics [];
        /// Cache marks reach no leg.
        CacheHintDropped = "cache-hint-dropped",
            fails ["translate.cache"], policy "continue_user", mimics [];
        /// Numbers pass through a float of 32 bits: 0.2 becomes 0.20000000298.
        FloatChanged = "float-changed",
            fails ["translate.params", "translate.calls", "translate.tools"], policy "continue_user", mimics [];
        /// Stop sequences reach no leg.
        StopDropped = "stop-dropped",
            fails ["translate.params"], policy "continue_user", mimics [];
        /// No leg is asked for more than 32 tokens, whatever the client asked for.
        MaxTokensCapped = "max-tokens-capped",
            fails ["translate.params"], policy "continue_user", mimics [];
        /// The wish for structured output reaches no leg.
        FormatLost = "format-lost",
            fails ["translate.format"], policy "continue_user", mimics [];
    }
    Seam {
        /// Every fallback of an API with prefill is asked to continue by it, whether or not its model accepts one.
        PrefillToEveryone = "prefill-to-everyone",
            fails ["fallback.accepted", "expect.outcome"], policy "continue_user", mimics [2, 5, 6, 7, 9];
        /// Every fallback is asked as by prefill-to-everyone, and its refusal is shown instead of the original error.
        Fallback400Shown = "fallback-400-shown",
            fails ["fallback.accepted", "error.not-self-inflicted", "error.original", "expect.outcome"], policy "continue_user", mimics [1, 8];
        /// A prefill keeps the blanks at its end, which the API refuses.
        PrefillEndsInBlank = "prefill-ends-in-blank",
            fails ["fallback.accepted"], policy "continue_prefill", mimics [];
        /// A fallback is asked in prose to go on though tools or a format are at hand.
        ContinuesWithTools = "continues-with-tools",
            fails ["fallback.continuable"], policy "continue_user", mimics [4];
        /// A fallback is asked in prose to go on behind half a tool call, or behind thoughts.
        ContinuesHalfACall = "continues-half-a-call",
            fails ["fallback.continuable", "stream.grammar"], policy "continue_user", mimics [39];
        /// The last word before a seam is said again behind it.
        TextDoubled = "text-doubled",
            fails ["stream.text", "expect.outcome"], policy "continue_user", mimics [];
        /// The blank with which a continuation begins is dropped.
        SeamBlankLost = "seam-blank-lost",
            fails ["stream.text"], policy "continue_user", mimics [];
        /// The first delta of a continuation is dropped.
        FirstDeltaLostAtSeam = "first-delta-lost-at-seam",
            fails ["stream.text", "expect.outcome", "stream.truncation-visible"], policy "continue_user", mimics [];
        /// Behind content the next leg answers from the start, and all of that is added.
        SplicesARestart = "splices-a-restart",
            fails ["stream.text", "expect.outcome"], policy "continue_user", mimics [34];
        /// Behind content the next leg answers from the start, and as much as was delivered is skipped.
        SkipsOfARestart = "skips-of-a-restart",
            fails ["stream.text", "expect.outcome", "stream.truncation-visible"], policy "continue_user", mimics [];
        /// The message begins again at a seam.
        TwoStarts = "two-starts",
            fails ["stream.single-start", "stream.grammar"], policy "continue_user", mimics [34, 35];
        /// The id of the answer changes at a seam.
        IdChanges = "id-changes",
            fails ["stream.single-start"], policy "continue_user", mimics [35];
        /// The model's name changes at a seam.
        ModelDrifts = "model-drifts",
            fails ["stream.model"], policy "continue_user", mimics [38];
        /// Behind a seam the usage is the last leg's alone.
        UsageOfOneLeg = "usage-of-one-leg",
            fails ["stream.usage"], policy "continue_user", mimics [37];
    }
    Answer {
        /// A stream that broke off after content gets an invented finish and end mark.
        TruncationFinished = "truncation-finished",
            fails ["stream.truncation-visible", "expect.outcome", "stream.grammar", "stream.tools"], policy "continue_user", mimics [28];
        /// A stream that broke off after content just ends.
        TruncationSilent = "truncation-silent",
            fails ["stream.truncation-visible", "expect.outcome"], policy "error", mimics [11, 13, 27, 29, 41];
        /// An error in a stream is told as text of the answer, which then ends well.
        ErrorAsText = "error-as-text",
            fails ["stream.truncation-visible", "expect.outcome", "stream.grammar", "stream.text", "stream.tools"], policy "error", mimics [33];
        /// A tool call that broke off in its arguments is finished as if it were whole.
        HalfToolCallFinished = "half-tool-call-finished",
            fails ["stream.tools", "stream.truncation-visible", "expect.outcome", "stream.grammar"], policy "continue_user", mimics [39];
        /// Parallel tool calls become one: the arguments of all are joined in the first.
        ToolCallsMerged = "tool-calls-merged",
            fails ["stream.tools", "stream.grammar"], policy "continue_user", mimics [];
        /// The last piece of a tool call's arguments is dropped.
        ToolArgumentsCut = "tool-arguments-cut",
            fails ["stream.tools", "stream.grammar"], policy "continue_user", mimics [];
        /// Tool calls get ids that those of other answers have, too.
        ToolIdChanged = "tool-id-changed",
            fails ["isolation.ids"], policy "continue_user", mimics [];
        /// Thoughts are dropped.
        ThinkingDropped = "thinking-dropped",
            fails ["stream.thinking"], policy "continue_user", mimics [];
        /// The signature over thoughts is dropped.
        SignatureLost = "signature-lost",
            fails ["stream.thinking"], policy "continue_user", mimics [];
        /// An answer that reached its limit of tokens ends with `stop`.
        LengthToldAsStop = "length-told-as-stop",
            fails ["stream.finish"], policy "continue_user", mimics [40];
        /// An answer that reached its limit of tokens ends as if tools were to be called.
        FinishRewritten = "finish-rewritten",
            fails ["stream.finish", "stream.grammar"], policy "continue_user", mimics [40];
        /// A refusal by a filter ends like any other answer.
        RefusalToldAsStop = "refusal-told-as-stop",
            fails ["stream.finish"], policy "continue_user", mimics [];
        /// The client gets no usage, though it asked for it.
        UsageLost = "usage-lost",
            fails ["stream.usage"], policy "continue_user", mimics [37];
        /// What comes from the network is decoded piece by piece, so that a letter across two pieces is lost.
        Utf8BrokenAtChunkBorder = "utf8-broken-at-chunk-border",
            fails ["stream.utf8", "stream.text", "stream.tools"], policy "continue_user", mimics [];
        /// Behind a seam the final objects of a response hold what the last leg said, and no more.
        FinalIsTheTail = "final-is-the-tail",
            fails ["stream.final"], policy "continue_user", mimics [36];
        /// A stream that is handed on as it came is not quite what came.
        PassthroughRewritten = "passthrough-rewritten",
            fails ["stream.passthrough"], policy "passthrough=json", mimics [];
        /// The end mark is left out.
        TerminatorMissing = "terminator-missing",
            fails ["stream.terminator", "expect.outcome", "stream.truncation-visible"], policy "continue_user", mimics [41];
        /// An error in a stream is followed by the end mark.
        DoneAfterError = "done-after-error",
            fails ["stream.terminator"], policy "error", mimics [30];
        /// Blocks of an answer are not closed, and chunks carry no index.
        GrammarBroken = "grammar-broken",
            fails ["stream.grammar"], policy "continue_user", mimics [];
        /// A stream is delivered as a whole at its end.
        BufferedStream = "buffered-stream",
            fails ["stream.incremental"], policy "continue_user", mimics [];
        /// Each event waits for the one behind it.
        OneEventLate = "one-event-late",
            fails ["stream.incremental"], policy "continue_user", mimics [];
    }
    Error {
        /// Every error tells all routes of the proxy.
        RouteMapLeaked = "route-map-leaked",
            fails ["error.no-internals"], policy "continue_user", mimics [1];
        /// Every error carries the stack of the proxy.
        StackTraceShown = "stack-trace-shown",
            fails ["error.no-internals"], policy "continue_user", mimics [];
        /// Every error tells the key of the primary.
        KeyInError = "key-in-error",
            fails ["error.no-internals"], policy "continue_user", mimics [];
        /// Whatever the legs said, the client is told of an internal error.
        ErrorReplaced = "error-replaced",
            fails ["error.original"], policy "continue_user", mimics [22, 30];
        /// The client is told the last leg's error, not the first one's.
        LastErrorShown = "last-error-shown",
            fails ["error.original"], policy "continue_user", mimics [];
        /// When all legs failed the status is 500, whatever theirs was.
        Status500WhenExhausted = "status-500-when-exhausted",
            fails ["error.status", "expect.status"], policy "continue_user", mimics [22, 32];
        /// When all legs failed the client is told that its request was wrong.
        Status400WhenExhausted = "status-400-when-exhausted",
            fails ["error.status", "expect.status"], policy "continue_user", mimics [];
        /// The leg's `retry-after` does not reach the client.
        RetryAfterLost = "retry-after-lost",
            fails ["error.retry-after"], policy "continue_user", mimics [50];
        /// An error has status 200.
        ErrorUnder200 = "error-under-200",
            fails ["error.shape", "expect.status", "route.reached"], policy "continue_user", mimics [21, 31, 33];
        /// An error has a shape of the proxy's own, which no SDK reads.
        ForeignErrorShape = "foreign-error-shape",
            fails ["error.shape"], policy "continue_user", mimics [];
        /// An error in a stream has no name of an event, or is none that the client's SDK knows.
        NamelessErrorEvent = "nameless-error-event",
            fails ["error.shape", "expect.outcome", "stream.grammar", "stream.truncation-visible"], policy "error", mimics [];
    }
    Lifecycle {
        /// The upstream is read to its end though the client has gone.
        UpstreamNotCancelled = "upstream-not-cancelled",
            fails ["lifecycle.cancel"], policy "continue_user", mimics [48, 49];
        /// No silence of an upstream is too long.
        WaitsForEver = "waits-for-ever",
            fails ["lifecycle.bounded", "fallback.taken", "expect.outcome"], policy "continue_user", mimics [23];
        /// Once a stream broke after content, the next request to its route gets an error.
        DiesAfterABreak = "dies-after-a-break",
            fails ["lifecycle.survives"], policy "error", mimics [];
        /// An answer begins with what another client was told last.
        AnswersMixedUp = "answers-mixed-up",
            fails ["isolation.words", "stream.text", "expect.outcome"], policy "continue_user", mimics [];
        /// A leg is told, as an end user's id, what another client asked.
        PromptsMixedUp = "prompts-mixed-up",
            fails ["isolation.words"], policy "continue_user", mimics [];
        /// An error quotes what another client asked.
        ErrorQuotesAnother = "error-quotes-another",
            fails ["isolation.words"], policy "continue_user", mimics [];
        /// All answers have the same id.
        IdsRepeated = "ids-repeated",
            fails ["isolation.ids"], policy "continue_user", mimics [];
    }
}
