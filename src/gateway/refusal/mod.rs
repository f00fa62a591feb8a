//! The bytes of a refusal: status, header fields and body, in the caller's dialect.
//!
//! [`response`] puts together what every dialect has in common. What differs stands in one file for each:
//! [`partner_center`] (2019's documented response, today's error codes) and [`oauth`] (RFC 6750, RFC 9470, RFC 9457).
//! Public texts are fixed per reason. Of a token only verified facts are repeated: class, version and `amr`, in the body,
//! escaped as JSON.

mod body;
mod oauth;
mod partner_center;
mod response;
mod texts;

pub(crate) use response::response;
