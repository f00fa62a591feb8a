//! What crosses modules: one binary, and a module for each capability.
//!
//! `architecture` and `compile_fail` guard the house, `matrix` and the properties the rule; the rest drives a real
//! gateway over real sockets, with an identity provider and an upstream in the same process.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod activation;
mod admin;
mod admin_fields;
mod architecture;
mod at_expiry;
mod build_script;
mod cache;
mod client_tokens;
mod compile_fail;
mod configuration;
mod connections;
mod contexts;
mod cross_origin;
mod delegation;
mod drain;
mod enforcement;
mod entra;
mod faces;
mod files;
mod forwarded;
mod forwarding;
mod growth;
mod growth_of_lists;
mod grpc;
mod hostile_tokens;
mod http2;
mod http2_bodies;
mod http2_limits;
mod interim;
mod introspection;
mod jwks_file;
mod key_lifecycle;
mod key_sources;
mod keys;
mod large_heads;
mod leaving;
mod library;
mod limits;
mod matrix;
mod openapi;
mod pages;
mod properties;
mod providers;
mod proxy_protocol;
mod published_keys;
mod refusal;
mod reload;
mod relying_party;
mod resource_metadata;
mod route_fields;
mod route_problems;
mod security;
mod security_events;
mod sender_constrained;
mod sign_in_problems;
mod soak;
mod support;
mod token_places;
mod uploads;
mod upstream;
mod upstream_cuts;
mod upstream_frames;
mod upstream_http2;
mod websocket;
