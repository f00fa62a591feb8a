//! Security events: what an issuer tells of its users' tokens and sessions while they last, and what ends by it.
//!
//! A [`Receiver`] takes security event tokens (RFC 8417) that transmitters push (RFC 8935), verifies them and writes into the
//! store what they end. [`Revoked`] keeps what a process knows of that alike with the store, so that every replica refuses
//! within a second what one was told. Requests look into memory alone.

mod effect;
mod lines;
mod metrics;
mod receiver;
mod refused;
mod revoked;
mod settings;

pub(crate) use metrics::EventMetrics;
pub(crate) use receiver::{Delivery, Receiver, Transmitter};
pub(crate) use refused::Refused;
pub(crate) use revoked::Revoked;
pub(crate) use settings::{EventSettings, TransmitterSettings};
