//! From files of recorders to pairs of request and response.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use super::inflate::{gunzip, is_gzip};

/// A line of the index.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) file: String,
    pub(crate) provider: String,
    pub(crate) published: String,
    pub(crate) interactions: usize,
    pub(crate) path: PathBuf,
    pub(crate) format: String,
}

/// A request and its response, as the recorder wrote them.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) request: Value,
    pub(crate) response: Value,
}

/// The index of a folder.
pub(crate) fn index(folder: &Path) -> Vec<Row> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index is readable");
    let mut lines = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().expect("the index has a head");
    let row = |cells: Vec<&str>| {
        let cell = |name: &str| head.iter().position(|own| *own == name).map_or("", |at| cells[at]).to_owned();
        Row {
            path: folder.join(cell("file")),
            file: cell("file"),
            provider: cell("provider"),
            format: cell("format"),
            published: format!("{}:{}", cell("repo"), cell("path")),
            interactions: cell("interactions").parse().expect("a number of interactions"),
        }
    };
    lines.map(row).collect()
}

/// The pairs of a file, in its order.
pub(crate) fn recordings(row: &Row) -> Vec<Recording> {
    let bytes = std::fs::read(&row.path).expect("a file of the index is readable");
    let bytes = if is_gzip(&bytes) { gunzip(&bytes).expect("gzip") } else { bytes };
    let text = String::from_utf8(bytes).expect("recorders write UTF-8");
    let mut found = Vec::new();
    for document in documents(row, &text) {
        pairs(&document, &mut |request, response| {
            found.push(Recording { request, response: with_file(&row.path, response) });
        });
    }
    found
}

fn documents(row: &Row, text: &str) -> Vec<Value> {
    if let Some(trace) = text.strip_prefix("httprr trace v1\n") {
        return vec![httprr(trace)];
    }
    let bare = |body: String| vec![json!({"request": {}, "response": {"status": 200, "body": body}})];
    match row.format.as_str() {
        "raw-sse" => bare(text.to_owned()),
        // The answer of a mapping, which has the request.
        _ if row.file.contains("/__files/") => bare(text.to_owned()),
        "json-lines-chunks" => bare(text.lines().filter(|line| !line.is_empty()).map(event).collect()),
        _ if text.trim_start().starts_with('{') || text.trim_start().starts_with('[') => {
            vec![serde_json::from_str(text).expect("JSON")]
        }
        // The reader takes what is tagged `!!binary` for plain text; a tag of ours stays.
        _ => serde_yaml::Deserializer::from_str(&text.replace(": !!binary |", ": !binary |"))
            .map(|document| to_json(serde_yaml::Value::deserialize(document).expect("YAML")))
            .collect(),
    }
}

/// An event of which its data alone was kept, framed as its API does.
fn event(data: &str) -> String {
    let value: Value = serde_json::from_str(data).expect("a line is JSON");
    let name = value["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n")
}

/// YAML as JSON; bytes as an object that says so.
fn to_json(value: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Tagged(tagged) if tagged.tag == "!binary" => {
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
    let mut start = lines.next().unwrap_or_default().split(' ');
    let (first, second) = (start.next().unwrap_or_default(), start.next().unwrap_or_default());
    let headers: Map<String, Value> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let status: Option<u16> = second.parse().ok();
    let body = dechunked(&body).unwrap_or(body);
    json!({"url": second, "method": first, "status": status, "headers": headers, "body": body})
}

/// A body that was kept with the frames of its HTTP chunks, without them.
fn dechunked(body: &str) -> Option<String> {
    let (mut found, mut rest) = (String::new(), body);
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(found);
        }
        found.push_str(after.get(..size)?);
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

/// Calls `tell` with every request and response, however deep they lie.
fn pairs(value: &Value, tell: &mut dyn FnMut(Value, Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| pairs(item, tell)),
        Value::Object(fields) => match pair(fields) {
            Some((request, response)) => tell(request, response),
            None => match (&value["requests"], &value["responses"]) {
                (Value::Array(requests), Value::Array(responses)) => {
                    requests
                        .iter()
                        .zip(responses)
                        .for_each(|(request, response)| tell(request.clone(), response.clone()));
                }
                _ => fields.values().for_each(|value| pairs(value, tell)),
            },
        },
        _ => {}
    }
}

fn pair(fields: &Map<String, Value>) -> Option<(Value, Value)> {
    let get = |key: &str| fields.get(key);
    if let (Some(request), Some(response)) = (get("request").or(get("when")), get("response").or(get("then"))) {
        let mut response = response.clone();
        if let Some(chunks) = get("chunks") {
            response["chunks"] = chunks.clone();
        }
        return Some((request.clone(), response));
    }
    if let Some(url) = get("RequestUri") {
        let request = json!({
            "url": url, "method": get("RequestMethod"), "headers": get("RequestHeaders"), "body": get("RequestBody"),
        });
        let response = json!({
            "status": get("StatusCode"), "headers": get("ResponseHeaders"), "body": get("ResponseBody"),
        });
        return Some((request, response));
    }
    let (scope, path) = (get("scope")?.as_str()?, get("path")?.as_str()?);
    let request = json!({
        "url": format!("{scope}{path}"), "method": get("method"), "headers": get("reqheaders"), "body": get("body"),
    });
    // Names and values by turns.
    let headers = get("rawHeaders").and_then(Value::as_array).into_iter().flatten().collect::<Vec<_>>();
    let headers: Vec<Value> = headers.chunks_exact(2).map(|pair| json!({"name": pair[0], "value": pair[1]})).collect();
    let is_binary = get("responseIsBinary") == Some(&json!(true)) || get("response").is_some_and(Value::is_array);
    let body = if is_binary { "hex" } else { "body" };
    Some((request, json!({"status": get("status"), "headers": headers, body: get("response")})))
}

/// A response whose body lies in a file of its own, beside the mappings.
fn with_file(path: &Path, mut response: Value) -> Value {
    if let Some(name) = response["bodyFileName"].as_str()
        && let Some(folder) = path.parent().and_then(Path::parent)
    {
        let body = std::fs::read_to_string(folder.join("__files").join(name)).expect("the answer of a mapping");
        response["body"] = body.into();
    }
    response
}
