//! The file as a tree of values that know where they stand.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Spanned, from_str_with_options, options};

/// A place in the file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) length: usize,
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) node: Node,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Place, Tree)>),
}

impl Tree {
    /// Parses YAML 1.2, with `${NAME}` taken from `environment`.
    ///
    /// # Errors
    ///
    /// If it isn't YAML, a key stands twice, or a variable isn't set.
    pub(super) fn parse(text: &str, environment: HashMap<String, String>) -> Result<Self, serde_saphyr::Error> {
        let options = options! { strict_booleans: true }.with_properties(environment);
        from_str_with_options::<Spanned<Node>>(text, options).map(Self::from)
    }

    /// The same values as JSON, for serde.
    pub(super) fn to_json(&self) -> Value {
        match &self.node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Number(number) => Value::Number(number.clone()),
            Node::Text(text) => Value::String(text.clone()),
            Node::List(items) => items.iter().map(Self::to_json).collect(),
            Node::Map(entries) => {
                Value::Object(entries.iter().map(|(key, _, tree)| (key.clone(), tree.to_json())).collect::<Map<_, _>>())
            }
        }
    }

    /// The place that a path such as `routes[0].max_age` leads to, or the nearest one above it.
    pub(super) fn place_of(&self, path: &str) -> Place {
        let mut tree = self;
        for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
            let next = match (&tree.node, step.strip_suffix(']')) {
                (Node::List(items), Some(index)) => index.parse::<usize>().ok().and_then(|at| items.get(at)),
                (Node::Map(entries), None) => entries.iter().find(|(key, _, _)| key == step).map(|(_, _, tree)| tree),
                _ => None,
            };
            let Some(next) = next else { break };
            tree = next;
        }
        tree.place
    }
}

impl From<Spanned<Node>> for Tree {
    fn from(spanned: Spanned<Node>) -> Self {
        let place = place(&spanned);
        Self { node: spanned.value, place }
    }
}

fn place<T>(spanned: &Spanned<T>) -> Place {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let at = spanned.referenced;
    Place { line: number(at.line()), column: number(at.column()), length: number(at.span().len()) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or_else(|| Node::Text(value.to_string()), Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Node>>()? {
            items.push(item.into());
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let at = place(&key);
            entries.push((key.value, at, map.next_value::<Spanned<Node>>()?.into()));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "listeners:\n  - { address: 0.0.0.0:8080 }\nroutes:\n  - path: /x\n    max_age: ${AGE:-5m}\n    n: 3\n";

    #[test]
    fn values_know_their_places() {
        let tree = Tree::parse(FILE, HashMap::new()).unwrap();
        let at = |path| {
            let place = tree.place_of(path);
            (place.line, place.column)
        };
        assert_eq!(at("listeners[0].address"), (2, 16));
        assert_eq!(at("routes[0].max_age"), (5, 14));
        assert_eq!(at("routes[0].absent"), at("routes[0]"));
        assert_eq!(tree.to_json()["routes"][0]["max_age"], "5m");
        assert_eq!(tree.to_json()["routes"][0]["n"], 3);
    }

    #[test]
    fn variables_come_from_the_environment() {
        let set = HashMap::from([("AGE".to_owned(), "1h".to_owned())]);
        assert_eq!(Tree::parse(FILE, set).unwrap().to_json()["routes"][0]["max_age"], "1h");
        assert!(Tree::parse("a: ${UNSET}", HashMap::new()).is_err());
        assert!(Tree::parse("a: 1\na: 2", HashMap::new()).is_err());
    }
}
