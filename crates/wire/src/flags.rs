//! What is so of a client's connection, a bit each.

/// The final response is still to come, so that interim ones may be sent.
pub(super) const OPEN: u16 = 1;
/// An interim response is half written.
pub(super) const UNDERWAY: u16 = 2;
/// The connection reads on for a while before it closes.
pub(super) const LINGER: u16 = 4;
/// Something came behind the request that passed last.
pub(super) const AHEAD: u16 = 8;
/// Another protocol was asked for.
pub(super) const ASKED: u16 = 16;
/// Another protocol was agreed on.
pub(super) const AGREED: u16 = 32;
/// What came was not let through.
pub(super) const REFUSED: u16 = 64;
/// Nothing is read for a while.
pub(super) const HELD_BACK: u16 = 128;
/// Something came while another protocol was asked for.
pub(super) const EARLY: u16 = 256;
/// The connection is to end.
pub(super) const LEAVING: u16 = 512;
