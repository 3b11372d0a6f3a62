//! How vendors spell models: dates, regions, versions and prefixes around one name.

/// Vendors whose name stands before a model's in Bedrock's ids.
const MAKERS: [&str; 9] = ["ai21", "amazon", "anthropic", "cohere", "deepseek", "meta", "mistral", "openai", "qwen"];

/// The model's own name in a spelling: `claude-sonnet-4-6` in `us.anthropic.claude-sonnet-4-6-v1:0`,
/// `anthropic/claude-sonnet-4-6` and `claude-sonnet-4-6@20260101`. Dates that are joined by `-` are left to the globs.
pub(super) fn bare(model: &str) -> &str {
    let name = model.rsplit('/').next().unwrap_or(model);
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    let Some((region, rest)) = name.split_once('.') else { return name };
    let is_maker = |word: &str| MAKERS.contains(&word);
    let name = match rest.split_once('.') {
        _ if is_maker(region) => rest,
        // A region is a word before the maker: `us`, `eu`, `apac`, `global`, `us-gov`.
        Some((maker, rest)) if is_maker(maker) => rest,
        _ => return name,
    };
    without_version(name)
}

/// Without Bedrock's version: `-v1:0`, `-v2`.
fn without_version(name: &str) -> &str {
    let Some((head, version)) = name.rsplit_once("-v") else { return name };
    let numbers = version.split(':').all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    if numbers { head } else { name }
}

/// Whether a glob matches a model, as it is written or by its own name.
pub(super) fn matches_any(globs: &[String], model: &str) -> bool {
    let bare = bare(model);
    globs.iter().any(|glob| matches_glob(glob, model) || matches_glob(glob, bare))
}

/// Whether a name matches a glob in which `*` stands for anything.
pub(super) fn matches_glob(glob: &str, name: &str) -> bool {
    let Some((head, rest)) = glob.split_once('*') else { return glob == name };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return name.ends_with(piece);
        }
        match name.find(piece) {
            Some(at) => name = &name[at + piece.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_in_every_spelling() {
        let check = |spelling: &str, name: &str| assert_eq!(bare(spelling), name, "{spelling}");
        check("claude-sonnet-4-6", "claude-sonnet-4-6");
        check("anthropic.claude-sonnet-4-6", "claude-sonnet-4-6");
        check("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929");
        check("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307");
        check("global.amazon.nova-2-lite-v1:0", "nova-2-lite");
        check("anthropic.claude-v2:1", "claude");
        check("anthropic/claude-sonnet-4-6", "claude-sonnet-4-6");
        check("claude-sonnet-4-6@20260101", "claude-sonnet-4-6");
        check("publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash");
        check("gpt-4.1", "gpt-4.1");
        check("gpt-4.1-v2", "gpt-4.1-v2");
        check("deepseek/deepseek-r1:free", "deepseek-r1:free");
        check("", "");
    }
}
