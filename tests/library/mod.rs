//! The library and the gateway: one rule, and one form of refusals.
//!
//! Every caller of the decision matrix goes to every route, through the gateway with a real upstream and through layers
//! with a service, whose rule comes from code and from the gateway's file: status, fields, body and what is learned of the
//! caller are the same.

mod callers;
mod equality;
mod from_config;
