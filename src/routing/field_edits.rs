//! Header fields that a route sets, adds and removes.

use std::path::PathBuf;

use http::{HeaderMap, HeaderName, HeaderValue};
use mfa_gateway_wire::headers::is_same_name;

/// Changes to the header fields of a message, in this order: removed, set, added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldEdits {
    /// The fields to remove.
    pub remove: Vec<HeaderName>,
    /// The fields to replace, or to add if they are absent. Secrets are marked as sensitive.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// The fields to add beside those of the same name.
    pub add: Vec<(HeaderName, HeaderValue)>,
    /// The files that hold some of the values.
    pub files: Vec<PathBuf>,
}

impl FieldEdits {
    /// Changes a request for an upstream. Removed and replaced fields go in every spelling: a client must not get its own
    /// value past them to a server that reads `X_Env` as `X-Env`.
    pub(crate) fn apply_to_request(&self, fields: &mut HeaderMap) {
        let edited = || self.remove.iter().chain(self.set.iter().map(|(name, _)| name));
        let is_edited = |name: &&HeaderName| edited().any(|one| is_same_name(one.as_str(), name.as_str()));
        while let Some(name) = fields.keys().find(is_edited).cloned() {
            fields.remove(name);
        }
        self.put(fields);
    }

    /// Changes an upstream's response.
    pub(crate) fn apply_to_response(&self, fields: &mut HeaderMap) {
        for name in &self.remove {
            fields.remove(name);
        }
        self.put(fields);
    }

    fn put(&self, fields: &mut HeaderMap) {
        for (name, value) in &self.set {
            fields.insert(name, value.clone());
        }
        for (name, value) in &self.add {
            fields.append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_removed_then_set_then_added() {
        let name = HeaderName::from_static;
        let field = |own, value| (name(own), HeaderValue::from_static(value));
        let edits = FieldEdits {
            remove: vec![name("x-debug")],
            set: vec![field("x-env", "prod")],
            add: vec![field("x-tag", "2")],
            ..FieldEdits::default()
        };
        let sent = [("x_debug", "1"), ("x-env", "a"), ("x.env", "b"), ("x-tag", "1"), ("accept", "c")];
        let sent: HeaderMap = sent.into_iter().map(|(name, value)| field(name, value)).collect();
        let names = |fields: &HeaderMap| {
            let mut names: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
            names.sort();
            names.join(", ")
        };
        let mut request = sent.clone();
        edits.apply_to_request(&mut request);
        assert_eq!(names(&request), r#"accept: "c", x-env: "prod", x-tag: "1", x-tag: "2""#);
        let mut response = sent;
        edits.apply_to_response(&mut response);
        assert_eq!(names(&response), r#"accept: "c", x-env: "prod", x-tag: "1", x-tag: "2", x.env: "b", x_debug: "1""#);
    }
}
