//! The command that repeats one case.

use crate::scenario::Case;

/// How the cases of a run are repeated: the same program, proxy and options, one case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeat {
    /// Where the cases are found.
    pub cases: Found,
    /// Options as they were given, those that select cases or write reports apart.
    pub options: Vec<String>,
}

/// Where the cases of a run are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Found {
    /// In their files.
    #[default]
    Files,
    /// Among the bundled scenarios, by name.
    Names,
    /// In the bundled suite as it runs where nothing is named, whatever `crossfade.yaml` says.
    Suite,
}

impl Repeat {
    /// The command, ready for a shell.
    pub fn command(&self, case: &Case) -> String {
        let mut words = vec!["crossfade".to_owned(), "run".to_owned()];
        match self.cases {
            Found::Files => words.extend([case.file.clone(), "--filter".to_owned(), case.id()]),
            Found::Names => words.push(case.id()),
            Found::Suite => words.extend(["--filter".to_owned(), case.id()]),
        }
        words.extend(self.options.iter().cloned());
        shell(&words)
    }
}

/// A command, ready for a POSIX shell.
pub fn shell(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// The word as a POSIX shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::testing::case;

    #[test]
    fn the_command_is_ready_for_a_shell() {
        let options = ["--proxy", "http://127.0.0.1:4000", "--header", "x-team: it's"].map(str::to_owned).to_vec();
        let repeat = Repeat { cases: Found::Files, options };
        assert_eq!(
            repeat.command(&case("x", "close,a")),
            r"crossfade run x.yaml --filter 'x[close,a]' --proxy http://127.0.0.1:4000 --header 'x-team: it'\''s'"
        );
        let command = |cases| Repeat { cases, options: Vec::new() }.command(&case("x", "a"));
        assert_eq!(command(Found::Suite), "crossfade run --filter 'x[a]'");
        assert_eq!(command(Found::Names), "crossfade run 'x[a]'");
    }
}
