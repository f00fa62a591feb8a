//! Sessions of people: signed in by an issuer, and kept in a sealed cookie.
//!
//! What a sign-in must remember on its way stands sealed in the browser ([`Transaction`]), so that any number of them cost
//! nothing.

use std::time::Duration;

mod cookie;
mod id;
mod settings;
mod transaction;

pub use cookie::{CookieName, OwnCookies, clear as clear_cookie, remove_set, set as set_cookie, take};
pub use id::{NoRandom, SessionId};
pub use settings::{Display, LogoutSettings, SessionSettings, SignInSettings, Times};
pub use transaction::{Begun, Transaction, Wanted};

/// How long a session may last at most.
pub const MAX_ABSOLUTE: Duration = Duration::from_secs(30 * 24 * 3600);
