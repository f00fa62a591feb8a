//! Interim responses (RFC 9110 section 15.2) on their way to the client.

use http::{StatusCode, header};

use crate::fields::headers;
use crate::http1::head;

/// The head of an interim response as the client gets it. `None` if `head` isn't one.
pub(super) fn for_client(head: &[u8]) -> Option<Vec<u8>> {
    let status = StatusCode::from_bytes(head.get(9..12)?).ok()?;
    let mut fields = head::fields(head)?;
    headers::remove_hop_by_hop(&mut fields);
    fields.remove(header::CONTENT_LENGTH);
    let mut head = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &fields {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_the_connection_stays_behind() {
        let head = b"HTTP/1.1 103 Hints!\r\nLink: </a>\r\nConnection: x-own\r\nX-Own: 1\r\nContent-Length: 3\r\n\r\n";
        assert_eq!(for_client(head).unwrap(), b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    }
}
