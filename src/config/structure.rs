//! The structure of the file, checked against the JSON Schema that the mirror types generate.
//!
//! The same schema is shipped in `config/` for editors. Only the keywords that it uses are implemented.

use serde_json::Value;

use super::file::File;
use super::mend::{self, kind, list};
use super::problem::Problems;
use super::suggest::{quoted, suggest};
use super::tree::{Node, Tree};

/// The JSON Schema of the configuration file.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(File).to_value()
}

/// Reports every unknown, missing or mistyped field.
pub(super) fn check(tree: &Tree, text: &str, problems: &mut Problems<'_>) {
    let schema = schema();
    let lines = text.lines().collect();
    for fault in (Checker { root: &schema, lines }).faults(tree, &schema, "") {
        problems.add_at(fault.tree_place, &fault.path, fault.message, fault.fix);
    }
}

struct Fault {
    tree_place: super::tree::Place,
    path: String,
    message: String,
    fix: String,
}

struct Checker<'s> {
    root: &'s Value,
    /// The file's lines.
    lines: Vec<&'s str>,
}

impl<'s> Checker<'s> {
    fn faults(&self, tree: &Tree, schema: &'s Value, path: &str) -> Vec<Fault> {
        let schema = self.resolve(schema);
        let line = tree.place.line.checked_sub(1).and_then(|at| self.lines.get(at)).filter(|_| !path.is_empty());
        if let (Node::Null, Some((message, fix))) = (&tree.node, line.and_then(|line| mend::of_nothing(line))) {
            return vec![fault(tree, path, message, fix)];
        }
        if let Some(alternatives) = alternatives(schema) {
            return self.faults_of_alternatives(tree, alternatives, path);
        }
        if let Some(words) = self.words(schema) {
            return Self::faults_of_word(tree, &words, path);
        }
        if !types(schema).iter().any(|wanted| is_a(&tree.node, wanted)) {
            let message = format!("expected {}, found {}", list(&types(schema), " or "), kind(&tree.node));
            return vec![fault(tree, path, message, mend::fix(&tree.node, &types(schema), path, schema))];
        }
        match &tree.node {
            Node::Text(text) => {
                mend::of_text(text, path).map(|(message, fix)| fault(tree, path, message, fix)).into_iter().collect()
            }
            Node::Map(entries) => self.faults_of_map(tree, entries, schema, path),
            Node::List(items) => items
                .iter()
                .enumerate()
                .flat_map(|(at, item)| self.faults(item, &schema["items"], &format!("{path}[{at}]")))
                .collect(),
            Node::Number(number) => Self::faults_of_number(tree, number, schema, path),
            _ => Vec::new(),
        }
    }

    fn faults_of_map(
        &self,
        tree: &Tree,
        entries: &[(String, super::tree::Place, Tree)],
        schema: &'s Value,
        path: &str,
    ) -> Vec<Fault> {
        let Some(known) = schema["properties"].as_object() else { return Vec::new() };
        let mut faults = Vec::new();
        // A field that is only misspelt is not missing as well.
        let mut meant = Vec::new();
        for (key, place, value) in entries {
            let path = join(path, key);
            if let Some(schema) = known.get(key) {
                faults.extend(self.faults(value, schema, &path));
            } else {
                let names: Vec<&str> = known.keys().map(String::as_str).collect();
                let message = format!("unknown field `{key}`");
                let fix = suggest(key, &names);
                meant.extend(names.into_iter().filter(|name| fix == format!("did you mean `{name}`?")));
                faults.push(Fault { tree_place: *place, path, message, fix });
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !entries.iter().any(|(key, _, _)| key == name) && !meant.contains(&name) {
                let meaning = known.get(name).map_or("", |schema| self.resolve_text(schema));
                let message = format!("the field `{name}` is missing");
                faults.push(fault(tree, path, message, format!("add `{name}`: {meaning}")));
            }
        }
        faults
    }

    fn faults_of_word(tree: &Tree, words: &[&str], path: &str) -> Vec<Fault> {
        let found = match &tree.node {
            Node::Text(text) if words.contains(&text.as_str()) => return Vec::new(),
            Node::Text(text) => format!("`{text}`"),
            Node::Bool(value) => format!("`{value}`"),
            other => kind(other).to_owned(),
        };
        let message = format!("expected one of {}, found {found}", quoted(words));
        let fix = match &tree.node {
            Node::Text(text) => suggest(text, words),
            _ => format!("write one of {}", quoted(words)),
        };
        vec![fault(tree, path, message, fix)]
    }

    fn faults_of_number(tree: &Tree, number: &serde_json::Number, schema: &Value, path: &str) -> Vec<Fault> {
        let bound = |name| {
            schema[name].as_f64().or(match (name, schema["format"].as_str()) {
                ("maximum", Some("uint32")) => Some(f64::from(u32::MAX)),
                _ => None,
            })
        };
        let value = number.as_f64().unwrap_or(f64::NAN);
        let low = bound("minimum").is_some_and(|minimum| value < minimum);
        let high = bound("maximum").is_some_and(|maximum| value > maximum);
        if !low && !high {
            return Vec::new();
        }
        let range = match (bound("minimum"), bound("maximum")) {
            (Some(low), Some(high)) => format!("{low} to {high}"),
            (Some(low), None) => format!("{low} or more"),
            _ => "in range".to_owned(),
        };
        vec![fault(tree, path, format!("{number} is out of range"), format!("write a number that is {range}"))]
    }

    /// The alternative that fits; if none does, what is wrong with the one that is of the same kind.
    fn faults_of_alternatives(&self, tree: &Tree, alternatives: &'s [Value], path: &str) -> Vec<Fault> {
        let mut closest: Option<Vec<Fault>> = None;
        let mut kinds = Vec::new();
        let alternatives = self.flattened(alternatives);
        let is_optional = alternatives.iter().any(|schema| types(schema).contains(&"null"));
        for schema in &alternatives {
            let faults = self.faults(tree, schema, path);
            if faults.is_empty() {
                return faults;
            }
            let schema = self.resolve(schema);
            let types = types(schema);
            let same_kind = types.iter().any(|wanted| is_a(&tree.node, wanted));
            let words = self.words(schema);
            // A text that isn't the word of one alternative may as well have been meant for another.
            if same_kind && closest.is_none() && (words.is_none() || is_optional) {
                closest = Some(faults);
            }
            match words {
                Some(words) => kinds.push(quoted(&words)),
                None => kinds.extend(types.iter().filter(|kind| **kind != "null").map(|kind| list(&[kind], ""))),
            }
        }
        closest.unwrap_or_else(|| {
            let found = match &tree.node {
                Node::Text(text) => format!("`{text}`"),
                other => kind(other).to_owned(),
            };
            let message = format!("expected {}, found {found}", kinds.join(" or "));
            let mapping =
                alternatives.iter().map(|schema| self.resolve(schema)).find(|schema| types(schema) == ["object"]);
            let fix = match mapping.filter(|_| kinds.len() == 1) {
                Some(schema) => mend::fix(&tree.node, &["object"], path, schema),
                None => format!("write {}", kinds.join(" or ")),
            };
            vec![fault(tree, path, message, fix)]
        })
    }

    /// The alternatives, and those of an alternative in its place.
    fn flattened(&self, alternatives: &'s [Value]) -> Vec<&'s Value> {
        let inner = |schema: &'s Value| match self::alternatives(self.resolve(schema)) {
            Some(inner) => self.flattened(inner),
            None => vec![schema],
        };
        alternatives.iter().flat_map(inner).collect()
    }

    /// Follows `$ref`.
    fn resolve(&self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str().and_then(|reference| self.root.pointer(reference.trim_start_matches('#'))) {
            Some(target) => self.resolve(target),
            None => schema,
        }
    }

    /// The first line of a field's documentation.
    fn resolve_text(&self, schema: &'s Value) -> &'s str {
        let text = schema["description"].as_str().or_else(|| self.resolve(schema)["description"].as_str());
        text.and_then(|text| text.lines().next()).unwrap_or_default()
    }

    /// The words that are allowed, if the schema is a choice of words.
    fn words(&self, schema: &'s Value) -> Option<Vec<&'s str>> {
        if let Some(words) = schema["enum"].as_array() {
            return words.iter().map(Value::as_str).collect();
        }
        if let Some(word) = schema["const"].as_str() {
            return Some(vec![word]);
        }
        let choices = schema["oneOf"].as_array()?;
        let words: Option<Vec<_>> = choices.iter().map(|choice| self.words(self.resolve(choice))).collect();
        words.map(|words| words.concat())
    }
}

/// The alternatives of a schema, unless they are just words.
fn alternatives(schema: &Value) -> Option<&[Value]> {
    let list = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array())?;
    let words = list.iter().all(|one| one.get("const").is_some() || one.get("enum").is_some());
    (!words).then_some(list.as_slice())
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("const").is_some() || schema.get("oneOf").is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

fn is_a(node: &Node, wanted: &str) -> bool {
    match (node, wanted) {
        (Node::Number(number), "integer") => number.is_i64() || number.is_u64(),
        (Node::Null, "null")
        | (Node::Bool(_), "boolean")
        | (Node::Number(_), "number")
        | (Node::Text(_), "string")
        | (Node::List(_), "array")
        | (Node::Map(_), "object") => true,
        _ => false,
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn fault(tree: &Tree, path: &str, message: impl Into<String>, fix: impl Into<String>) -> Fault {
    Fault { tree_place: tree.place, path: path.to_owned(), message: message.into(), fix: fix.into() }
}
