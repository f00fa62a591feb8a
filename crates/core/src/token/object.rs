//! The object that a token's header or payload is, as it came.
//!
//! Most claims are never looked at. Those that are texts stay where they stand, and cost nothing but their checks.

use std::fmt;
use std::ops::Range;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::json::StrictVisitor;
use super::names::Tag;
use super::{Claim, TokenError};
use crate::clock::Timestamp;

/// An object, and the text that it was read from.
#[derive(Debug)]
pub(super) struct Object {
    text: String,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    tag: Tag,
    name: Text,
    value: Held,
}

/// Up to this many members are compared with each other, which takes no memory.
const FEW: usize = 32;

/// A text within the object's.
#[derive(Debug)]
enum Text {
    Here(Range<usize>),
    /// It was written with escapes.
    Escaped(Box<str>),
}

#[derive(Debug)]
enum Held {
    Text(Text),
    Other(Value),
}

impl Object {
    /// Parses `bytes` as exactly one JSON object; `None` if they aren't one, or a name stands twice.
    ///
    /// `serde_json` refuses lone surrogates, trailing bytes, numbers beyond `f64` and a depth over 128.
    pub(super) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let text = String::from_utf8(bytes).ok()?;
        let mut deserializer = serde_json::Deserializer::from_str(&text);
        let members = deserializer.deserialize_map(MembersVisitor(&text)).ok()?;
        deserializer.end().ok()?;
        are_unique(&members, &text).then_some(Self { text, members })
    }

    /// The member with this name.
    pub(super) fn get(&self, name: &str) -> Option<Claim<'_>> {
        let tag = Tag::of(name);
        let member = self.members.iter().find(|member| member.is_called(tag, name, &self.text))?;
        Some(match &member.value {
            Held::Text(text) => Claim::Text(text.within(&self.text)),
            Held::Other(value) => Claim::Other(value),
        })
    }

    /// The member that a path of names leads to.
    pub(super) fn at<S: AsRef<str>>(&self, path: &[S]) -> Option<Claim<'_>> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.get(first.as_ref())?, |claim, name| claim.get(name.as_ref()))
    }

    /// The text with this name, which may be absent, but not of another type.
    pub(super) fn optional_text(&self, name: &'static str) -> Result<Option<&str>, TokenError> {
        self.get(name).map(|claim| claim.as_str().ok_or(TokenError::ClaimMalformed(name))).transpose()
    }

    /// The date with this name, which may be absent, but not of another type.
    pub(super) fn optional_date(&self, name: &'static str) -> Result<Option<Timestamp>, TokenError> {
        self.get(name).map(|claim| claim.date().ok_or(TokenError::ClaimMalformed(name))).transpose()
    }

    /// The names of all members.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|member| member.name.within(&self.text))
    }
}

impl Member {
    #[inline]
    fn is_called(&self, tag: Tag, name: &str, text: &str) -> bool {
        self.tag == tag && self.name.within(text) == name
    }
}

/// Whether no name stands twice.
fn are_unique(members: &[Member], text: &str) -> bool {
    if members.len() > FEW {
        let mut all: Vec<_> = members.iter().map(|member| member.name.within(text)).collect();
        all.sort_unstable();
        return all.array_windows().all(|[one, other]| one != other);
    }
    let mut rest = members;
    while let [member, later @ ..] = rest {
        if later.iter().any(|other| other.tag == member.tag && other.name.within(text) == member.name.within(text)) {
            return false;
        }
        rest = later;
    }
    true
}

impl Text {
    fn within<'t>(&'t self, text: &'t str) -> &'t str {
        match self {
            // It was taken from there.
            Self::Here(range) => text.get(range.clone()).unwrap_or_default(),
            Self::Escaped(text) => text,
        }
    }
}

/// Reads the members of the outermost object of this text.
struct MembersVisitor<'t>(&'t str);

impl<'de> Visitor<'de> for MembersVisitor<'_> {
    type Value = Vec<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let text = TextVisitor(self.0.as_ptr().addr());
        let mut members = Vec::with_capacity(FEW);
        while let Some(name) = access.next_key_seed(text)? {
            let tag = Tag::of(name.within(self.0));
            members.push(Member { tag, name, value: access.next_value_seed(HeldVisitor(text))? });
        }
        Ok(members)
    }
}

/// Reads a text within the one that begins at this address.
#[derive(Clone, Copy)]
struct TextVisitor(usize);

impl<'de> DeserializeSeed<'de> for TextVisitor {
    type Value = Text;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Text, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text, E> {
        let at = text.as_ptr().addr() - self.0;
        Ok(Text::Here(at..at + text.len()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text::Escaped(text.into()))
    }
}

/// What isn't a string is read as a whole.
struct HeldVisitor(TextVisitor);

impl<'de> DeserializeSeed<'de> for HeldVisitor {
    type Value = Held;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Held, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for HeldVisitor {
    type Value = Held;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Held, E> {
        self.0.visit_borrowed_str(text).map(Held::Text)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Held, E> {
        self.0.visit_str(text).map(Held::Text)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Held, E> {
        StrictVisitor.visit_bool(value).map(Held::Other)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Held, E> {
        StrictVisitor.visit_i64(value).map(Held::Other)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Held, E> {
        StrictVisitor.visit_u64(value).map(Held::Other)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Held, E> {
        StrictVisitor.visit_f64(value).map(Held::Other)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Held, E> {
        StrictVisitor.visit_unit().map(Held::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Held, A::Error> {
        StrictVisitor.visit_seq(seq).map(Held::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Held, A::Error> {
        StrictVisitor.visit_map(access).map(Held::Other)
    }
}

#[cfg(test)]
impl Object {
    /// As a token has it.
    pub(super) fn of(value: &Value) -> Self {
        Self::parse(value.to_string().into_bytes()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Object> {
        Object::parse(text.into())
    }

    #[test]
    fn a_member_is_found_by_its_exact_name_and_has_its_value() {
        let object = parse(r#" {"b":"x","a":[1,2.5,null,true,"x"],"\u0061b":"\u00e9","é":"é","":{"c":"d"}} "#).unwrap();
        let text = |name| object.get(name).and_then(Claim::as_str);
        assert_eq!((text("b"), text("ab"), text("é"), text("a")), (Some("x"), Some("é"), Some("é"), None));
        assert_eq!(object.get("a").map(Claim::to_value), Some(serde_json::json!([1, 2.5, null, true, "x"])));
        assert_eq!(object.get("").and_then(|inner| inner.get("c")).and_then(Claim::as_str), Some("d"));
        let at = |path: &[&str]| object.at(path).map(Claim::to_value);
        assert_eq!(at(&["", "c"]), Some("d".into()));
        assert_eq!((at(&["", "b"]), at(&["c", "b"]), at(&[])), (None, None, None));
        // Not an object: malformed, and not absent.
        assert_eq!((at(&["b", "c"]), at(&["a", "c", "d"])), (Some(Value::Null), Some(Value::Null)));
        assert!(["B", "c", "b ", "\\u0061b"].iter().all(|name| object.get(name).is_none()));
        assert_eq!(object.names().count(), 5);
    }

    #[test]
    fn it_is_exactly_one_object_with_unique_names_at_every_depth() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":"x","b":1,"a":"x"}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":[{"b":1,"b":1}]}"#,
            r#"{"amr":1,"\u0061mr":2}"#,
            "[]",
            "{}{}",
            "{} x",
            "\"x\"",
            "null",
            r#"{"a":"\ud800"}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":1e999}"#,
            "{\"a\":\"\n\"}",
            r"{1:1}",
            r#"{"a":1,}"#,
            r#"{"a"}"#,
            "\u{feff}{}",
            "",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
        assert!(Object::parse(b"{\"a\":\"\xff\"}".to_vec()).is_none());
        assert!(parse(&"[".repeat(100_000)).is_none());
        assert!(parse(&format!("{{\"a\":{}", "[".repeat(100_000))).is_none());
    }

    #[test]
    fn names_that_look_alike_are_told_apart() {
        // Of one length, first and last byte; and as many as make the set of names full.
        for count in [2, FEW, FEW + 1, 200] {
            let name = |at: usize| format!("a{at:04}z");
            let members = |count: usize| (0..count).map(|at| format!(r#""{}":{at}"#, name(at))).collect::<Vec<_>>();
            let object = parse(&format!("{{{}}}", members(count).join(","))).unwrap();
            for at in 0..=count {
                let expected = (at < count).then(|| Value::from(at));
                assert_eq!(object.get(&name(at)).map(Claim::to_value), expected, "{at} of {count}");
            }
            for twice in [0, count / 2, count - 1] {
                let mut members = members(count);
                members.push(format!(r#""{}":0"#, name(twice)));
                assert!(parse(&format!("{{{}}}", members.join(","))).is_none(), "{twice} of {count}");
            }
        }
        // Lengths that differ by more than a tag can hold.
        let (long, short) = ("n".repeat(65_538), "nn");
        let object = parse(&format!(r#"{{"{long}":1,"{short}":2}}"#)).unwrap();
        assert_eq!([&*long, short].map(|name| object.get(name).map(Claim::to_value)), [Some(1.into()), Some(2.into())]);
    }

    #[test]
    fn it_is_what_any_other_reader_finds() {
        let text = many();
        let object = parse(&text).unwrap();
        let Value::Object(expected) = serde_json::from_str(&text).unwrap() else { unreachable!() };
        assert_eq!(object.names().count(), expected.len());
        for (name, value) in expected {
            assert_eq!(object.get(&name).map(Claim::to_value), Some(value), "{name}");
        }
    }

    fn many() -> String {
        let members = (0..500).map(|at| format!(r#""{}{at}":"{at}""#, "n".repeat(at % 7))).collect::<Vec<_>>();
        format!("{{{}}}", members.join(","))
    }
}
