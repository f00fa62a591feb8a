//! What attempts to fetch keys learn for the next one.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use bytes::Bytes;
use mfa_gateway_core::clock::Timestamp;
use url::Url;

use super::fetch::Validators;

/// What attempts learn for the next one.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Where discovery last said the keys are, and when.
    pub(super) keys_at: Option<(Url, Timestamp)>,
    /// What the keys in use were read from.
    pub(super) held: Option<Held>,
    /// The digest of that document.
    pub(super) digest: Option<Digest>,
    /// When they were last given to the archive.
    pub(super) stored: Option<Timestamp>,
}

/// What tells a document from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest([u8; SHA256_OUTPUT_LEN]);

impl Digest {
    pub(super) fn of(document: &[u8]) -> Self {
        let mut octets = [0; SHA256_OUTPUT_LEN];
        octets.copy_from_slice(digest(&SHA256, document).as_ref());
        Self(octets)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) url: Url,
    /// What was fetched, if it is to be stored.
    pub(super) document: Option<Bytes>,
    pub(super) validators: Validators,
    pub(super) max_age: Option<Duration>,
}

impl Memory {
    /// The key set in use, as it was fetched.
    pub(super) fn document(&self) -> Option<&str> {
        std::str::from_utf8(self.held.as_ref()?.document.as_ref()?).ok()
    }

    /// How long the key set in use is fresh, as its issuer said.
    pub(super) fn max_age(&self) -> Option<Duration> {
        self.held.as_ref()?.max_age
    }
}
