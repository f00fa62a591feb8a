//! W3C Trace Context: the fields that carry a trace from one server to the next.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The maximum members and bytes of a forwarded `tracestate`.
const MAX_MEMBERS: usize = 32;
const MAX_STATE: usize = 2048;

/// A span's position: its trace, its own id, and whether it is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) sampled: bool,
}

impl TraceContext {
    /// The parent that a request names, if it names exactly one and validly (section 3.2).
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut fields = headers.get_all(&TRACEPARENT).iter();
        let field = fields.next()?;
        if fields.next().is_some() {
            return None;
        }
        Self::parse(field.as_bytes())
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (version, rest) = (hex(text.get(..2)?)?, text.get(2..)?);
        // 255 is forbidden. Version 0 ends with the flags; additions of later versions begin with a dash.
        let ended = match rest.get(53..)? {
            [] => true,
            [first, ..] => version > 0 && *first == b'-',
        };
        let dashes = [0, 33, 50].iter().all(|at| rest.get(*at) == Some(&b'-'));
        if version == 255 || !ended || !dashes {
            return None;
        }
        let trace_id = hex(rest.get(1..33)?)?;
        let span_id = u64::try_from(hex(rest.get(34..50)?)?).ok()?;
        let flags = hex(rest.get(51..53)?)?;
        (trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }

    /// Sets this context on a request.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let Self { trace_id, span_id, sampled } = self;
        // Hexadecimal digits and dashes are visible ASCII.
        if let Ok(value) = HeaderValue::try_from(format!("00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(sampled)))
        {
            headers.insert(&TRACEPARENT, value);
        }
    }
}

/// The `tracestate` of a request, its fields joined; `None` if it is invalid, and is discarded (section 3.3.1).
pub(super) fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let fields: Vec<&[u8]> = headers.get_all(&TRACESTATE).iter().map(HeaderValue::as_bytes).collect();
    let joined = fields.join(&b","[..]);
    let mut keys: Vec<&[u8]> = Vec::new();
    for member in joined.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()) {
        let at = member.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (member.get(..at)?, member.get(at + 1..)?);
        if !is_key(key) || !is_value(value) || keys.contains(&key) {
            return None;
        }
        keys.push(key);
    }
    let sound = (1..=MAX_MEMBERS).contains(&keys.len()) && joined.len() <= MAX_STATE;
    sound.then(|| HeaderValue::from_bytes(&joined).ok()).flatten()
}

fn is_key(key: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(byte);
    let first = key.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    first && key.len() <= 256 && key.iter().all(plain) && key.split(|byte| *byte == b'@').count() <= 2
}

fn is_value(value: &[u8]) -> bool {
    (1..=256).contains(&value.len()) && value.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'=')
}

/// The value of any number of lower-case hexadecimal digits.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(fields: &[&str]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(&TRACEPARENT, HeaderValue::from_str(field).unwrap());
        }
        TraceContext::of(&headers)
    }

    #[test]
    fn a_sound_parent_is_read_and_written_alike() {
        let context = of(&[GOOD]).unwrap();
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((context.span_id, context.sampled), (0x00f0_67aa_0ba9_02b7, true));
        let mut headers = HeaderMap::new();
        context.write(&mut headers);
        assert_eq!(headers[&TRACEPARENT], GOOD);
        assert!(!of(&[&GOOD.replace("-01", "-00")]).unwrap().sampled);
        assert!(of(&[&GOOD.replace("-01", "-ff")]).unwrap().sampled, "other flags are for others");
        assert!(of(&[&format!("cc{}-what-comes", &GOOD[2..])]).is_some(), "a later version begins alike");
    }

    #[test]
    fn what_is_not_sound_names_no_parent() {
        let zero = |from: usize, to: usize| format!("{}{}{}", &GOOD[..from], "0".repeat(to - from), &GOOD[to..]);
        let bad = [
            String::new(),
            GOOD[..54].to_owned(),
            format!("{GOOD}-"),
            format!("{GOOD} "),
            GOOD.to_uppercase(),
            format!("ff{}", &GOOD[2..]),
            format!("cc{}x", &GOOD[2..]),
            GOOD.replace('-', "_"),
            zero(3, 35),
            zero(36, 52),
            format!("0x{}", &GOOD[2..]),
            format!("{}+1", &GOOD[..53]),
        ];
        for bad in bad {
            assert_eq!(of(&[&bad]), None, "{bad}");
        }
        assert_eq!(of(&[GOOD, GOOD]), None, "two parents are none");
    }

    #[test]
    fn a_state_that_is_not_sound_does_not_go_on() {
        let read = |fields: &[&str]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(&TRACESTATE, HeaderValue::from_str(field).unwrap());
            }
            state(&headers).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(read(&["rojo=00f067aa, congo=t61"]).unwrap(), "rojo=00f067aa, congo=t61");
        assert_eq!(read(&["a=1", "t@v=2"]).unwrap(), "a=1,t@v=2");
        let many: Vec<String> = (0..33).map(|at| format!("k{at}=v")).collect();
        for bad in ["", "novalue", "A=1", "a=", "a=b=c", "a=1,a=2", &many.join(",")] {
            assert_eq!(read(&[bad]), None, "{bad}");
        }
    }
}
