//! Bytes that nobody can guess.

/// Fills `bytes` from the system's generator.
pub(crate) fn fill(bytes: &mut [u8]) {
    // The library's own generator ends the process where the system gives no randomness, and reports nothing else.
    let filled = aws_lc_rs::rand::fill(bytes);
    assert!(filled.is_ok(), "the system gives no random bytes");
}
