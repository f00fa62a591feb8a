//! The states of a client's connection, each in an atomic byte: every byte that moves looks at them, and takes no lock.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, Ordering};

/// One of a few states. A new one is in the state of byte 0.
#[derive(Debug)]
pub(super) struct AtomicState<S> {
    byte: AtomicU8,
    state: PhantomData<S>,
}

/// Whether the connection switches to another protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Upgrade {
    /// The client asked for none.
    None,
    /// The client asked for one, and waits.
    Asked,
    /// The client asked for one and didn't wait: it sent more before the response.
    AskedEarly,
    /// Client and upstream agreed. Bytes pass unchecked.
    Agreed,
}

/// Whether interim responses may be sent, and whether one is half written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Interim {
    /// None may be sent: there is no request, or its final response has begun.
    Closed,
    /// They may be sent.
    Open,
    /// They may be sent, and one is half written.
    Underway,
    /// None may be sent any more, but the half that is written needs its rest.
    Finishing,
}

/// How the connection ends after its last response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Ending {
    /// It closes.
    AtOnce,
    /// It reads on for a while and then closes.
    Linger,
    /// The same, since the guard refused what came: the last request stands in for that.
    Refused,
}

impl<S> Default for AtomicState<S> {
    fn default() -> Self {
        Self { byte: AtomicU8::new(0), state: PhantomData }
    }
}

impl<S: From<u8> + Into<u8>> AtomicState<S> {
    pub(super) fn load(&self) -> S {
        self.byte.load(Ordering::Acquire).into()
    }

    pub(super) fn store(&self, state: S) {
        self.byte.store(state.into(), Ordering::Release);
    }

    /// Moves on to the state that `next` makes of the present one.
    pub(super) fn update(&self, next: impl Fn(S) -> S) {
        let next = |byte: u8| Some(next(byte.into()).into());
        // It never fails: there always is a next state.
        let _ = self.byte.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }
}

impl From<u8> for Upgrade {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::None,
            1 => Self::Asked,
            2 => Self::AskedEarly,
            _ => Self::Agreed,
        }
    }
}

impl From<Upgrade> for u8 {
    fn from(state: Upgrade) -> Self {
        state as Self
    }
}

impl From<u8> for Interim {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::Closed,
            1 => Self::Open,
            2 => Self::Underway,
            _ => Self::Finishing,
        }
    }
}

impl From<Interim> for u8 {
    fn from(state: Interim) -> Self {
        state as Self
    }
}

impl From<u8> for Ending {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::AtOnce,
            1 => Self::Linger,
            _ => Self::Refused,
        }
    }
}

impl From<Ending> for u8 {
    fn from(state: Ending) -> Self {
        state as Self
    }
}

impl Upgrade {
    /// The client asks for another protocol.
    pub(super) fn ask(self) -> Self {
        if self == Self::None { Self::Asked } else { self }
    }

    /// The upstream didn't agree.
    pub(super) fn decline(self) -> Self {
        if self == Self::Agreed { self } else { Self::None }
    }
}

impl Interim {
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Underway)
    }

    pub(super) fn is_underway(self) -> bool {
        matches!(self, Self::Underway | Self::Finishing)
    }

    fn of(open: bool, underway: bool) -> Self {
        match (open, underway) {
            (false, false) => Self::Closed,
            (true, false) => Self::Open,
            (true, true) => Self::Underway,
            (false, true) => Self::Finishing,
        }
    }

    /// Interim responses may be sent from now on.
    pub(super) fn open(self) -> Self {
        Self::of(true, self.is_underway())
    }

    /// No further ones may be sent.
    pub(super) fn close(self) -> Self {
        Self::of(false, self.is_underway())
    }

    /// A part of one was written.
    pub(super) fn begin(self) -> Self {
        Self::of(self.is_open(), true)
    }

    /// All that was queued is written.
    pub(super) fn end(self) -> Self {
        Self::of(self.is_open(), false)
    }
}

impl Ending {
    /// The connection is to read on for a while.
    pub(super) fn linger(self) -> Self {
        if self == Self::AtOnce { Self::Linger } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_stored() {
        fn kept<S: From<u8> + Into<u8> + Copy + PartialEq>(states: &[S]) -> bool {
            let atomic = AtomicState::default();
            atomic.load() == states[0]
                && states.iter().all(|&state| {
                    atomic.store(state);
                    atomic.load() == state
                })
        }
        assert!(kept(&[Upgrade::None, Upgrade::Asked, Upgrade::AskedEarly, Upgrade::Agreed]));
        assert!(kept(&[Interim::Closed, Interim::Open, Interim::Underway, Interim::Finishing]));
        assert!(kept(&[Ending::AtOnce, Ending::Linger, Ending::Refused]));
    }

    #[test]
    fn a_half_written_interim_response_outlasts_the_permission_to_send_more() {
        let underway = Interim::Closed.open().begin();
        assert_eq!(
            (underway, underway.close(), underway.close().end()),
            (Interim::Underway, Interim::Finishing, Interim::Closed)
        );
        assert_eq!((underway.end(), underway.close().open()), (Interim::Open, Interim::Underway));
    }

    #[test]
    fn a_refusal_and_an_agreement_are_final() {
        assert_eq!((Ending::Refused.linger(), Ending::AtOnce.linger()), (Ending::Refused, Ending::Linger));
        assert_eq!((Upgrade::Agreed.ask(), Upgrade::Agreed.decline()), (Upgrade::Agreed, Upgrade::Agreed));
        assert_eq!((Upgrade::AskedEarly.ask(), Upgrade::AskedEarly.decline()), (Upgrade::AskedEarly, Upgrade::None));
    }
}
