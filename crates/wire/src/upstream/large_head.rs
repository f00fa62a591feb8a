//! Heads of responses with more fields than hyper's parser has room for.
//!
//! hyper has room for 100 fields on the stack. If it is to have room for more, it takes that from the allocator, and
//! clears it, for every response. So of a larger head hyper reads as many fields as fit, among them all that frame the
//! message. The others are appended to what it read: [`RequestSlot::complete`](super::RequestSlot::complete).

use crate::fields::line;

/// How many fields hyper has room for.
pub(super) const ROOM: usize = 100;

/// The most fields of a response.
pub(super) const MAX_FIELDS: usize = 256;

/// How many fields hyper reads, besides those that it needs.
const READ: usize = 90;

/// Splits a whole head into the one that hyper reads, and the lines of the other fields.
pub(super) fn split(head: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut read, mut rest, mut count) = (Vec::with_capacity(head.len()), Vec::new(), 0);
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        let field = line::split(line);
        count += usize::from(field.is_some());
        // Neither the first line nor the empty one is a field.
        let is_read = count <= READ || field.is_none_or(|(name, _)| is_needed(name));
        (if is_read { &mut read } else { &mut rest }).extend_from_slice(line);
    }
    (read, rest)
}

/// Whether hyper acts on a field.
fn is_needed(name: &[u8]) -> bool {
    ["connection", "content-length", "transfer-encoding", "upgrade"]
        .iter()
        .any(|needed| name.eq_ignore_ascii_case(needed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hyper_reads_what_frames_the_message_wherever_it_stands() {
        let fields = (0..200).map(|at| format!("X-{at}: {at}\r\n")).collect::<Vec<_>>().concat();
        let head = format!("HTTP/1.1 200 OK\r\n{fields}CONTENT-length: 2\r\nConnection: close\r\n\r\n");
        let (read, rest) = split(head.as_bytes());
        let (read, rest) = (String::from_utf8(read).unwrap(), String::from_utf8(rest).unwrap());
        assert!(read.starts_with("HTTP/1.1 200 OK\r\nX-0: 0\r\n"));
        assert!(read.ends_with("X-89: 89\r\nCONTENT-length: 2\r\nConnection: close\r\n\r\n"));
        assert!(rest.starts_with("X-90: 90\r\n") && rest.ends_with("X-199: 199\r\n"));
        assert_eq!(rest.lines().count(), 110);
    }
}
