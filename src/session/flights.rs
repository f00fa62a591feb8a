//! The refreshes of a process, one per session at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::Instant;

use super::id::SessionId;
use super::record::Record;

/// The refreshes under way, and those that failed a short while ago.
#[derive(Debug, Default)]
pub(super) struct Flights(pub(super) Mutex<HashMap<SessionId, Flight>>);

#[derive(Debug)]
pub(super) enum Flight {
    /// What it lands with, and when it began.
    UnderWay(watch::Receiver<Option<Arc<Record>>>, Instant),
    /// When it failed.
    Failed(Instant),
}
