//! What a proxy has to change in a permitted request, so that its backend receives what a listener's upstream would.

use ::http::header::{COOKIE, HOST};
use ::http::{HeaderMap, HeaderName, HeaderValue};

use super::asked::OF_CONNECTION;
use crate::gateway::Granted;

/// Fields about the way of the request, which the proxy itself writes and vouches for.
const OF_PROXY: [&str; 5] =
    ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"];

/// The changes to a request. No name is in both lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Fields that replace all of their names.
    pub(super) set: Vec<(HeaderName, HeaderValue)>,
    /// Fields that are removed, in the client's own spelling.
    pub(super) remove: Vec<HeaderName>,
}

impl Changes {
    /// What became of these fields.
    pub(super) fn between(asked: &HeaderMap, granted: &Granted) -> Self {
        let Granted { kept, told, unset, .. } = granted;
        let mut changes = Self { set: Vec::new(), remove: Vec::new() };
        for name in kept.keys().filter(|name| !is_left(name) && !told.contains_key(*name)) {
            if !kept.get_all(name).iter().eq(asked.get_all(name).iter())
                && let Some(value) = joined(kept, name)
            {
                changes.set.push((name.clone(), value));
            }
        }
        changes.set.extend(told.iter().map(|(name, value)| (name.clone(), value.clone())));
        let gone = |name: &&HeaderName| !is_left(name) && !kept.contains_key(*name) && !told.contains_key(*name);
        changes.remove.extend(asked.keys().filter(gone).cloned());
        // A proxy may have told only some of the client's fields.
        let untold = unset.iter().filter(|name| !asked.contains_key(*name) && !kept.contains_key(*name));
        changes.remove.extend(untold.cloned());
        changes
    }
}

/// Whether a field is the proxy's own business.
fn is_left(name: &HeaderName) -> bool {
    *name == HOST || OF_CONNECTION.contains(name) || OF_PROXY.contains(&name.as_str())
}

/// All values of a field as one.
fn joined(fields: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let values: Vec<&[u8]> = fields.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let between: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    HeaderValue::from_bytes(&values.join(between)).ok()
}
