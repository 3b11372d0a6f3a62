//! Exchanges with real providers, read from the files of public recorders.
//!
//! The recorders agree on what an exchange is and on little else, so one tolerant reader looks for pairs of request and
//! response wherever they lie. What keeps no request (bare streams), and what is compressed, is left out.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossfade::api::ApiId;
use crossfade::wire::Headers;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

/// A recorded exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Who answered, by the host, else as the index says.
    pub(crate) vendor: String,
    /// The address; a path alone where the recorder kept no more.
    pub(crate) url: String,
    /// The model as the request names it, in its body or in its path.
    pub(crate) model: String,
    /// Headers of the request, as far as they were kept.
    pub(crate) headers: Headers,
    /// The request.
    pub(crate) request: Value,
    /// Status of the answer.
    pub(crate) status: u16,
    /// Body of the answer; of some recorders written anew from JSON.
    pub(crate) body: Vec<u8>,
    /// The file, below the folder.
    pub(crate) file: String,
    /// Where it was published: `owner/repository:path`.
    pub(crate) published: String,
}

/// The folder of recordings: `CROSSFADE_RECORDINGS`, else beside the checkout. Without it the test that asks is skipped
/// loudly, and fails where `CI` is set.
pub(crate) fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = ["../shared/recordings", "../../shared/recordings"].map(|path| root.join(path));
    let given = std::env::var_os("CROSSFADE_RECORDINGS").map(PathBuf::from);
    let found = given.clone().into_iter().chain(beside).find(|folder| folder.join("INDEX.tsv").is_file());
    if found.is_none() {
        say("SKIPPED: there are no recordings of real providers; CROSSFADE_RECORDINGS names their folder\n");
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        assert!(!is_ci && given.is_none(), "no recordings were found");
    }
    found
}

/// Says something even where the output of tests is captured.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Every exchange of the files in the index, in its order.
pub(crate) fn exchanges(folder: &Path) -> impl Iterator<Item = Exchange> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index is readable");
    let rows: Vec<Vec<String>> =
        index.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect();
    let folder = folder.to_owned();
    rows.into_iter().flat_map(move |row| {
        let [file, provider, ..] = row.as_slice() else { return Vec::new() };
        let published = format!("{}:{}", row.get(8).map_or("", String::as_str), row.get(9).map_or("", String::as_str));
        let mut found = Vec::new();
        for document in documents(&folder.join(file)) {
            pairs(&document, &mut |request, response| {
                found.extend(exchange(request, response, provider).map(|exchange| Exchange {
                    file: file.clone(),
                    published: published.clone(),
                    ..exchange
                }));
            });
        }
        found
    })
}

impl Exchange {
    /// The API in which it was asked, where it is one that has a name here. Cohere's own is read as OpenAI's.
    pub(crate) fn api(&self) -> Option<ApiId> {
        let path = self.path();
        let ends = |end: &str| path.ends_with(end);
        Some(match () {
            () if ends("/chat/completions") || ends("/v2/chat") => ApiId::OpenaiChat,
            () if ends("/responses") => ApiId::OpenaiResponses,
            () if ends("/messages") => ApiId::AnthropicMessages,
            () if ends("/converse") || ends("/converse-stream") => ApiId::BedrockConverse,
            () if path.contains(":generateContent") || path.contains(":streamGenerateContent") => ApiId::Gemini,
            () => return None,
        })
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

    /// What an error says, in whatever shape.
    pub(crate) fn error_text(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        let body = body.get(0).unwrap_or(&body);
        let error = &body["error"];
        [&error["message"], error, &body["message"], &body["detail"]]
            .into_iter()
            .find_map(|text| text.as_str().map(str::to_owned))
    }
}

fn documents(path: &Path) -> Vec<Value> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let Ok(text) = String::from_utf8(bytes) else { return Vec::new() };
    if let Some(trace) = text.strip_prefix("httprr trace v1\n") {
        return vec![httprr(trace)];
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yaml" | "yml") => serde_yaml::Deserializer::from_str(&text)
            .filter_map(|document| serde_yaml::Value::deserialize(document).ok())
            .map(to_json)
            .collect(),
        Some("json" | "har") => serde_json::from_str(&text).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// YAML as JSON; bytes as an object that says so.
fn to_json(value: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) if tagged.tag == "!binary" || tagged.tag == "!!binary" => {
            json!({"base64_string": tagged.value.as_str().unwrap_or_default()})
        }
        Yaml::Tagged(tagged) => to_json(tagged.value),
        Yaml::Sequence(items) => items.into_iter().map(to_json).collect(),
        Yaml::Mapping(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (name(key), to_json(value))).collect())
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}

fn name(key: serde_yaml::Value) -> String {
    match to_json(key) {
        Value::String(text) => text,
        Value::Array(items) => items.first().and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}

/// Lengths on a line of their own, then request and response as on the wire.
fn httprr(trace: &str) -> Value {
    let (mut found, mut rest) = (Vec::new(), trace);
    while let Some((lengths, after)) = rest.split_once('\n') {
        let lengths: Vec<usize> = lengths.split(' ').filter_map(|length| length.parse().ok()).collect();
        let [request, response] = lengths.as_slice() else { break };
        let (Some(asked), Some(answered)) = (after.get(..*request), after.get(*request..request + response)) else {
            break;
        };
        found.push(json!({"request": message(asked), "response": message(answered)}));
        rest = &after[request + response..];
    }
    Value::Array(found)
}

fn message(text: &str) -> Value {
    let split = |end: &str| text.split_once(end).map(|(head, body)| (head.to_owned(), body.to_owned()));
    let (head, body) = split("\r\n\r\n").or_else(|| split("\n\n")).unwrap_or_default();
    let mut lines = head.lines();
    let second = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default().to_owned();
    let headers: Map<String, Value> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let status: Option<u16> = second.parse().ok();
    json!({"url": second, "status": status, "headers": headers, "body": body})
}

/// Calls `tell` with every request and response, however deep they lie.
fn pairs(value: &Value, tell: &mut dyn FnMut(&Value, &Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| pairs(item, tell)),
        Value::Object(fields) => {
            let get = |key: &str| fields.get(key);
            if let (Some(request), Some(response)) = (get("request").or(get("when")), get("response").or(get("then"))) {
                tell(request, response);
            } else if let Some(url) = get("RequestUri") {
                let request = json!({"url": url, "headers": get("RequestHeaders"), "body": get("RequestBody")});
                tell(&request, &json!({"status": get("StatusCode"), "body": get("ResponseBody")}));
            } else if let (Some(Value::String(scope)), Some(path)) = (get("scope"), get("path").and_then(Value::as_str))
            {
                let request =
                    json!({"url": format!("{scope}{path}"), "headers": get("reqheaders"), "body": get("body")});
                tell(&request, &json!({"status": get("status"), "body": get("response")}));
            } else {
                fields.values().for_each(|value| pairs(value, tell));
            }
        }
        _ => {}
    }
}

fn exchange(request: &Value, response: &Value, provider: &str) -> Option<Exchange> {
    let url = ["url", "uri", "path", "urlPath", "urlPathPattern"].into_iter().find_map(|key| request[key].as_str())?;
    let sent = [&request["body"], &request["parsed_body"], &request["postData"], &request["bodyPatterns"]];
    let body = sent.into_iter().find_map(json_of)?;
    let status = [&response["status"], &response["status"]["code"], &response["code"]]
        .into_iter()
        .find_map(|status| status.as_u64().or_else(|| status.as_str()?.parse().ok()))?;
    let answered = [&response["body"], &response["parsed_body"], &response["content"]];
    let answer = answered.into_iter().find(|body| !body.is_null()).map(bytes_of).unwrap_or_default();
    let in_body = body["model"].as_str().or_else(|| body["model_id"].as_str());
    Some(Exchange {
        vendor: vendor(url, provider),
        model: in_body.map_or_else(|| model_in(url), str::to_owned),
        url: url.to_owned(),
        headers: headers(&request["headers"]),
        request: body,
        status: u16::try_from(status).ok()?,
        body: answer,
        file: String::new(),
        published: String::new(),
    })
}

/// The JSON of a request's body, in whatever wrapping.
fn json_of(body: &Value) -> Option<Value> {
    match body {
        Value::String(text) => serde_json::from_str(text).ok().filter(Value::is_object),
        Value::Array(items) => items.iter().find_map(json_of),
        Value::Object(fields) => {
            let wrapped = ["canonical_json", "string", "text", "equalToJson"].iter().find_map(|key| fields.get(*key));
            match wrapped {
                Some(inner) => json_of(inner),
                None if fields.contains_key("base64_string") || fields.contains_key("b64") => {
                    serde_json::from_slice(&bytes_of(body)).ok()
                }
                None => (!fields.is_empty()).then(|| body.clone()),
            }
        }
        _ => None,
    }
}

/// The bytes of an answer's body, in whatever wrapping.
fn bytes_of(body: &Value) -> Vec<u8> {
    let decode = |text: &str| STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap_or_default();
    match body {
        Value::String(text) => text.strip_prefix("base64:").map_or_else(|| text.clone().into_bytes(), decode),
        Value::Object(fields) => {
            let encoded = ["base64_string", "b64"].iter().find_map(|key| fields.get(*key)?.as_str());
            let plain = ["string", "text"].iter().find_map(|key| fields.get(*key));
            match (encoded, plain) {
                (Some(encoded), _) => decode(encoded),
                (None, Some(plain)) => bytes_of(plain),
                (None, None) => body.to_string().into_bytes(),
            }
        }
        other => other.to_string().into_bytes(),
    }
}

/// A map of values, of lists of values, or a list of `{name, value}`.
fn headers(recorded: &Value) -> Headers {
    let text = |value: &Value| value.get(0).unwrap_or(value).as_str().map(str::to_owned);
    match recorded {
        Value::Object(fields) => fields.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect(),
        Value::Array(items) => {
            items.iter().filter_map(|item| Some((text(&item["name"])?, text(&item["value"])?))).collect()
        }
        _ => Headers::default(),
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
