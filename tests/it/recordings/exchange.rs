//! Exchanges with real providers, read from the files of public recorders.
//!
//! The importer reads them; here is what the tests ask of an exchange.

use std::path::Path;

use crossfade::api::ApiId;
use crossfade::cassette::{self, RecordedChunk};
use crossfade::framing::Framing;
use crossfade::import::Told;
use crossfade::wire::Headers;
use serde_json::Value;

use super::files;

/// A recorded exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Who answered, by the host, else as the index says.
    pub(crate) vendor: String,
    /// The address; a path alone where the recorder kept no more, empty where it kept none.
    pub(crate) url: String,
    /// HTTP method.
    pub(crate) method: String,
    /// The model as the request names it, in its body or in its path.
    pub(crate) model: String,
    /// Headers of the request, as far as they were kept.
    pub(crate) headers: Headers,
    /// The request; null where it is no JSON, or was not kept.
    pub(crate) request: Value,
    /// Status of the answer; 200 where it was not kept.
    pub(crate) status: u16,
    /// Headers of the answer, as far as they were kept.
    pub(crate) answer_headers: Headers,
    /// The exchange as the importer gives it, with what was lost of it.
    pub(crate) told: Told,
    /// The file, below the folder.
    pub(crate) file: String,
    /// Which of its exchanges, from 0.
    pub(crate) number: usize,
    /// Where it was published: `owner/repository:path`.
    pub(crate) published: String,
}

/// Every exchange of the files in the index, in its order.
pub(crate) fn exchanges(folder: &Path) -> impl Iterator<Item = Exchange> {
    files::index(folder).into_iter().flat_map(|row| {
        let reading = row.read().unwrap_or_else(|error| panic!("{error}"));
        let told: Vec<Told> = reading.exchanges.into_iter().map(|told| told.expect("it can be replayed")).collect();
        assert_eq!(told.len(), row.interactions, "{}: not every exchange was read", row.file);
        told.into_iter().enumerate().map(move |(number, told)| exchange(&row, number, told))
    })
}

impl Exchange {
    /// The API in which it was asked, where it is one that has a name here. Cohere's own is read as OpenAI's.
    pub(crate) fn api(&self) -> Option<ApiId> {
        let path = self.path();
        let ends = |end: &str| path.ends_with(end);
        Some(match () {
            () if ends("/chat/completions") => ApiId::OpenaiChat,
            () if ends("/v2/chat") => ApiId::CohereChat,
            () if ends("/api/chat") => ApiId::OllamaChat,
            () if ends("/responses") => ApiId::OpenaiResponses,
            () if ends("/messages") => ApiId::AnthropicMessages,
            () if ends("/converse") || ends("/converse-stream") => ApiId::BedrockConverse,
            // What else than Claude is invoked is asked in a form of its own.
            () if path.contains("/invoke") && self.request.get("anthropic_version").is_some() => ApiId::BedrockInvoke,
            () if path.contains(":generateContent") || path.contains(":streamGenerateContent") => ApiId::Gemini,
            () => return None,
        })
    }

    /// The API whose grammar its answer follows, where it is one that is spoken here: by the path, or of bare streams
    /// by what they say.
    pub(crate) fn spoken(&self) -> Option<ApiId> {
        if self.path().ends_with("awPredict") {
            // Claude on Vertex.
            return Some(ApiId::AnthropicMessages);
        }
        if !self.url.is_empty() {
            return self.api();
        }
        let body = self.body();
        let text = String::from_utf8_lossy(&body);
        let says = |word: &str| text.contains(word);
        Some(match () {
            () if says("\"type\":\"message_start\"") => ApiId::AnthropicMessages,
            () if says("\"type\":\"response.created\"") => ApiId::OpenaiResponses,
            () if says("\"choices\"") => ApiId::OpenaiChat,
            () if says("\"candidates\"") || says("\"promptFeedback\"") => ApiId::Gemini,
            () => return None,
        })
    }

    /// Who it is, in messages.
    pub(crate) fn name(&self) -> String {
        if self.number == 0 { self.file.clone() } else { format!("{}#{}", self.file, self.number) }
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        let after = self.url.split_once("://").map_or(self.url.as_str(), |(_, after)| after);
        after.find('/').map_or("/", |slash| &after[slash..])
    }

    /// The path alone.
    pub(crate) fn path(&self) -> &str {
        self.target().split('?').next().unwrap_or_default()
    }

    /// The exchange as a cassette holds it.
    pub(crate) fn recorded(&self) -> &cassette::Exchange {
        &self.told.exchange
    }

    /// The answer's body in its HTTP chunks.
    pub(crate) fn pieces(&self) -> Vec<Vec<u8>> {
        self.recorded().response.chunks.iter().map(RecordedChunk::bytes).collect()
    }

    /// The answer's body.
    pub(crate) fn body(&self) -> Vec<u8> {
        self.pieces().concat()
    }

    /// How the answer is framed, if it is a stream of events.
    pub(crate) fn framing(&self) -> Option<Framing> {
        Framing::of(self.answer_headers.get("content-type")?).filter(|_| (200..300).contains(&self.status))
    }

    /// What an error says, in whatever shape.
    pub(crate) fn error_text(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body()).ok()?;
        let body = body.get(0).unwrap_or(&body);
        let error = &body["error"];
        [&error["message"], error, &body["message"], &body["detail"]]
            .into_iter()
            .find_map(|text| text.as_str().map(str::to_owned))
    }
}

fn exchange(row: &files::Row, number: usize, told: Told) -> Exchange {
    let url = told.url.clone().unwrap_or_default();
    let (request, response) = (&told.exchange.request, &told.exchange.response);
    let asked: Option<Value> = serde_json::from_slice(&request.bytes()).ok();
    let asked = asked.filter(Value::is_object).unwrap_or_default();
    let in_body = asked["model"].as_str().or_else(|| asked["model_id"].as_str());
    Exchange {
        vendor: vendor(&url, &row.provider),
        model: in_body.map_or_else(|| model_in(&url), str::to_owned),
        method: request.method.clone(),
        headers: request.headers.clone(),
        status: response.status,
        answer_headers: response.headers.clone(),
        request: asked,
        file: row.file.clone(),
        published: row.published.clone(),
        url,
        number,
        told,
    }
}

fn vendor(url: &str, provider: &str) -> String {
    const HOSTS: [(&str, &str); 15] = [
        ("openai.azure.com", "azure-openai"),
        ("services.ai.azure.com", "azure-openai"),
        ("cognitiveservices.azure.com", "azure-openai"),
        ("api.openai.com", "openai"),
        ("api.anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "gemini"),
        ("aiplatform.googleapis.com", "vertex"),
        ("bedrock-runtime", "bedrock"),
        ("api.mistral.ai", "mistral"),
        ("api.groq.com", "groq"),
        ("openrouter.ai", "openrouter"),
        ("api.deepseek.com", "deepseek"),
        ("api.x.ai", "xai"),
        ("api.cohere", "cohere"),
        ("api.perplexity.ai", "perplexity"),
    ];
    let host = url.split_once("://").map_or("", |(_, after)| after.split('/').next().unwrap_or_default());
    let by_host = HOSTS.iter().find(|(part, _)| host.contains(part)).map(|(_, vendor)| *vendor);
    let by_index = if provider == "azure" { "azure-openai" } else { provider };
    by_host.unwrap_or(by_index).to_owned()
}

/// The model that a path names: `/models/NAME:method`, `/model/NAME/converse`, `/deployments/NAME/`.
fn model_in(url: &str) -> String {
    let after = ["/models/", "/model/", "/deployments/"].iter().find_map(|mark| Some(url.split_once(mark)?.1));
    let name = after.unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
    let name =
        name.split_once(":generateContent").or_else(|| name.split_once(":stream")).map_or(name, |(name, _)| name);
    name.replace("%3A", ":").replace("%3a", ":")
}
