//! HTTP/2, watched from outside: the limits that h2 lacks.
//!
//! [`FlowControl`] follows the frames in both directions. It limits how long a client takes nothing of a response, and
//! by its frame budget how many frames without use a client sends.

mod flow_control;
mod frame_budget;
mod frames;

pub(crate) use flow_control::FlowControl;
