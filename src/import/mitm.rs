//! Flows of mitmproxy: a typed netstring for each, one behind the other.

use super::recorded::{Body, Recorded, Side};
use super::tnetstring::{self, Value};
use crate::cassette::RecordedEnd;
use crate::diagnostic::Diagnostic;
use crate::wire::Headers;

/// First version of the format whose messages have the fields that are read here.
const SINCE: i64 = 8;

/// Whether bytes begin as a flow does.
pub(super) fn is_flow(bytes: &[u8]) -> bool {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && bytes.get(digits) == Some(&b':') && bytes.get(digits + 1).is_some_and(u8::is_ascii_digit)
}

/// Reads the flows that are HTTP.
pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<Recorded>, Diagnostic> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let number = found.len() + 1;
        let error = |at: usize, why: &str| Diagnostic::of_file(name, format!("flow {number}, byte {at}: {why}"));
        let (flow, end) = tnetstring::read(bytes, at).map_err(|damage| error(damage.at, damage.why))?;
        let version = flow.get("version").and_then(Value::int).unwrap_or(0);
        if version < SINCE {
            return Err(error(at, "this is no flow of mitmproxy, or that of an old one")
                .help("`mitmdump -nr OLD -w NEW` of a newer mitmproxy writes such flows anew"));
        }
        found.push(recorded(&flow).map_err(|why| error(at, &why))?);
        at = end;
    }
    Ok(found)
}

fn recorded(flow: &Value) -> Result<Recorded, String> {
    if flow.get("type").and_then(Value::text).as_deref() != Some("http") {
        return Ok(Recorded { unusable: Some("it is no flow of HTTP".to_owned()), ..Recorded::default() });
    }
    let request = flow.get("request").ok_or("it has no request")?;
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::text);
    let asked =
        Recorded { method: text(request, "method"), url: url(request), request: side(request)?, ..Recorded::default() };
    let response = match flow.get("response") {
        None | Some(Value::Null) => return Ok(Recorded { unusable: Some("no response came".to_owned()), ..asked }),
        Some(response) => response,
    };
    let status = response.get("status_code").and_then(Value::int).and_then(|code| u16::try_from(code).ok());
    let is_broken = flow.get("error").is_some_and(|error| *error != Value::Null);
    Ok(Recorded {
        status: Some(status.filter(|code| (100..=599).contains(code)).ok_or("its response has no status of HTTP")?),
        http: text(response, "http_version"),
        response: side(response)?,
        trailers: response.get("trailers").map(headers).transpose()?.flatten().unwrap_or_default(),
        end: if is_broken { RecordedEnd::Close } else { RecordedEnd::Complete },
        ..asked
    })
}

fn url(request: &Value) -> Option<String> {
    let part = |key: &str| request.get(key).and_then(Value::text).filter(|text| !text.is_empty());
    let path = part("path")?;
    Some(match (part("scheme"), part("host")) {
        (Some(scheme), Some(host)) => format!("{scheme}://{host}{path}"),
        _ => path,
    })
}

fn side(message: &Value) -> Result<Side, String> {
    let body = message.get("content").and_then(Value::bytes);
    let body = body.map_or(Body::Unknown, |bytes| Body::Bytes(bytes.to_vec()));
    Ok(Side { headers: message.get("headers").map(headers).transpose()?.flatten(), body })
}

fn headers(list: &Value) -> Result<Option<Headers>, String> {
    if *list == Value::Null {
        return Ok(None);
    }
    let pair = |pair: &Value| match pair.list()? {
        [name, value] => Some((name.text()?, value.text()?)),
        _ => None,
    };
    let pairs: Option<Headers> = list.list().and_then(|list| list.iter().map(pair).collect());
    pairs.map(Some).ok_or_else(|| "its headers are no list of names and values".to_owned())
}
