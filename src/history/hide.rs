//! Keys of the user's own, taken out of a history: it is kept, and reports are made of it.

use super::{ClientExchange, ClientMoment, Control, History, LegMoment, Moment, StepHistory, What};
use crate::wire::{Chunk, Headers, Request};

/// What stands in the place of a secret, letter by letter, so that offsets hold.
const FILLER: u8 = b'*';
/// A shorter text is no secret, and stands everywhere.
const LEAST: usize = 6;
/// A shorter one may be a word that stands in a body by itself.
const IN_BODIES: usize = 16;

impl History {
    /// Takes these texts out of everything that was sent and got.
    pub fn hide(&mut self, secrets: &[String]) {
        let secrets = worth_hiding(secrets);
        if secrets.is_empty() {
            return;
        }
        for step in &mut self.steps {
            in_step(step, &secrets);
        }
        for stray in &mut self.strays {
            in_request(&mut stray.request, &secrets);
        }
    }
}

impl Moment {
    /// Takes these texts out of it.
    pub fn hide(&mut self, secrets: &[String]) {
        let secrets = worth_hiding(secrets);
        match &mut self.what {
            What::Client(ClientMoment::Asks { request, .. }) => in_request(request, &secrets),
            What::Client(ClientMoment::Head(head)) => in_headers(&mut head.headers, &secrets),
            What::Leg { what: LegMoment::Asked(call), .. } => in_request(&mut call.request, &secrets),
            What::Client(ClientMoment::Hears(data)) | What::Leg { what: LegMoment::Says(data), .. } => {
                in_body(&mut data.0, &secrets);
            }
            What::Client(_) | What::Leg { .. } => {}
        }
    }
}

fn worth_hiding(secrets: &[String]) -> Vec<&[u8]> {
    secrets.iter().map(String::as_bytes).filter(|secret| secret.len() >= LEAST).collect()
}

fn in_step(step: &mut StepHistory, secrets: &[&[u8]]) {
    in_client(&mut step.client, secrets);
    for upstream in &mut step.upstream {
        in_request(&mut upstream.request, secrets);
        in_chunks(&mut upstream.sent, secrets);
    }
    for control in step.controls.values_mut() {
        match control {
            Control::Done { request, client, .. } => {
                in_request(request, secrets);
                in_client(client, secrets);
            }
            Control::Failed { text, asked, .. } => {
                in_text(text, secrets);
                if let Some(asked) = asked {
                    in_request(&mut asked.request, secrets);
                    in_client(&mut asked.client, secrets);
                }
            }
            Control::Missing { .. } => {}
        }
    }
}

fn in_client(client: &mut ClientExchange, secrets: &[&[u8]]) {
    in_request(&mut client.request, secrets);
    if let Some(head) = &mut client.response {
        in_headers(&mut head.headers, secrets);
    }
    in_chunks(&mut client.chunks, secrets);
}

fn in_request(request: &mut Request, secrets: &[&[u8]]) {
    in_text(&mut request.target, secrets);
    in_headers(&mut request.headers, secrets);
    in_body(&mut request.body.0, secrets);
}

fn in_headers(headers: &mut Headers, secrets: &[&[u8]]) {
    for (_, value) in &mut headers.0 {
        in_text(value, secrets);
    }
}

fn in_chunks(chunks: &mut [Chunk], secrets: &[&[u8]]) {
    for chunk in chunks {
        in_body(&mut chunk.data.0, secrets);
    }
}

fn in_body(bytes: &mut [u8], secrets: &[&[u8]]) {
    let long: Vec<&[u8]> = secrets.iter().copied().filter(|secret| secret.len() >= IN_BODIES).collect();
    in_bytes(bytes, &long);
}

fn in_text(text: &mut String, secrets: &[&[u8]]) {
    let mut bytes = std::mem::take(text).into_bytes();
    in_bytes(&mut bytes, secrets);
    // A secret is whole characters: what is left of UTF-8 is UTF-8.
    *text = String::from_utf8_lossy(&bytes).into_owned();
}

fn in_bytes(bytes: &mut [u8], secrets: &[&[u8]]) {
    for secret in secrets {
        let found: Vec<usize> = memchr::memmem::find_iter(bytes, secret).collect();
        for at in found {
            bytes[at..at + secret.len()].fill(FILLER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Blob;

    #[test]
    fn a_secret_is_taken_out_wherever_it_stands() {
        let mut request = Request {
            method: "POST".to_owned(),
            target: "/v1?key=sk-secret-1".to_owned(),
            headers: [("authorization", "Bearer sk-secret-1"), ("x", "y")].into_iter().collect(),
            body: Blob::from("{\"key\":\"sk-secret-1-and-more\",\"text\":\"\u{fc} sk-secret-1\"}"),
        };
        in_request(&mut request, &[b"sk-secret-1", b"sk-secret-1-and-more"]);
        assert_eq!(request.target, "/v1?key=***********");
        assert_eq!(request.headers.get("authorization"), Some("Bearer ***********"));
        let body = "{\"key\":\"********************\",\"text\":\"\u{fc} sk-secret-1\"}";
        assert_eq!(request.body, Blob::from(body), "a short one may be a word");
        let asks = ClientMoment::Asks { api: crate::api::ApiId::Gemini, stream: true, request };
        let mut moment = Moment { at: 0, what: What::Client(asks) };
        moment.hide(&["/v1?key".to_owned(), "v1".to_owned()]);
        let What::Client(ClientMoment::Asks { request, .. }) = moment.what else { panic!("another moment") };
        assert_eq!(request.target, "*******=***********");
        let mut text = "nothing".to_owned();
        in_text(&mut text, &[b"sk-secret-1"]);
        assert_eq!(text, "nothing");
    }
}
