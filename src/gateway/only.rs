//! The one value of a field.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field's value, if it occurs exactly once.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}
