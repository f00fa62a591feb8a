//! A partner's portal to put behind the gateway: the pages that the published requirements name, plain and without
//! script, and a few endpoints for tests.
//!
//! | Path | Shows |
//! |---|---|
//! | `/` | Overview; it needs no MFA |
//! | `/commerce/…` | Customers, with a form that `POST`s to `/commerce/customers` |
//! | `/dashboard/support/csp/customers/…` | Support > Customer requests |
//! | `/billing/…` | Billing |
//! | `/status` | Service health; it needs no MFA |
//! | `/api/me`, `/…/api/me` | the identity fields as JSON |
//! | `/api/request`, `/…/api/request` | the request as it arrived: method, target, every field in order |
//! | `/api/respond?status=…&field=name:value` | a response with this status and these fields |
//! | `/download`, `/…/download` | a CSV file without a rule for caches |
//! | `…/ws` | a WebSocket that returns every message |
//!
//! The last five stand below each of the pages too, so that a test has them on any route. Each page counts its visits
//! in a cookie of its own, [`VISITS_COOKIE`].

mod endpoints;
mod pages;
mod server;
mod websocket;

pub use pages::VISITS_COOKIE;
pub use server::Portal;
