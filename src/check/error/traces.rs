//! Stack traces, by the forms in which the common runtimes print them.

/// The first line that is part of a stack trace.
pub(super) fn trace(text: &str) -> Option<String> {
    // A trace inside a JSON string has its line ends escaped.
    let text = text.replace("\\n", "\n").replace("\\\"", "\"");
    let line = text.lines().find(|line| is_frame(line))?;
    Some(line.trim().chars().take(200).collect())
}

fn is_frame(line: &str) -> bool {
    line.contains("Traceback (most recent call last)")
        || python(line)
        || node(line)
        || (line.contains("panicked at ") && numbered(line, ".rs:"))
        || (line.contains("goroutine ") && line.contains(" [running]"))
        || (line.trim_start().starts_with('/') && numbered(line, ".go:"))
        || (line.trim_start().starts_with("at ") && numbered(line, ".java:"))
}

/// `File "/usr/lib/x.py", line 12, in f`.
fn python(line: &str) -> bool {
    line.split_once("File \"").is_some_and(|(_, rest)| numbered(rest, ".py\", line "))
}

/// `at Object.<anonymous> (/app/x.js:12:34)`, `at async f (file:///app/x.mjs:1:2)`.
fn node(line: &str) -> bool {
    let at = line.trim_start().starts_with("at ") || line.contains(" at Object.<anonymous>");
    at && (line.contains("Object.<anonymous>")
        || [".js:", ".mjs:", ".cjs:", ".ts:"].iter().any(|end| numbered(line, end)))
}

/// Whether a number follows.
fn numbered(line: &str, end: &str) -> bool {
    line.match_indices(end).any(|(at, _)| line[at + end.len()..].starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_known_by_their_form() {
        let check = |text: &str, expect: bool| assert_eq!(trace(text).is_some(), expect, "{text}");
        check("Traceback (most recent call last):\\n  File \\\"/opt/x/router.py\\\", line 12, in f", true);
        check("  File \"/opt/x/router.py\", line 12, in f", true);
        check("Error: boom\n    at Object.<anonymous> (/app/server.js:10:5)", true);
        check("Error: boom\\n    at async run (file:///app/dist/index.mjs:1:2)", true);
        check("thread 'main' panicked at src/proxy.rs:12:5:", true);
        check("goroutine 1 [running]:\n\t/go/src/main.go:12 +0x1", true);
        check("/go/src/main.go:12 +0x1", true);
        check("    at com.example.App.run(App.java:12)", true);
        for text in [
            "He panicked at once.",
            "see src/proxy.rs:12",
            "panicked at x.rs: what now",
            "a goroutine leaks",
            "it is [running]",
            "/v1/chat is gone",
            "see main.go:12",
            "at once",
            "See App.java:12",
            "see server.js:10:5",
            "File \"/opt/x/router.py\", line x",
        ] {
            check(text, false);
        }
        check("This model does not support assistant message prefill.", false);
        check("See server.js:setup for help at once", false);
        check("messages.0.content at line 12 of your file", false);
        check("", false);
    }
}
