//! What arrived at the API, without any token.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// Requests beyond this many push out the oldest.
const MAX_RECORDED: usize = 1000;

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recorded {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// Who the gateway says it comes from.
    pub caller: Value,
    /// The claims of its access token, if it had a valid one.
    pub token: Option<Value>,
    /// The names of its header fields.
    pub fields: Vec<String>,
    /// The status of the response.
    pub status: u16,
}

/// The latest requests, oldest first.
#[derive(Debug, Default)]
pub(super) struct Records(Mutex<VecDeque<Recorded>>);

impl Records {
    pub(super) fn keep(&self, request: Recorded) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MAX_RECORDED {
            all.pop_front();
        }
        all.push_back(request);
    }

    pub(super) fn all(&self) -> Vec<Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
