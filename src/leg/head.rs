//! The head of a response, byte by byte.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use hyper::{Method, StatusCode, Version};

use crate::fault::Plan;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Each send is an HTTP chunk.
    Chunked,
    /// A content length.
    Length(usize),
    /// The end of the connection: HTTP/1.0 knows no chunks.
    UntilClose,
    /// Frames of HTTP/2, which tell the end themselves.
    Frames,
    /// There is no body (`HEAD`, 204, 304); the head may still tell a length.
    Empty,
}

impl Framing {
    /// The framing in which a request gets its answer.
    pub(super) fn of(plan: &Plan, method: &Method, version: Version) -> Self {
        if method == Method::HEAD || matches!(plan.status, 204 | 304) {
            Self::Empty
        } else if version == Version::HTTP_2 {
            Self::Frames
        } else if !plan.chunked {
            Self::Length(plan.length)
        } else if version < Version::HTTP_11 {
            Self::UntilClose
        } else {
            Self::Chunked
        }
    }
}

/// The headers in order, without those that belong to the framing; `date` is added where it is missing.
pub(super) fn fields(plan: &Plan) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    let ours = ["connection", "keep-alive", "content-length", "transfer-encoding"];
    let breaks = |text: &str| text.contains(['\r', '\n', '\0']);
    let own = move |name: &str| ours.iter().any(|own| name.eq_ignore_ascii_case(own));
    let date = plan.headers.get("date").is_none().then(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        ("date", Cow::Owned(http_date(now)))
    });
    let sent = plan.headers.iter().filter(move |(name, value)| !own(name) && !breaks(name) && !breaks(value));
    sent.map(|(name, value)| (name, Cow::Borrowed(value))).chain(date)
}

/// The bytes up to and with the empty line. Headers that belong to the framing are ours alone, and `connection` is
/// never sent: with `close` some clients take a cut body for a whole one.
pub(super) fn head(plan: &Plan, framing: Framing) -> Vec<u8> {
    let reason = StatusCode::from_u16(plan.status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    let mut head = format!("HTTP/1.1 {} {reason}\r\n", plan.status);
    for (name, value) in fields(plan) {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    match framing {
        Framing::Chunked => head.push_str("transfer-encoding: chunked\r\n"),
        Framing::Length(length) => {
            let _ = write!(head, "content-length: {length}\r\n");
        }
        Framing::UntilClose | Framing::Frames | Framing::Empty => {}
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// The `date` header's format (RFC 9110, section 5.6.7) for seconds since 1970.
fn http_date(seconds: u64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days, with years that begin in March (Howard Hinnant, "chrono-compatible date algorithms").
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    format!(
        "{}, {day:02} {} {year} {:02}:{:02}:{:02} GMT",
        DAYS[(days % 7) as usize],
        MONTHS[month as usize],
        rest / 3_600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::super::reply;
    use super::*;
    use crate::fault::End;
    use crate::wire::Headers;

    #[test]
    fn dates_are_those_of_the_standard() {
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
        assert_eq!(http_date(1_798_761_599), "Thu, 31 Dec 2026 23:59:59 GMT");
    }

    #[test]
    fn framing_headers_are_ours_and_connection_is_never_sent() {
        let headers: Headers = [
            ("Content-Type", "text/plain"),
            ("Connection", "close"),
            ("Content-Length", "99"),
            ("transfer-encoding", "gzip"),
            ("x-split", "a\r\nb: c"),
            ("date", "then"),
        ]
        .into_iter()
        .collect();
        let plan = reply::unary(200, headers, b"ab".to_vec());
        let framing = Framing::of(&plan, &Method::POST, Version::HTTP_11);
        let text = String::from_utf8(head(&plan, framing)).unwrap();
        assert_eq!(text, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ndate: then\r\ncontent-length: 2\r\n\r\n");
    }

    #[test]
    fn framing_follows_request_and_plan() {
        let mut plan = reply::unary(200, Headers::default(), b"ab".to_vec());
        let of = |plan: &Plan, method, version| Framing::of(plan, &method, version);
        assert_eq!(of(&plan, Method::HEAD, Version::HTTP_11), Framing::Empty);
        plan.end = End::Close;
        plan.length = 10;
        assert_eq!(of(&plan, Method::POST, Version::HTTP_10), Framing::Length(10));
        plan.chunked = true;
        assert_eq!(of(&plan, Method::POST, Version::HTTP_10), Framing::UntilClose);
        assert_eq!(of(&plan, Method::POST, Version::HTTP_11), Framing::Chunked);
    }
}
