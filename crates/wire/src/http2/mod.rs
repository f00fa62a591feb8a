//! HTTP/2, watched from outside: the limits that h2 lacks.
//!
//! [`FlowControl`] follows the frames in both directions. It limits how long a client takes nothing of a response, and
//! by its frame budget how many frames without use a client sends. [`TrailerGuard`] has h2 refuse what it would drop in a
//! trailer section, in either direction.

mod flow_control;
mod frame_budget;
mod frames;
mod trailer_guard;

pub(crate) use flow_control::FlowControl;
pub(crate) use trailer_guard::TrailerGuard;
