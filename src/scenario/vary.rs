//! `vary` and `except`: from one tree to the trees of its cases.

use super::load::MOST_CASES;
use crate::diagnostic::{Diagnostic, SourceFile, Span, quoted, suggestion};
use crate::yaml::{Content, Entry, Node};

/// Most characters of a value's name.
const LONGEST_NAME: usize = 80;
/// What stays the same in all cases of a file.
const FIXED: [&str; 5] = ["scenario", "summary", "source", "vary", "except"];

/// The tree of one case, and its name.
#[derive(Debug)]
pub(super) struct Varied {
    /// The values in `vary`'s order joined with `,`; empty without `vary`.
    pub(super) name: String,
    /// The tree with the values put in, each at its place in `vary`.
    pub(super) root: Node,
}

/// One path of `vary`.
struct Axis<'a> {
    text: &'a str,
    key: Span,
    path: Vec<String>,
    values: Vec<Value<'a>>,
}

/// One value of an axis.
struct Value<'a> {
    name: String,
    node: &'a Node,
}

/// The cases of a scenario: the product of `vary`, less `except`.
pub(super) fn expand(file: &SourceFile, base: &Node) -> Result<Vec<Varied>, Vec<Diagnostic>> {
    let axes = axes(file, base)?;
    let Some(vary) = base.get("vary").filter(|_| !axes.is_empty()) else {
        if let Some(except) = base.get("except").filter(|except| except.as_list().is_some_and(|list| !list.is_empty()))
        {
            let error = Diagnostic::new(file, except.span, "`except` without `vary` leaves nothing out");
            return Err(vec![error]);
        }
        return Ok(vec![Varied { name: String::new(), root: base.clone() }]);
    };
    let count = axes.iter().try_fold(1_usize, |count, axis| count.checked_mul(axis.values.len()));
    if count.is_none_or(|count| count > MOST_CASES) {
        let error = Diagnostic::new(file, vary.span, format!("`vary` makes more than {MOST_CASES} cases"));
        return Err(vec![error.help("split the file, or leave values out")]);
    }
    let exceptions = exceptions(file, base, &axes)?;
    let mut cases = Vec::new();
    let mut choice = vec![0; axes.len()];
    loop {
        let left_out = exceptions.iter().any(|exception| exception.iter().all(|(axis, value)| choice[*axis] == *value));
        if !left_out {
            cases.push(case(file, base, &axes, &choice).map_err(|error| vec![error])?);
        }
        // The last axis turns fastest.
        let Some(turn) = (0..axes.len()).rev().find(|axis| choice[*axis] + 1 < axes[*axis].values.len()) else { break };
        choice[turn] += 1;
        choice[turn + 1..].fill(0);
    }
    if cases.is_empty() {
        let span = base.get("except").map_or(vary.span, |except| except.span);
        return Err(vec![Diagnostic::new(file, span, "`except` leaves no case")]);
    }
    Ok(cases)
}

fn case(file: &SourceFile, base: &Node, axes: &[Axis<'_>], choice: &[usize]) -> Result<Varied, Diagnostic> {
    let mut root = base.clone();
    let mut names = Vec::with_capacity(axes.len());
    for (axis, chosen) in axes.iter().zip(choice) {
        let value = &axis.values[*chosen];
        names.push(value.name.as_str());
        put(&mut root, &axis.path, value.node, axis.key).map_err(|message| {
            Diagnostic::new(file, axis.key, message).help("a path of `vary` names a field of this file")
        })?;
    }
    if let Some(map) = root.as_map_mut() {
        map.shift_remove("vary");
        map.shift_remove("except");
    }
    Ok(Varied { name: names.join(","), root })
}

fn axes<'a>(file: &SourceFile, base: &'a Node) -> Result<Vec<Axis<'a>>, Vec<Diagnostic>> {
    let mut axes: Vec<Axis<'a>> = Vec::new();
    let mut errors = Vec::new();
    for (text, entry) in base.get("vary").and_then(Node::as_map).into_iter().flatten() {
        match axis(file, base, text, entry) {
            Ok(axis) => {
                // A path inside another would overwrite it, or be overwritten.
                if let Some(other) =
                    axes.iter().find(|o| o.path.starts_with(&axis.path) || axis.path.starts_with(&o.path))
                {
                    let message = format!("{} and {} overlap", quoted(other.text), quoted(text));
                    errors.push(Diagnostic::new(file, entry.key, message).help("each value is set by one path only"));
                }
                axes.push(axis);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(axes) } else { Err(errors) }
}

fn axis<'a>(file: &SourceFile, base: &Node, text: &'a str, entry: &'a Entry) -> Result<Axis<'a>, Diagnostic> {
    let path = parse_path(text).map_err(|message| Diagnostic::new(file, entry.key, message))?;
    if FIXED.contains(&path[0].as_str()) {
        return Err(Diagnostic::new(file, entry.key, format!("`{}` cannot vary", path[0])));
    }
    if path[0] == "legs"
        && let (Some(leg), Some(legs)) = (path.get(1), base.get("legs").and_then(Node::as_map))
        && !legs.contains_key(leg)
    {
        let error = Diagnostic::new(file, entry.key, format!("no leg is called {}", quoted(leg)));
        return Err(match suggestion(leg, legs.keys().map(String::as_str)) {
            Some(help) => error.help(help),
            None => error,
        });
    }
    let items = entry.value.as_list().unwrap_or_default();
    if items.is_empty() {
        return Err(Diagnostic::new(file, entry.value.span, format!("{} has no values", quoted(text)))
            .help("list at least one value, or remove the line"));
    }
    let mut values: Vec<Value<'a>> = Vec::with_capacity(items.len());
    let mut names: Vec<Option<String>> = items.iter().map(|item| name_of(&path, item)).collect();
    disambiguate(&mut names, items);
    for (item, name) in items.iter().zip(names) {
        let Some(name) = name else {
            return Err(Diagnostic::new(file, item.span, "this value needs a name: it is a part of the case's name")
                .help("write it as `{value: ..., name: short-name}`"));
        };
        if let Some(same) = values.iter().find(|value| value.name == name) {
            let (line, _) = file.position(same.node.span.start);
            return Err(Diagnostic::new(file, item.span, format!("two values are called {}", quoted(&name)))
                .label(format!("the other is on line {line}"))
                .help("write it as `{value: ..., name: another-name}`, or leave one out"));
        }
        values.push(Value { name, node: named(item).map_or(item, |(_, value)| value) });
    }
    Ok(Axis { text, key: entry.key, path, values })
}

/// A map with exactly the keys `value` and `name`.
fn named(item: &Node) -> Option<(&str, &Node)> {
    let map = item.as_map().filter(|map| map.len() == 2)?;
    Some((map.get("name")?.value.as_text()?, &map.get("value")?.value))
}

/// The name that a value has in the case's name: the given one, the scalar, or the tag of a one-key map.
fn name_of(path: &[String], item: &Node) -> Option<String> {
    let name = match (named(item), &item.content) {
        (Some((name, _)), _) => name.to_owned(),
        (None, Content::Null) => "none".to_owned(),
        (None, Content::Bool(flag)) => flag.to_string(),
        (None, Content::Number(number)) => number.to_string(),
        (None, Content::Text(text)) if path.last().is_some_and(|key| key == "model") => {
            text.split_once('/').map_or(text.as_str(), |(_, model)| model).to_owned()
        }
        (None, Content::Text(text)) => text.clone(),
        (None, Content::Map(map)) if map.len() == 1 => map.keys().next()?.clone(),
        (None, Content::List(_) | Content::Map(_)) => return None,
    };
    let bad = |c: char| matches!(c, ',' | '[' | ']') || c.is_control();
    (!name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(bad)).then_some(name)
}

/// One-key maps of the same tag (`{texts: 1}`, `{texts: 5}`) are told apart by their scalar: `texts-1`, `texts-5`.
fn disambiguate(names: &mut [Option<String>], items: &[Node]) {
    let before = names.to_vec();
    for (index, item) in items.iter().enumerate() {
        let same = before.iter().filter(|name| **name == before[index]).count() > 1;
        let scalar = item.as_map().filter(|map| map.len() == 1).and_then(|map| match &map[0].value.content {
            Content::Number(number) => Some(number.to_string()),
            Content::Text(text) => Some(text.clone()),
            _ => None,
        });
        if let (true, Some(name), Some(scalar)) = (same, &before[index], scalar) {
            names[index] = Some(format!("{name}-{scalar}")).filter(|name| !name.contains([',', '[', ']']));
        }
    }
}

/// `a.b."c.d".0` as its steps.
pub(super) fn parse_path(text: &str) -> Result<Vec<String>, String> {
    let mut steps = Vec::new();
    let mut rest = text;
    loop {
        let (step, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| format!("the path `{text}` has an open quote"))?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        if step.is_empty() || step.contains('"') {
            return Err(format!("{} is no path", crate::diagnostic::quoted(text)));
        }
        steps.push(step.to_owned());
        match behind.strip_prefix('.') {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(steps),
            None => return Err(format!("{} is no path", crate::diagnostic::quoted(text))),
        }
    }
}

/// Puts a value at a path, making parents that are missing; what is made stands at `key`.
fn put(node: &mut Node, path: &[String], value: &Node, key: Span) -> Result<(), String> {
    let Some((step, rest)) = path.split_first() else {
        *node = value.clone();
        return Ok(());
    };
    if node.is_null() {
        *node = Node::empty_map(key);
    }
    match &mut node.content {
        Content::Map(map) => {
            let made = || Entry { key, value: Node::new(key, Content::Null) };
            put(&mut map.entry(step.clone()).or_insert_with(made).value, rest, value, key)
        }
        Content::List(list) => {
            let count = list.len();
            match step.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
                Some(item) => put(item, rest, value, key),
                None => Err(format!("there is no item {} in a list of {count}", quoted(step))),
            }
        }
        _ => Err(format!("the path goes on with {} inside {}", quoted(step), node.kind())),
    }
}

/// Which value of which axis each exception leaves out.
fn exceptions(file: &SourceFile, base: &Node, axes: &[Axis<'_>]) -> Result<Vec<Vec<(usize, usize)>>, Vec<Diagnostic>> {
    let mut exceptions = Vec::new();
    let mut errors = Vec::new();
    for item in base.get("except").and_then(Node::as_list).unwrap_or_default() {
        let mut exception = Vec::new();
        let entries = item.as_map().into_iter().flatten();
        for (text, entry) in entries {
            let Some(axis) = axes.iter().position(|axis| axis.text == text) else {
                let error = Diagnostic::new(file, entry.key, format!("{} does not vary", quoted(text)));
                let help = suggestion(text, axes.iter().map(|axis| axis.text));
                errors.push(Diagnostic { help, ..error });
                continue;
            };
            let wanted = entry.value.to_value();
            let found = axes[axis].values.iter().position(|value| {
                value.node.to_value() == wanted || entry.value.as_text() == Some(value.name.as_str())
            });
            if let Some(value) = found {
                exception.push((axis, value));
            } else {
                let message = format!("this is no value of {}", quoted(text));
                let names = axes[axis].values.iter().map(|value| value.name.as_str());
                let help = suggestion(entry.value.as_text().unwrap_or_default(), names);
                errors.push(Diagnostic { help, ..Diagnostic::new(file, entry.value.span, message) });
            }
        }
        if item.as_map().is_some_and(indexmap::IndexMap::is_empty) {
            errors.push(Diagnostic::new(file, item.span, "an exception without paths leaves everything out"));
        }
        exceptions.push(exception);
    }
    if errors.is_empty() { Ok(exceptions) } else { Err(errors) }
}
