//! Which vendor is asked in which API.

use super::ApiId::{
    self, AnthropicMessages, BedrockConverse, BedrockInvoke, CohereChat, Gemini, OllamaChat, OpenaiChat,
    OpenaiResponses,
};
use super::vendor::Vendor;

/// The APIs of each vendor that has no file, by the vendor's name in `vendor/model`; the first is the usual one. Of those
/// whose own is not spoken, the one that they share with OpenAI counts.
const VENDORS: [(&str, &[ApiId]); 8] = [
    ("anthropic", &[AnthropicMessages]),
    ("bedrock", &[BedrockConverse, BedrockInvoke]),
    ("cohere", &[CohereChat, OpenaiChat]),
    ("gemini", &[Gemini]),
    ("ollama", &[OllamaChat, OpenaiChat]),
    ("openai", &[OpenaiChat, OpenaiResponses]),
    ("perplexity", &[OpenaiChat]),
    ("vertex", &[Gemini]),
];

impl ApiId {
    /// Every vendor that is known, by name, with the APIs that its models are asked in.
    pub fn vendors() -> Vec<(&'static str, Vec<Self>)> {
        let files = Vendor::names()
            .filter_map(|name| Some((name, Vendor::named(name)?.apis.iter().map(|speaks| speaks.api).collect())));
        let mut all: Vec<_> = VENDORS.iter().map(|(name, apis)| (*name, apis.to_vec())).chain(files).collect();
        all.sort_unstable();
        all
    }

    /// The API that a vendor's models are asked in, by the vendor's name in `vendor/model`, when the client speaks
    /// `client`. Where a vendor has two APIs, proxies keep to the client's: what only one of them can say is lost in the
    /// other.
    pub fn of_vendor(vendor: &str, client: Self) -> Option<Self> {
        let listed = VENDORS.iter().find(|(name, _)| *name == vendor).map(|(_, apis)| apis.to_vec());
        let apis = listed.or_else(|| Some(Vendor::named(vendor)?.apis.iter().map(|speaks| speaks.api).collect()))?;
        apis.iter().find(|api| **api == client).or_else(|| apis.first()).copied()
    }
}
