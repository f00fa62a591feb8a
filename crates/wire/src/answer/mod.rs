//! The connection to an HTTP/1.1 upstream, guarded: what comes by it is one sound answer to each request, and nothing
//! else.
//!
//! hyper's client takes a bare LF for a line's end, and whatever comes next on a connection for the next answer. So an
//! answer's head is checked before the parser sees it, its body is followed to its end, and a connection that says
//! anything unasked is closed: those bytes would answer somebody else.

mod guard;
mod head;
mod interim;
mod stream;
mod turn;

pub use stream::AnswerStream;
pub use turn::Turn;
