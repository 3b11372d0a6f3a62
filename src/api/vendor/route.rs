//! Paths with names in them: `/openai/deployments/{model}/chat/completions`.

use crate::api::target::{decode, encode};

/// What a path says, where it is one of this form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route<'p> {
    /// The part of the path that has the form; what stands before it is a base.
    pub(super) own: &'p str,
    /// The model, where the form names it.
    pub(super) model: Option<String>,
}

/// Reads the end of a path.
pub(super) fn read<'p>(form: &str, path: &'p str) -> Option<Route<'p>> {
    let segments = form.matches('/').count();
    let start = path.rmatch_indices('/').map(|(at, _)| at).nth(segments.checked_sub(1)?)?;
    let own = &path[start..];
    let mut model = None;
    for (form, segment) in form.split('/').zip(own.split('/')).skip(1) {
        match form.split_once('{') {
            Some(named) => {
                let (name, value) = captured(named, segment)?;
                if name == "model" {
                    model = Some(decode(value));
                }
            }
            None if form == segment => {}
            None => return None,
        }
    }
    Some(Route { own, model })
}

/// The name in a form, here split at its brace, and what stands for it; `None` where the segment has another form.
fn captured<'f, 's>((head, rest): (&'f str, &'f str), segment: &'s str) -> Option<(&'f str, &'s str)> {
    let (name, tail) = rest.split_once('}')?;
    let value = segment.strip_prefix(head)?.strip_suffix(tail)?;
    (!value.is_empty()).then_some((name, value))
}

/// The path for a model. Names of which nothing is known stand for themselves.
pub(super) fn write(form: &str, model: &str) -> String {
    form.replace("{model}", &encode(model)).replace(['{', '}'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_is_read() {
        let check = |form: &str, path: &str, expect: Option<(&str, Option<&str>)>| {
            let read = read(form, path);
            let found = read.as_ref().map(|route| (route.own, route.model.as_deref()));
            assert_eq!(found, expect, "{form} {path}");
        };
        let azure = "/openai/deployments/{model}/chat/completions";
        let own = "/openai/deployments/gpt-4o/chat/completions";
        check(azure, own, Some((own, Some("gpt-4o"))));
        check(azure, &format!("/a/b{own}"), Some((own, Some("gpt-4o"))));
        check(azure, "/openai/deployments//chat/completions", None);
        check(azure, "/openai/deployments/a/b/chat/completions", None);
        check(azure, "/chat/completions", None);
        check("/chat/completions", "/beta/chat/completions", Some(("/chat/completions", None)));
        check("/chat/completions", "chat/completions", None);
        let vertex = "/v1/projects/{project}/models/{model}:rawPredict";
        let own = "/v1/projects/p/models/claude@1:rawPredict";
        check(vertex, own, Some((own, Some("claude@1"))));
        check(vertex, "/v1/projects/p/models/claude:streamRawPredict", None);
        check("/m/{model}", "/m/a%2Fb", Some(("/m/a%2Fb", Some("a/b"))));
    }

    #[test]
    fn a_path_is_written() {
        assert_eq!(write("/p/{project}/{model}:go", "a/b"), "/p/project/a%2Fb:go");
    }
}
