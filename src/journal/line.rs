//! A line as JSON.

use serde::Serialize;

use super::members::members;
use super::plain::Plain;
use mfa_gateway_core::json::{self, Object};

/// Writes a line as an object, with unsafe characters in its texts escaped.
pub(super) fn in_line(buffer: &mut Vec<u8>, line: &impl Serialize) {
    let mut object = Object::escaping(buffer, |buffer, text| json::escape(buffer, text, Plain));
    members(line, &mut object);
    object.end();
}
