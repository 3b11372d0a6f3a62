//! Text in pieces: where two pieces meet, blanks are nobody's.

/// A text as the parts that it is said in.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces(pub(super) Vec<String>);

#[derive(Clone, Copy, PartialEq)]
enum Token {
    Char(char),
    /// Here two pieces meet: a proxy that joins them may put blanks between.
    Joint,
}

impl Pieces {
    pub(super) fn joined(&self) -> String {
        self.0.join("\n\n")
    }

    /// All characters that are no blanks.
    pub(super) fn bare(&self) -> String {
        self.0.iter().flat_map(|piece| piece.chars()).filter(|c| !c.is_whitespace()).collect()
    }

    fn tokens(&self) -> Vec<Token> {
        let mut tokens = Vec::new();
        for (at, piece) in self.0.iter().enumerate() {
            if at > 0 {
                tokens.push(Token::Joint);
            }
            tokens.extend(piece.chars().map(Token::Char));
        }
        tokens
    }
}

/// Equal but for blanks where pieces of either meet.
impl PartialEq for Pieces {
    fn eq(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let (a, b) = (self.tokens(), other.tokens());
        let (mut i, mut j) = (0, 0);
        loop {
            match (a.get(i), b.get(j)) {
                (None, None) => return true,
                (Some(Token::Joint), _) | (_, Some(Token::Joint)) => {
                    i = behind_blanks(&a, i);
                    j = behind_blanks(&b, j);
                }
                (one, other) if one == other => (i, j) = (i + 1, j + 1),
                _ => return false,
            }
        }
    }
}

fn behind_blanks(tokens: &[Token], from: usize) -> usize {
    let blank = |token: &&Token| match token {
        Token::Char(c) => c.is_whitespace(),
        Token::Joint => true,
    };
    from + tokens[from..].iter().take_while(blank).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &[&str], b: &[&str], expect: bool) {
        let pieces = |texts: &[&str]| Pieces(texts.iter().map(ToString::to_string).collect());
        assert_eq!(pieces(a) == pieces(b), expect, "{a:?} {b:?}");
        assert_eq!(pieces(b) == pieces(a), expect, "{b:?} {a:?}");
    }

    #[test]
    fn pieces_may_be_joined_with_blanks() {
        check(&["a", "b"], &["a\n\nb"], true);
        check(&["a", "b"], &["ab"], true);
        check(&["a ", "b"], &["a", "b"], true);
        check(&["a", "b", "c"], &["a b", "c"], true);
        check(&["a"], &["a"], true);
        check(&[], &[], true);
    }

    #[test]
    fn inside_a_piece_every_blank_counts() {
        check(&["a b"], &["a  b"], false);
        check(&["a b"], &["ab"], false);
        check(&["a"], &["a "], false);
        check(&["a"], &[" a"], false);
        check(&["a", "b"], &["a", "c"], false);
        check(&["a", "b"], &["a"], false);
        check(&["a\nb"], &["a b"], false);
    }
}
