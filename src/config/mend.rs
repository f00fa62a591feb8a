//! What a value should have been: the fix for a value of another kind, in words for those who write their first file.

use serde_json::{Number, Value};

use super::tree::Node;

/// Fields whose texts are for people, and may contain anything.
const FREE: [&str; 3] = ["reason", "owner", "description"];

/// Fields with a duration, besides those that end in `_timeout`.
const DURATIONS: [&str; 19] = [
    "absolute",
    "transaction",
    "margin",
    "outage",
    "max_age",
    "clock_skew",
    "refresh_interval",
    "max_stale",
    "timeout",
    "per",
    "header",
    "idle",
    "body",
    "keep_alive",
    "drain",
    "drain_delay",
    "connection_age",
    "tls",
    "interval",
];

/// The kind of a value, and the value itself where it helps.
pub(super) fn kind(node: &Node) -> &'static str {
    match node {
        Node::Null => "nothing",
        Node::Bool(_) => "a boolean",
        Node::Number(number) if number.is_f64() => "a number that is not whole",
        Node::Number(_) => "a number",
        Node::Text(_) => "a string",
        Node::List(_) => "a list",
        Node::Map(_) => "a mapping",
    }
}

/// The types of a schema, in words.
pub(super) fn list(types: &[&str], word: &str) -> String {
    let names = types.iter().filter(|name| **name != "null").map(|name| match *name {
        "array" => "a list",
        "object" => "a mapping",
        "integer" => "a whole number",
        "string" => "a string",
        "boolean" => "true or false",
        other => other,
    });
    names.collect::<Vec<_>>().join(word)
}

/// How to give a value the kind that it should have. `schema` is what it should fit.
pub(super) fn fix(node: &Node, wanted: &[&str], path: &str, schema: &Value) -> String {
    match node {
        _ if path.is_empty() => "start from config/gateway.minimal.yaml".to_owned(),
        Node::Null if wanted.contains(&"array") => "write at least one item below it: `- …`".to_owned(),
        Node::Null => "give it a value, or remove it".to_owned(),
        Node::Number(number) if wanted.contains(&"string") => for_text(number, path),
        Node::Bool(value) if wanted.contains(&"string") => format!("put it in quotes: `\"{value}\"`"),
        Node::Text(text) if wanted.contains(&"integer") => for_number(text),
        Node::Number(number) if wanted.contains(&"integer") => {
            format!("write a whole number, such as `{}`", number.as_f64().unwrap_or_default().round().max(1.0))
        }
        Node::Text(text) if wanted.contains(&"array") => format!("write a list: `[{text}]`"),
        Node::Number(number) if wanted.contains(&"array") => format!("write a list: `[{number}]`"),
        Node::Map(entries) if wanted.contains(&"array") => for_list(entries, path),
        Node::Text(_) | Node::Number(_) if wanted.contains(&"boolean") => {
            "write `true` or `false`, without quotes".to_owned()
        }
        Node::List(_) if wanted.contains(&"object") => "write its fields without `- ` before them".to_owned(),
        _ if wanted.contains(&"object") => for_mapping(node, schema),
        Node::List(items) if items.len() == 1 => "write the value alone, without `- ` or `[ ]`".to_owned(),
        _ => format!("write {}", list(wanted, " or ")),
    }
}

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path).split('[').next().unwrap_or_default()
}

fn for_text(number: &Number, path: &str) -> String {
    let field = last(path);
    if field == "address" {
        return format!(
            "write an IP address and a port: `0.0.0.0:{number}` for all interfaces, `127.0.0.1:{number}` for this machine"
        );
    }
    if DURATIONS.contains(&field) || field.ends_with("_timeout") {
        return format!("write a duration with its unit: `{number}s`");
    }
    format!("put it in quotes: `\"{number}\"`")
}

/// The whole number that a text stands for: one in quotes, or a size with a unit.
fn for_number(text: &str) -> String {
    let digits = text.trim_end_matches(|char: char| !char.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default().trim().to_ascii_lowercase();
    let factor = match unit.as_str() {
        "" | "b" => Some(1_u64),
        "k" | "kb" => Some(1000),
        "m" | "mb" => Some(1_000_000),
        "g" | "gb" => Some(1_000_000_000),
        "ki" | "kib" => Some(1 << 10),
        "mi" | "mib" => Some(1 << 20),
        "gi" | "gib" => Some(1 << 30),
        _ => None,
    };
    let number = digits.trim().parse::<u64>().ok().and_then(|count| count.checked_mul(factor?));
    match number {
        Some(number) if unit.is_empty() => format!("write it without quotes: `{number}`"),
        Some(number) => format!("write the number without a unit: `{number}`"),
        None => "write a whole number, in digits".to_owned(),
    }
}

/// A mapping where a list is wanted: its fields are an item's, or its keys are names.
fn for_list(entries: &[(String, super::tree::Place, super::tree::Tree)], path: &str) -> String {
    let Some((first, _, value)) = entries.first() else { return "write a list: `[]` if it is empty".to_owned() };
    let field = last(path);
    if entries.iter().all(|(_, _, tree)| matches!(tree.node, Node::Map(_))) {
        return format!(
            "write a list: `- name: {first}` in place of `{first}:`, and its fields below, indented like `name`"
        );
    }
    let value = match &value.node {
        Node::Text(text) => text.as_str(),
        _ => "…",
    };
    format!("`{field}` is a list: write `- ` before the first field of each item: `- {first}: {value}`")
}

/// Something else where a mapping is wanted.
fn for_mapping(node: &Node, schema: &Value) -> String {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object();
    let has = |name: &str| properties.is_some_and(|known| known.contains_key(name));
    if let Node::Text(path) = node
        && path.starts_with('/')
        && has("prefix")
    {
        return format!("write its fields: `{{ prefix: {path}, upstream: … }}`");
    }
    if let ([only], Node::Text(text)) = (&*required, node) {
        return format!("write its fields: `{{ {only}: {text} }}`");
    }
    if let (["address"], Node::Number(number)) = (&*required, node) {
        return format!("write its fields: `{{ address: 0.0.0.0:{number} }}`");
    }
    let known = properties.into_iter().flat_map(|known| known.keys()).map(String::as_str);
    let rest: Vec<&str> = known.filter(|name| !required.contains(name)).collect();
    let names: Vec<&str> = required.into_iter().chain(rest).take(6).collect();
    if names.is_empty() {
        "write fields and their values".to_owned()
    } else {
        format!("write its fields, such as {}", super::suggest::quoted(&names))
    }
}

/// Why a field has no value although its line has more than its name: a comment or a tag.
pub(super) fn of_nothing(line: &str) -> Option<(String, String)> {
    let (_, value) = line.split_once(": ")?;
    let value = value.trim();
    if value.starts_with('#') && !value.starts_with("# ") && value.len() > 1 {
        let message = "`#` begins a comment here, so the field has no value";
        return Some((message.to_owned(), format!("put the value in quotes: `\"{value}\"`")));
    }
    value.starts_with('!').then(|| {
        (
            format!("`{value}` is a YAML tag, so the field has no value"),
            format!("put the value in quotes: `\"{value}\"`"),
        )
    })
}

/// What is wrong with a text of the right kind, wherever it stands, and the fix.
pub(super) fn of_text(text: &str, path: &str) -> Option<(String, String)> {
    if FREE.contains(&last(path)) {
        return None;
    }
    if text.contains("${") {
        let fix = if path.ends_with(']') {
            "write the list's items on lines of their own, without quotes: `- ${NAME}`"
        } else {
            "write it without quotes, on its own line: `field: ${NAME}`"
        };
        return Some(if text.contains('}') {
            ("`${…}` inside quotes is not replaced".to_owned(), fix.to_owned())
        } else {
            ("`${` is not closed, so no variable is put in".to_owned(), "write `${NAME}`".to_owned())
        });
    }
    if let Some(name) = unexpanded(text) {
        let message = format!("`${name}` is not replaced: only `${{NAME}}` is");
        return Some((message, format!("write `${{{name}}}`, without quotes")));
    }
    if text.contains("{{") {
        let fix = "render the template first, or write `${NAME}` for a variable";
        return Some(("`{{ … }}` is of a template that was not rendered".to_owned(), fix.to_owned()));
    }
    if text.starts_with(['“', '”', '„', '‘', '’', '«']) {
        let message = "the quotes are typographic, so they are a part of the value";
        return Some((message.to_owned(), "write straight quotes: `\"` or `'`".to_owned()));
    }
    let odd = text.chars().find(|char| *char == '\u{a0}' || crate::visible::is_odd(*char))?;
    let message = match odd {
        '\n' => "the value contains a line break".to_owned(),
        _ => format!("the value contains the invisible character U+{:04X}", u32::from(odd)),
    };
    Some((message, "write the value anew, on one line".to_owned()))
}

/// The name of a variable in the form of a shell, in capital letters as they are.
fn unexpanded(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('$')?;
    let end = rest.find(|char: char| !(char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_'));
    let name = rest.get(..end.unwrap_or(rest.len()))?;
    let is_name = name.len() > 1 && name.starts_with(|char: char| char.is_ascii_uppercase() || char == '_');
    is_name.then_some(name)
}
