//! Links of the gateway's pages that begin a sign-in. What they ask for is sealed, so that no parameter of anybody else's
//! steers what the issuer is asked.

use mfa_gateway_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::door::Door;
use crate::session::{ReturnPath, Wanted};

/// The parameter that holds a sealed link.
pub(super) const AGAIN: &str = "again";

/// The parameter that names a path to return to.
pub(super) const RETURN: &str = "return";

/// How long a link of a page works, in milliseconds. After that it begins a plain sign-in.
const LIFETIME: i64 = 12 * 3600 * 1000;

/// What a link begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Again {
    /// Where the browser returns to.
    #[serde(rename = "p")]
    pub(super) return_path: String,
    /// What is asked for.
    #[serde(rename = "w", default)]
    pub(super) wanted: Wanted,
    /// Whether the person wants to choose another account.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) another_account: bool,
    /// When the link was made, in milliseconds.
    #[serde(rename = "t")]
    pub(super) at: i64,
}

impl Again {
    /// The path and query of the link.
    pub(super) fn link(&self, door: &Door) -> String {
        let path = door.path("sign-in");
        match serde_json::to_vec(self).ok().map(|text| door.sign_in.seal_link(&text)) {
            Some(sealed) => [&path, "?", AGAIN, "=", &sealed].concat(),
            None => path,
        }
    }

    /// Reads a link's parameter.
    pub(super) fn open(sealed: &str, door: &Door, now: Timestamp) -> Option<Self> {
        let again: Self = serde_json::from_slice(&door.sign_in.open_link(sealed)?).ok()?;
        (now.as_millis() - again.at <= LIFETIME).then_some(again)
    }

    /// The link's return path, which was checked before it was sealed.
    pub(super) fn return_path(&self, door: &Door) -> ReturnPath {
        ReturnPath::of(&self.return_path, &door.sign_in.settings().base_path)
    }
}
