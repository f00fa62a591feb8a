//! Sessions of people: signed in by an issuer, kept in a sealed cookie, ended everywhere within a second.
//!
//! A [`SignIn`] begins sign-ins and finishes them: what it must remember on the way stands sealed in the browser
//! ([`Transaction`]), so that any number of them cost nothing. What an ID token proves becomes a [`Record`], which the session's
//! cookie holds; a request opens it, looks into the table in memory, and asks nobody. The store has a row for each session:
//! it knows which have ended, when each was last used, and keeps its tokens, sealed.
//!
//! | what | where | read |
//! |---|---|---|
//! | who, claims, times | the cookie, sealed | on each request |
//! | whether it has ended, its last use, its newest generation | the table; the store | on each request; each second |
//! | a newer record than the cookie's | the store, sealed | once: the browser has it after the response |
//! | tokens | the store, sealed | for a refresh, a sign-out; once for an upstream that wants them |

mod access_tokens;
mod begin;
mod cookie;
mod evidence;
mod finish;
mod flights;
mod id;
mod logout;
mod metrics;
mod recall;
mod record;
mod refresh;
mod return_path;
mod secrets;
mod sessions;
mod settings;
mod settle;
mod sign_in;
mod sync;
mod table;
mod transaction;
mod wanted_claims;

pub use begin::{CannotBegin, Departure, Start};
pub use cookie::{CookieName, OwnCookies, clear as clear_cookie, remove_set, set as set_cookie, take as take_cookies};
pub use finish::{Arrival, Finished, Judge, Unfinished};
pub use id::{NoRandom, SessionId};
pub use logout::{DELAYED, LogoutError, SignedOff};
pub use metrics::SessionMetrics;
pub use record::{Record, Tried};
pub use return_path::ReturnPath;
pub use sessions::{Judged, MAX_ABSOLUTE, Sessions, Whose};
pub use settings::{Display, LogoutSettings, MAX_PER_USER, SessionSettings, SignInSettings, Times};
pub use sign_in::{Current, Looked, SignIn};
pub use table::Ending;
pub use transaction::{Begun, Transaction, Wanted};
pub use wanted_claims::WantedClaim;
