//! What the gateway must not forget: sessions and their ends, in memory, SQLite or Postgres.
//!
//! | | |
//! |---|---|
//! | [`SealingKeys`], [`Sealer`] | what leaves the process, sealed |
//! | [`StoreSettings`], [`Store`] | where the rows are, and the operations on them, each within its deadline |

mod random;
mod sealing_keys;

mod seal;

mod envelope;

mod dialect;
mod error;
mod rows;
mod settings;

mod connect;
mod pool;

mod listen;
mod metrics;

mod consent;
mod session;
mod store;

mod changes;
mod consents;
mod ends;
mod followed;
mod once;
mod refresh;
mod revocations;
mod sessions;

mod wanted;

mod tallies;

mod requests;
mod sums;
mod users;

mod customers;

mod flush;
mod retention;

mod exception;
mod exceptions;
mod register;
mod uses;

mod vendor;
mod vendor_customers;
mod vendors;

pub use changes::{Changes, Cursor};
pub use consent::Consent;
pub use consents::{ConsentLease, ConsentMark, ConsentRenewal};
pub use customers::CustomerRequests;
pub use ends::Which;
pub use envelope::Envelope;
pub use error::StoreError;
pub use exception::{Evidence, Exception, NewEvidence, NewException, NewStep, Step, Who};
pub use exceptions::{ExceptionFilter, ExceptionPage, Move};
pub use flush::Flush;
pub use followed::{ConsentChange, ConsentsSeen};
pub use metrics::{Health, StoreMetrics};
pub use once::Purged;
pub use refresh::{Lease, Renewal};
pub use register::Register;
pub use requests::{MOST_RECENT, RecentRequest};
pub use retention::{Forgotten, Retention};
pub use revocations::{Once, RevocationsSeen, RevokedSubject};
pub use seal::{OVERHEAD, Sealer};
pub use sealing_keys::{KEY_COMMAND, KeyError, SealingKeys};
pub use session::{Ended, NewSession, Session, is_storable};
pub use sessions::{Filter, LONGEST_LIST, Page};
pub use settings::{Kind, PostgresSettings, StoreSettings};
pub use store::Store;
pub use sums::By;
pub use tallies::Tally;
pub use users::UserRequests;
pub use uses::Uses;
pub use vendor::{VendorCounts, VendorCustomer, VendorPurge, VendorRun, VendorWish};
pub use vendor_customers::VendorOutcome;
pub use wanted::Wanted;
