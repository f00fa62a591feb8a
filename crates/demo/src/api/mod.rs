//! A sample partner API to put behind the gateway, in the manner of Partner Center's.
//!
//! It shows its callers who the gateway says they are. What belongs to a customer it gives to nobody but an application
//! with a user who has done MFA, by the token that arrives, as Partner Center does. [`SampleApi::recorded`] shows what
//! arrived, and [`ApiFaults`] what can go wrong; over HTTP, `/recorded` and `/faults` do the same.

mod caller;
mod consents;
mod customers;
mod faults;
mod recorded;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use caller::caller;
pub use faults::ApiFaults;
pub use recorded::Recorded;
pub use server::SampleApi;
