//! The day of an exchange, in whichever form a recorder or a server wrote it.

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `YYYY-MM-DD` of `2026-07-13T23:15:47Z` or `Mon, 13 Jul 2026 23:15:47 GMT`.
pub(super) fn day(stamp: &str) -> Option<String> {
    let stamp = stamp.trim();
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(day) = stamp.get(..10)
        && let [year, month, day] = day.split('-').collect::<Vec<_>>()[..]
        && digits(year, 4)
        && digits(month, 2)
        && digits(day, 2)
    {
        return Some(format!("{year}-{month}-{day}"));
    }
    let (_, rest) = stamp.split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    (digits(day, 2) && digits(year, 4)).then(|| format!("{year}-{month:02}-{day}"))
}

#[test]
fn days_are_read() {
    let check = |stamp: &str, expect: Option<&str>| assert_eq!(day(stamp).as_deref(), expect, "{stamp}");
    check("2026-07-13T23:15:47.130Z", Some("2026-07-13"));
    check("2026-07-13", Some("2026-07-13"));
    check("Mon, 13 Jul 2026 23:15:47 GMT", Some("2026-07-13"));
    check("Mon, 13 Jux 2026 23:15:47 GMT", None);
    check("yesterday", None);
    check("", None);
}
