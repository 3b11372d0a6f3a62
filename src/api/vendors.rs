//! Which vendor is asked in which API.

use super::ApiId::{
    self, AnthropicMessages, BedrockConverse, BedrockInvoke, CohereChat, Gemini, OllamaChat, OpenaiChat,
    OpenaiResponses,
};

/// The APIs of each vendor, by the vendor's name in `vendor/model`; the first is the usual one. Of those without an API
/// of their own, and of those whose own is not spoken, the one that they share with OpenAI counts.
const VENDORS: [(&str, &[ApiId]); 16] = [
    ("anthropic", &[AnthropicMessages]),
    ("azure-openai", &[OpenaiChat, OpenaiResponses]),
    ("bedrock", &[BedrockConverse, BedrockInvoke]),
    ("cohere", &[CohereChat, OpenaiChat]),
    ("deepseek", &[OpenaiChat]),
    ("gemini", &[Gemini]),
    ("groq", &[OpenaiChat]),
    ("llamacpp", &[OpenaiChat]),
    ("mistral", &[OpenaiChat]),
    ("ollama", &[OllamaChat, OpenaiChat]),
    ("openai", &[OpenaiChat, OpenaiResponses]),
    ("openrouter", &[OpenaiChat]),
    ("perplexity", &[OpenaiChat]),
    ("vertex", &[Gemini]),
    ("vllm", &[OpenaiChat]),
    ("xai", &[OpenaiChat]),
];

impl ApiId {
    /// The API that a vendor's models are asked in, by the vendor's name in `vendor/model`, when the client speaks
    /// `client`. Where a vendor has two APIs, proxies keep to the client's: what only one of them can say is lost in the
    /// other.
    pub fn of_vendor(vendor: &str, client: Self) -> Option<Self> {
        let (_, apis) = VENDORS.iter().find(|(name, _)| *name == vendor)?;
        apis.iter().find(|api| **api == client).or_else(|| apis.first()).copied()
    }
}
