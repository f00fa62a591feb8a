//! The library and the gateway: one rule, and one form of refusals.
//!
//! Every caller of the decision matrix goes to every route, through the gateway with a real upstream and through a layer
//! with a service: status, fields, body and what is learned of the caller are the same.

mod callers;
mod equality;
