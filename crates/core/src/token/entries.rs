//! The entries of a key set, before any of them is read.
//!
//! Whatever is wrong with one entry (a number beyond `f64`, a lone surrogate, great depth) doesn't matter to the others.
//! Nothing grows with the document but the entries that are looked at.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::{KeyError, KeySetError, json};

/// The entries of a document.
#[derive(Debug, Default)]
pub(super) struct Entries<'d> {
    /// Those that are looked at.
    pub(super) first: Vec<&'d RawValue>,
    /// How many come after them.
    pub(super) beyond: usize,
}

impl<'d> Entries<'d> {
    /// Finds the entries of a JWK Set (RFC 7517 section 5), `most` of them at most.
    pub(super) fn find(document: &'d str, most: usize) -> Result<Self, KeySetError> {
        let mut reader = serde_json::Deserializer::from_str(document);
        let found = Document(most).deserialize(&mut reader).and_then(|found| reader.end().map(|()| found));
        match found {
            Ok(Some(entries)) => Ok(entries),
            Err(error) if error.classify() != Category::Data => Err(KeySetError::NotJson),
            Ok(None) | Err(_) => Err(KeySetError::NotAKeySet),
        }
    }
}

/// Reads an entry. `damaged` tells whether the document had octets that aren't UTF-8, replaced meanwhile.
pub(super) fn read(entry: &RawValue, damaged: bool) -> Result<Value, KeyError> {
    if damaged && entry.get().contains(char::REPLACEMENT_CHARACTER) {
        return Err(KeyError::Other("it is not UTF-8"));
    }
    let jwk = json::object(entry.get().as_bytes());
    jwk.map(Value::Object).ok_or(KeyError::Other("it is not a JSON object with unique names"))
}

/// The object with the member `keys`. Which of two was meant, nobody knows.
struct Document(usize);

impl<'d> DeserializeSeed<'d> for Document {
    type Value = Option<Entries<'d>>;

    fn deserialize<D: Deserializer<'d>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'d> Visitor<'d> for Document {
    type Value = Option<Entries<'d>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'d>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<Cow<'d, str>>()? {
            if name != "keys" {
                members.next_value::<IgnoredAny>()?;
            } else if found.replace(members.next_value_seed(Keys(self.0))?).is_some() {
                return Err(de::Error::custom("two members `keys`"));
            }
        }
        Ok(found)
    }
}

/// The array.
struct Keys(usize);

impl<'d> DeserializeSeed<'d> for Keys {
    type Value = Entries<'d>;

    fn deserialize<D: Deserializer<'d>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'d> Visitor<'d> for Keys {
    type Value = Entries<'d>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'d>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut entries = Entries::default();
        while entries.first.len() < self.0 {
            match elements.next_element()? {
                Some(entry) => entries.first.push(entry),
                None => return Ok(entries),
            }
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {
            entries.beyond += 1;
        }
        Ok(entries)
    }
}
