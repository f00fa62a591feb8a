//! An issuer's keys over time.
//!
//! Each [`KeySource`] has one task that does all its fetching, so fetches are single by construction and one issuer's
//! trouble never touches another's. Requests read an immutable [`KeySet`] behind a swap and never wait for a lock. A
//! token with an unknown `kid` asks the task for a fetch and waits for it; one whose signature fails with a known `kid`
//! asks without waiting, since its key may have been replaced. Such fetches have a `budget`: once it is used up the
//! token is refused at once, and the fetch follows as soon as the budget allows. So a flood of forged tokens costs a few
//! fetches a minute, and a real rotation is learned within seconds even during one.
//!
//! What was fetched last stays in use until it is older than the configuration allows, whatever the issuer answers
//! meanwhile; it is also kept in an `archive` on disk, so that a restart during an outage serves. `status` says how
//! old it is and what is wrong.
//!
//! The discovery document also says where people sign in: a source keeps that as its [`Metadata`], and a [`FormClient`] sends
//! codes and refresh tokens there. An [`ApiClient`] calls the APIs that access tokens are for.
//!
//! [`KeySet`]: mfa_gateway_core::token::KeySet

mod archive;
mod ask;
mod attempt;
mod budget;
mod call;
mod clients;
mod discovery;
mod encoding;
mod fetch;
mod file;
mod memory;
mod metadata;
mod metrics;
mod no_proxy;
mod post;
mod refresh;
mod settings;
mod source;
mod status;
mod stored;

pub use archive::sweep;
pub use attempt::{KeyError, Refreshed};
pub use call::{ApiCall, ApiClient, ApiResponse};
pub use clients::{ClientError, Fetching, is_direct, is_loopback};
pub use discovery::{DiscoveryError, read as read_discovery};
pub use encoding::CodingError;
pub use fetch::{FetchError, MAX_DOCUMENT};
pub use file::{FileError, check_file};
pub use metadata::{EndpointError, Metadata};
pub use metrics::{IssuerMetrics, KeyMetrics};
pub use post::{FormClient, FormResponse};
pub use settings::{KeyLocation, KeySettings};
pub use source::KeySource;
pub use status::{Origin, Status};
