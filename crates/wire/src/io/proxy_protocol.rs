//! The PROXY protocol, versions 1 and 2 (Tarreau, *The PROXY protocol*): a head in front of a connection's bytes, in
//! which a load balancer that doesn't speak HTTP names the client.
//!
//! Nothing but the head is taken from the socket: what follows may be TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The beginnings of the two versions (sections 2.1 and 2.2).
const PREFIX: &[u8] = b"PROXY ";
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1, CRLF included (section 2.1).
const MAX_LINE: usize = 107;
/// The largest head of version 2. Its length could say 65551; real ones have an address and a few short values.
const MAX_HEAD: usize = 4096;

/// Which rule a head breaks.
type Fault = &'static str;

const NO_HEAD: Fault = "the connection begins without a PROXY protocol head";
const LINE: Fault = "the head is not a line of the PROXY protocol's version 1";
const VERSION: Fault = "the head's version or command is unknown";
const FAMILY: Fault = "the head's address family or transport is not one of a TCP connection";
const LENGTH: Fault = "the head's length doesn't match its content, or exceeds 4096 bytes";
const CHECKSUM: Fault = "the head's checksum is wrong";

/// What a head says about the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHead {
    /// The client has this address.
    Client(SocketAddr),
    /// Nothing: the proxy speaks for itself (`LOCAL`) or knows no address (`UNKNOWN`, `AF_UNSPEC`, `AF_UNIX`).
    NoClient,
}

/// Takes the head off a connection. It has no deadline of its own.
///
/// # Errors
///
/// If the connection doesn't begin with a head, or breaks off within it.
pub async fn read(stream: &mut TcpStream) -> io::Result<ProxyHead> {
    let mut head = vec![0; MAX_HEAD];
    let mut filled = 0;
    loop {
        // A peek costs a system call, and leaves what follows the head to TLS or HTTP.
        let seen = stream.peek(&mut head[filled..]).await?;
        if seen == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let parsed =
            parse(&head[..filled + seen]).map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        let end = parsed.map_or(filled + seen, |(_, length)| length);
        stream.read_exact(&mut head[filled..end]).await?;
        match parsed {
            Some((content, _)) => return Ok(content),
            None => filled = end,
        }
    }
}

/// Parses the head at the beginning of `bytes`: its content and its length, or `None` if it isn't whole yet.
///
/// No head is longer than [`MAX_HEAD`], so that a buffer of that size is never too small.
fn parse(bytes: &[u8]) -> Result<Option<(ProxyHead, usize)>, Fault> {
    let begins = |start: &[u8]| start.iter().zip(bytes).all(|(expected, byte)| expected == byte);
    if begins(PREFIX) {
        parse_line(bytes)
    } else if begins(SIGNATURE) {
        parse_binary(bytes)
    } else {
        Err(NO_HEAD)
    }
}

fn parse_line(bytes: &[u8]) -> Result<Option<(ProxyHead, usize)>, Fault> {
    let bytes = &bytes[..bytes.len().min(MAX_LINE)];
    let length = bytes.iter().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(length);
    match rest {
        [] | [b'\r'] if bytes.len() < MAX_LINE => Ok(None),
        [b'\r', b'\n', ..] => {
            let line = std::str::from_utf8(line).map_err(|_| LINE)?;
            Ok(Some((line_content(line).ok_or(LINE)?, length + 2)))
        }
        _ => Err(LINE),
    }
}

fn line_content(line: &str) -> Option<ProxyHead> {
    let mut words = line.split(' ').skip(1);
    let family = words.next()?;
    // Section 2.1: what follows is ignored.
    if family == "UNKNOWN" {
        return Some(ProxyHead::NoClient);
    }
    let mut address = || words.next()?.parse::<IpAddr>().ok();
    let (source, destination) = (address()?, address()?);
    let fits = match family {
        "TCP4" => source.is_ipv4() && destination.is_ipv4(),
        "TCP6" => source.is_ipv6() && destination.is_ipv6(),
        _ => false,
    };
    let mut port = || decimal(words.next()?);
    let (port, _) = (port()?, port()?);
    (fits && words.next().is_none()).then_some(ProxyHead::Client(SocketAddr::new(source, port)))
}

/// A port without a sign or leading zeros.
fn decimal(text: &str) -> Option<u16> {
    let canonical = text == "0" || text.starts_with(|first| matches!(first, '1'..='9'));
    text.parse().ok().filter(|_| canonical)
}

fn parse_binary(bytes: &[u8]) -> Result<Option<(ProxyHead, usize)>, Fault> {
    let Some((&[.., version, family, high, low], rest)) = bytes.split_first_chunk::<16>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let local = match version {
        0x20 => true,
        0x21 => false,
        _ => return Err(VERSION),
    };
    if 16 + length > MAX_HEAD {
        return Err(LENGTH);
    }
    let Some(block) = rest.get(..length) else { return Ok(None) };
    let whole = 16 + length;
    if local {
        // Section 2.2: the whole block is ignored, its family included.
        return Ok(Some((ProxyHead::NoClient, whole)));
    }
    let (content, values) = match family {
        0x00 => return Ok(Some((ProxyHead::NoClient, whole))),
        0x11 => {
            let (block, values) = block.split_first_chunk::<12>().ok_or(LENGTH)?;
            let [a, b, c, d, .., high, low, _, _] = *block;
            (client([a, b, c, d], [high, low]), values)
        }
        0x21 => {
            let (source, rest) = block.split_first_chunk::<16>().ok_or(LENGTH)?;
            let ([.., high, low, _, _], values) = rest.split_first_chunk::<20>().ok_or(LENGTH)?;
            (client(*source, [*high, *low]), values)
        }
        0x31 => (ProxyHead::NoClient, block.get(216..).ok_or(LENGTH)?),
        _ => return Err(FAMILY),
    };
    check_values(values, &bytes[..whole])?;
    Ok(Some((content, whole)))
}

fn client(address: impl Into<IpAddr>, port: [u8; 2]) -> ProxyHead {
    ProxyHead::Client(SocketAddr::new(address.into(), u16::from_be_bytes(port)))
}

/// Checks that the values behind the addresses are whole (section 2.2.1), and the checksum, if there is one (section
/// 2.2.4). Nothing else is used.
fn check_values(mut values: &[u8], head: &[u8]) -> Result<(), Fault> {
    while !values.is_empty() {
        let (&[kind, high, low], rest) = values.split_first_chunk::<3>().ok_or(LENGTH)?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low]))).ok_or(LENGTH)?;
        if kind == 0x03 {
            let sum: [u8; 4] = value.try_into().map_err(|_| LENGTH)?;
            let at = head.len() - rest.len() - sum.len();
            let zeroed = head.iter().enumerate().map(|(i, byte)| if (at..at + 4).contains(&i) { 0 } else { *byte });
            if crc32c(zeroed) != u32::from_be_bytes(sum) {
                return Err(CHECKSUM);
            }
        }
        values = rest;
    }
    Ok(())
}

/// The checksum of RFC 3720 appendix B.4, bit by bit: heads are short, and few have one.
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    let step = |sum: u32, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 };
    !bytes.fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    fn address(text: &str) -> ProxyHead {
        ProxyHead::Client(text.parse().unwrap())
    }

    /// A head of version 2.
    fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, block].concat()
    }

    /// The addresses of section 2.1's example, in binary.
    const BLOCK: [u8; 12] = [192, 168, 0, 1, 192, 168, 0, 11, 0xdc, 0x04, 0x01, 0xbb];

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // Sections 2 and 2.1.
        let line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\nHost: 192.168.0.11\r\n\r\n";
        assert_eq!(parse(line), Ok(Some((address("192.168.0.1:56324"), 47))));
        let longest = [
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            "PROXY UNKNOWN\r\n",
            "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        ];
        assert_eq!(longest.map(str::len), [56, 104, 15, 107]);
        for line in longest {
            assert_eq!(parse(line.as_bytes()).unwrap().unwrap().1, line.len(), "{line}");
        }
        assert_eq!(parse(longest[3].as_bytes()), Ok(Some((ProxyHead::NoClient, 107))));
    }

    #[test]
    fn lines_with_anything_amiss_are_not_read() {
        let amiss = [
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443 \r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324\r\n",
            "PROXY TCP4  192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 192.168.000.1 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 056324 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 +5632 443\r\n",
            "PROXY TCP4 192.168.0.1 192.168.0.11 65536 443\r\n",
            "PROXY TCP4 192.168.0.256 192.168.0.11 56324 443\r\n",
            "PROXY TCP4 ::1 ::1 56324 443\r\n",
            "PROXY TCP6 192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY UDP4 192.168.0.1 192.168.0.11 56324 443\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY UNKNOWN\rX",
            "proxy UNKNOWN\r\n",
            "GET / HTTP/1.1\r\n",
            "\x16\x03\x01",
        ];
        for text in amiss {
            assert!(parse(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(parse(format!("PROXY UNKNOWN {}\r\n", "x".repeat(92)).as_bytes()).is_err());
        assert!(parse(format!("PROXY UNKNOWN {}", "x".repeat(93)).as_bytes()).is_err());
    }

    #[test]
    fn binary_heads_tell_addresses_and_what_else_they_hold_is_skipped() {
        let client = address("192.168.0.1:56324");
        assert_eq!(parse(&binary(0x21, 0x11, &BLOCK)), Ok(Some((client, 28))));
        let alpn = [&BLOCK[..], &[0x01, 0, 2, b'h', b'2'], &[0x04, 0, 0]].concat();
        assert_eq!(parse(&[&binary(0x21, 0x11, &alpn)[..], b"rest"].concat()), Ok(Some((client, 36))));
        let mut block = [0; 36];
        block[..16].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        block[32..34].copy_from_slice(&443_u16.to_be_bytes());
        assert_eq!(parse(&binary(0x21, 0x21, &block)), Ok(Some((address("[2001:db8::7]:443"), 52))));
        assert_eq!(parse(&binary(0x21, 0x31, &[b'/'; 216])), Ok(Some((ProxyHead::NoClient, 232))));
        assert_eq!(parse(&binary(0x21, 0x00, b"anything")), Ok(Some((ProxyHead::NoClient, 24))));
        for family in [0x00, 0x11, 0xff] {
            assert_eq!(parse(&binary(0x20, family, b"x")), Ok(Some((ProxyHead::NoClient, 17))), "LOCAL is LOCAL");
        }
    }

    #[test]
    fn binary_heads_with_anything_amiss_are_not_read() {
        for (command, family) in [(0x11, 0x11), (0x22, 0x11), (0x31, 0x11), (0x21, 0x12), (0x21, 0x41), (0x21, 0x10)] {
            assert!(parse(&binary(command, family, &BLOCK)).is_err(), "{command:x} {family:x}");
        }
        for (family, length) in [(0x11, 11), (0x21, 35), (0x31, 215)] {
            assert_eq!(parse(&binary(0x21, family, &vec![0; length])), Err(LENGTH));
        }
        for values in [&[0x04][..], &[0x04, 0], &[0x04, 0, 1], &[0x03, 0, 3, 1, 2, 3]] {
            assert_eq!(parse(&binary(0x21, 0x11, &[&BLOCK[..], values].concat())), Err(LENGTH), "{values:?}");
        }
        assert_eq!(parse(&[SIGNATURE, &[0x20, 0x00, 0x0f, 0xf1]].concat()), Err(LENGTH));
    }

    #[test]
    fn a_checksum_must_be_right() {
        assert_eq!(crc32c("123456789".bytes()), 0xe306_9283);
        let unsummed = [&BLOCK[..], &[0x03, 0, 4, 0, 0, 0, 0], &[0x04, 0, 1, 7]].concat();
        let mut head = binary(0x21, 0x11, &unsummed);
        assert_eq!(parse(&head), Err(CHECKSUM));
        let sum = crc32c(head.iter().copied()).to_be_bytes();
        head[31..35].copy_from_slice(&sum);
        assert_eq!(parse(&head), Ok(Some((address("192.168.0.1:56324"), 39))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_never_more_than_the_head(
            start in prop::sample::select(vec![&b""[..], PREFIX, b"PROXY TCP4 ", b"PROXY UNKNOWN", SIGNATURE, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0"]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let bytes = [start, &rest].concat();
            if let Ok(Some((_, length))) = parse(&bytes) {
                prop_assert!(length <= bytes.len() && length <= MAX_HEAD);
                prop_assert_eq!(parse(&bytes[..length]), parse(&bytes));
            }
        }

        #[test]
        fn a_head_split_anywhere_is_not_whole_before_its_last_byte(
            ip in any::<[u8; 4]>(), port in any::<u16>(), values in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let source = SocketAddr::from((ip, port));
            let line = format!("PROXY TCP4 {} 10.0.0.1 {port} 443\r\n", source.ip()).into_bytes();
            let length = u16::try_from(values.len()).unwrap().to_be_bytes();
            let ports = [port.to_be_bytes(), [1, 187]].concat();
            let block = [&ip[..], &[10, 0, 0, 1], &ports, &[0xe0], &length, &values].concat();
            for head in [line, binary(0x21, 0x11, &block)] {
                for at in 0..head.len() {
                    prop_assert_eq!(parse(&head[..at]), Ok(None));
                }
                prop_assert_eq!(parse(&head), Ok(Some((ProxyHead::Client(source), head.len()))));
                prop_assert_eq!(parse(&[&head[..], b"PROXY"].concat()), parse(&head));
            }
        }
    }

    #[tokio::test]
    async fn nothing_behind_the_head_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = binary(0x21, 0x11, &BLOCK);
        let sending = tokio::spawn(async move {
            // By the byte, and then the last of the head together with what follows.
            for byte in &head[..27] {
                sender.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            sender.write_all(&[head[27], b'h', b'i']).await.unwrap();
        });
        assert_eq!(read(&mut stream).await.unwrap(), address("192.168.0.1:56324"));
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "hi");
        sending.await.unwrap();
        let mut sender = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        sender.write_all(b"PROXY TC").await.unwrap();
        drop(sender);
        assert_eq!(read(&mut stream).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
