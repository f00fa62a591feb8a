//! What a server sends compressed, though nobody asked for it: some file stores have only that form of a document.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::HeaderValue;

/// How gzip begins (RFC 1952 section 2.3.1). No JSON does.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The longest name of a coding that is told.
const MAX_NAME: usize = 32;

/// Why a document can't be read from what was received.
#[derive(Debug, thiserror::Error)]
pub enum CodingError {
    /// It is too large.
    #[error("the document is larger than {0} bytes")]
    TooLarge(usize),
    /// It is compressed in a way that nobody asked for and that isn't known.
    #[error("the response has the content coding {0:?}, which was not asked for")]
    Unknown(String),
    /// It looks like gzip and isn't.
    #[error("the response is not readable as gzip")]
    Gzip(#[source] io::Error),
}

/// The document within the octets that were received, at most `limit` of it: a few octets can stand for gigabytes.
pub(crate) fn plain(received: Bytes, coding: Option<&HeaderValue>, limit: usize) -> Result<Bytes, CodingError> {
    if !received.starts_with(&GZIP) {
        let coding = coding.map(HeaderValue::as_bytes).unwrap_or_default();
        let known = [&b""[..], b"identity", b"gzip", b"x-gzip"];
        if known.iter().any(|name| name.eq_ignore_ascii_case(coding)) {
            return Ok(received);
        }
        let name = String::from_utf8_lossy(coding).chars().take(MAX_NAME).collect();
        return Err(CodingError::Unknown(name));
    }
    let mut document = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(&received[..]).take(bound).read_to_end(&mut document).map_err(CodingError::Gzip)?;
    if document.len() > limit { Err(CodingError::TooLarge(limit)) } else { Ok(document.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(document: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(document).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn gzip_is_read_whatever_its_server_calls_it_and_other_codings_are_named() {
        let coding = |name: &'static str| HeaderValue::from_static(name);
        for name in ["gzip", "x-gzip", "GZIP", "identity", "br"] {
            assert_eq!(plain(gzip(b"{}"), Some(&coding(name)), 2).unwrap(), &b"{}"[..], "{name}");
        }
        assert_eq!(plain(gzip(b"{}"), None, 2).unwrap(), &b"{}"[..]);
        // A proxy took the coding away, and not the field.
        assert_eq!(plain(Bytes::from_static(b"{}"), Some(&coding("gzip")), 2).unwrap(), &b"{}"[..]);
        let error = plain(Bytes::from_static(b"\x1b"), Some(&coding("br")), 9).unwrap_err();
        assert!(error.to_string().contains("\"br\""), "{error}");
    }

    #[test]
    fn what_stands_for_more_than_the_limit_or_is_broken_is_given_up() {
        let bomb = gzip(&vec![b' '; 1 << 20]);
        assert!(bomb.len() < 2048);
        assert!(matches!(plain(bomb.clone(), None, (1 << 20) - 1), Err(CodingError::TooLarge(_))));
        assert_eq!(plain(bomb.clone(), None, 1 << 20).unwrap().len(), 1 << 20);
        let twice = Bytes::from([&bomb[..], &bomb].concat());
        assert!(matches!(plain(twice, None, 1 << 20), Err(CodingError::TooLarge(_))));
        for broken in [bomb.slice(..bomb.len() - 1), bomb.slice(..2), Bytes::from([&bomb[..], b"x"].concat())] {
            assert!(matches!(plain(broken, None, 1 << 21), Err(CodingError::Gzip(_))));
        }
    }
}
