//! The chunked coding (RFC 9112 section 7.1), followed strictly.

use super::head::Fault;
use crate::fields::line;
use crate::fields::trailers::MAX_TRAILER_BYTES;

const CHUNK: Fault = "A chunk is not a hexadecimal length, that many bytes, and CRLF (RFC 9112 section 7.1).";
const TRAILER: Fault = "The trailer section is malformed or too large (RFC 9112 section 7.1.2).";

/// The longest line with a chunk's length and its extensions.
const MAX_LINE: usize = 256;

/// A position in a chunked body.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    part: Part,
    /// The line that isn't whole yet.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Debug, Default)]
enum Part {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers,
}

impl Chunked {
    /// Follows the bytes. Returns how many of them belong to the body, and whether it ended with them; or how many were
    /// sound before the fault.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), (usize, Fault)> {
        let mut at = 0;
        while at < bytes.len() {
            if let Part::Data(left) = &mut self.part {
                let part = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
                *left -= part as u64;
                at += part;
                if *left == 0 {
                    self.part = Part::DataEnd;
                }
                continue;
            }
            let byte = bytes[at];
            if !self.may_follow(byte) {
                return Err((at, if matches!(self.part, Part::Trailers) { TRAILER } else { CHUNK }));
            }
            self.line.push(byte);
            at += 1;
            if byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                match self.end_line(&line[..line.len() - 2]) {
                    Ok(true) => return Ok((at, true)),
                    Ok(false) => {}
                    Err(fault) => return Err((at - 1, fault)),
                }
            }
        }
        Ok((at, false))
    }

    /// Whether a byte may come next in the line: LF only after CR, nothing else after CR, and within the limit.
    fn may_follow(&self, byte: u8) -> bool {
        let after_cr = self.line.last() == Some(&b'\r');
        let limit = match self.part {
            Part::DataEnd => 2,
            Part::Trailers => MAX_TRAILER_BYTES - self.trailers,
            Part::Size | Part::Data(_) => MAX_LINE,
        };
        let plain = match self.part {
            Part::DataEnd => false,
            Part::Size => byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'),
            Part::Trailers | Part::Data(_) => byte >= 0x20 && byte != 0x7f || byte == b'\t',
        };
        self.line.len() < limit
            && match byte {
                b'\n' => after_cr,
                b'\r' => !after_cr,
                _ => plain && !after_cr,
            }
    }

    /// Takes a whole line, without its CRLF. Returns whether the body ended with it.
    fn end_line(&mut self, text: &[u8]) -> Result<bool, Fault> {
        match self.part {
            Part::Size => {
                let size = size(text).ok_or(CHUNK)?;
                self.part = if size == 0 { Part::Trailers } else { Part::Data(size) };
            }
            Part::DataEnd => self.part = Part::Size,
            Part::Trailers if text.is_empty() => return Ok(true),
            Part::Trailers => {
                line::split(text).ok_or(TRAILER)?;
                self.trailers += text.len() + 2;
            }
            Part::Data(_) => {}
        }
        Ok(false)
    }
}

/// The size of a chunk. Extensions are ignored (RFC 9112 section 7.1.1).
fn size(line: &[u8]) -> Option<u64> {
    let digits = line.split(|&byte| byte == b';').next()?;
    if digits.is_empty() || digits.len() > 15 {
        return None;
    }
    digits.iter().try_fold(0, |size, &digit| Some(size * 16 + u64::from(char::from(digit).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(body: &str) -> Result<(usize, bool), usize> {
        Chunked::default().follow(body.as_bytes()).map_err(|(at, _)| at)
    }

    #[test]
    fn sound_bodies_end_where_they_should() {
        for body in ["0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "00a;x=\"y\"\r\n0123456789\r\n0\r\nX: y\r\n\r\n"] {
            assert_eq!(ends(&format!("{body}GET")), Ok((body.len(), true)), "{body:?}");
        }
    }

    #[test]
    fn unsound_ones_are_caught() {
        for body in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "0x3\r\nabc\r\n",
            " 3\r\nabc\r\n",
            "3 \r\nabc\r\n",
            "3\nabc\r\n",
            "3\r\nabcd\r\n",
            "3\r\nabc\n",
            "3\r\nabc0\r\n\r\n",
            "3\rabc\r\n",
            "3;\0\r\nabc\r\n",
            "1000000000000000\r\n",
            "0\r\nX\r\n\r\n",
            "0\r\n X: y\r\n\r\n",
            "0\r\nX: y\n\r\n",
            "0\n\n",
        ] {
            assert!(ends(body).is_err(), "{body:?}");
        }
        assert!(ends(&format!("3;{}\r\nabc\r\n", "x".repeat(300))).is_err());
        assert!(ends(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(3000))).is_err());
    }
}
