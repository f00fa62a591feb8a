//! A line's members, one after another, as its `Serialize` emits them.
//!
//! So a line's type is its only description: names, order and omissions are the derived ones in every output form.
//! `serde_json` writes one form only, and checks each byte for characters to escape.

use std::fmt::{self, Display};

use serde::Serialize;
use serde::ser::{Impossible, SerializeSeq, SerializeStruct, Serializer};

use super::plain::Plain;
use mfa_gateway_core::json::Object;

/// A member's value.
pub(super) enum Value<'v> {
    /// This line doesn't have it.
    Absent,
    Null,
    Text(&'v str),
    /// The beginning of a list of texts, each of them, and its end.
    List,
    Item(&'v str),
    EndOfList,
    /// A number or a Boolean, which JSON writes as Rust does.
    Literal(&'v dyn Display),
    /// A document, as JSON.
    Json(&'v [u8]),
}

/// Receives a line's members.
pub(super) trait Take {
    fn take(&mut self, name: &'static str, value: Value<'_>) -> fmt::Result;
}

/// Passes on a line's members.
pub(super) fn members(line: &impl Serialize, taker: &mut impl Take) {
    let done = line.serialize(Members { name: "", taker });
    debug_assert!(done.is_ok(), "a line has members of other kinds");
}

impl Take for Object<'_> {
    #[expect(clippy::inline_always, reason = "what kind a value is of is known where it is handed on")]
    #[inline(always)]
    fn take(&mut self, name: &'static str, value: Value<'_>) -> fmt::Result {
        match value {
            Value::Absent => {}
            Value::Null => self.text_or_null(name, None),
            Value::Text(text) => self.text(name, text),
            Value::List => self.begin_list(name),
            Value::Item(text) => self.item(text),
            Value::EndOfList => self.end_list(),
            Value::Literal(value) => self.literal(name, value),
            Value::Json(document) => self.raw(name, document),
        }
        Ok(())
    }
}

/// Passes on a line's members, or the one with this name.
struct Members<'t, T> {
    name: &'static str,
    taker: &'t mut T,
}

impl<T: Take> Members<'_, T> {
    fn hand_on(self, value: Value<'_>) -> fmt::Result {
        self.taker.take(self.name, value)
    }
}

impl<T: Take> SerializeStruct for Members<'_, T> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_field<V: Serialize + ?Sized>(&mut self, name: &'static str, value: &V) -> fmt::Result {
        value.serialize(Members { name, taker: self.taker })
    }

    fn skip_field(&mut self, name: &'static str) -> fmt::Result {
        Members { name, taker: self.taker }.hand_on(Value::Absent)
    }

    fn end(self) -> fmt::Result {
        Ok(())
    }
}

/// Passes on a list's texts.
struct List<'t, T>(Members<'t, T>);

impl<T: Take> Take for List<'_, T> {
    fn take(&mut self, name: &'static str, value: Value<'_>) -> fmt::Result {
        match value {
            Value::Text(text) => self.0.taker.take(name, Value::Item(text)),
            _ => Err(fmt::Error),
        }
    }
}

impl<T: Take> SerializeSeq for List<'_, T> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<V: Serialize + ?Sized>(&mut self, value: &V) -> fmt::Result {
        value.serialize(Members { name: self.0.name, taker: self })
    }

    fn end(self) -> fmt::Result {
        self.0.hand_on(Value::EndOfList)
    }
}

/// The types that no line contains.
type Never = Impossible<(), fmt::Error>;

impl<'t, T: Take> Serializer for Members<'t, T> {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = List<'t, T>;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Self;
    type SerializeStructVariant = Never;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        Ok(self)
    }

    fn serialize_str(self, text: &str) -> fmt::Result {
        self.hand_on(Value::Text(text))
    }

    fn serialize_none(self) -> fmt::Result {
        self.hand_on(Value::Null)
    }

    fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> fmt::Result {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'t, T>, fmt::Error> {
        self.taker.take(self.name, Value::List)?;
        Ok(List(self))
    }

    fn serialize_bool(self, value: bool) -> fmt::Result {
        self.hand_on(Value::Literal(&value))
    }

    fn serialize_i8(self, number: i8) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_i16(self, number: i16) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_i32(self, number: i32) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_i64(self, number: i64) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_u8(self, number: u8) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_u16(self, number: u16) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_u32(self, number: u32) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    fn serialize_u64(self, number: u64) -> fmt::Result {
        self.hand_on(Value::Literal(&number))
    }

    /// What is wrapped is a document of its own.
    fn serialize_newtype_struct<V: Serialize + ?Sized>(self, _: &'static str, value: &V) -> fmt::Result {
        let mut document = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut document, Plain)).map_err(|_| fmt::Error)?;
        self.hand_on(Value::Json(&document))
    }

    // No line contains the types below.

    fn serialize_f32(self, _: f32) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_f64(self, _: f64) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_char(self, _: char) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_bytes(self, _: &[u8]) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit(self) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit_struct(self, _: &'static str) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> fmt::Result {
        Err(fmt::Error)
    }

    fn serialize_newtype_variant<V>(self, _: &'static str, _: u32, _: &'static str, _: &V) -> fmt::Result
    where
        V: Serialize + ?Sized,
    {
        Err(fmt::Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Never, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Never, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Never, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Never, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Never, fmt::Error> {
        Err(fmt::Error)
    }
}
