//! Which names are taken for those of the lists, in whatever spelling.

use http::HeaderName;

use super::identity_names::{IDENTITY_NAMES, IDENTITY_PREFIXES, MESSAGE_NAMES};

/// What servers put before the names of fields.
const VARIABLE_PREFIXES: &[&str] = &["http", "redirect"];

/// Common names that are no identity names.
fn is_common(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "authorization"
            | "user-agent"
            | "accept"
            | "accept-encoding"
            | "accept-language"
            | "content-type"
            | "content-length"
            | "cookie"
            | "cache-control"
            | "origin"
            | "referer"
            | "ms-requestid"
            | "ms-correlationid"
            | "ms-contract-version"
    )
}

/// A name without what servers put before the names of fields.
pub(super) fn without_variable_prefix(mut name: &str) -> &str {
    loop {
        let letters = name.trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric());
        match VARIABLE_PREFIXES.iter().find_map(|prefix| letters.strip_prefix(prefix)) {
            Some(rest) => name = rest,
            None => return letters,
        }
    }
}

/// Whether a name is another spelling of one that frames, addresses or authorises a message.
pub fn is_lookalike(name: &HeaderName) -> bool {
    let name = name.as_str();
    // Nearly every response has some in their registered spelling.
    !is_registered(name) && may_be_listed(name) && folded(name, |name| MESSAGE_NAMES.binary_search(&name).is_ok())
}

/// Whether a name frames, addresses or authorises a message, in its registered spelling.
fn is_registered(name: &str) -> bool {
    matches!(
        name,
        "authorization"
            | "connection"
            | "content-encoding"
            | "content-length"
            | "content-type"
            | "cookie"
            | "expect"
            | "host"
            | "keep-alive"
            | "ms-correlationid"
            | "ms-requestid"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a name is an identity name in any spelling, or looks like a field of the message.
pub fn is_identity_name(name: &HeaderName) -> bool {
    if is_common(name.as_str()) || !may_be_listed(name.as_str()) {
        return false;
    }
    let listed = |name: &str| has_identity_prefix(name) || IDENTITY_NAMES.binary_search(&name).is_ok();
    folded(name.as_str(), listed) || is_lookalike(name)
}

/// Whether any name in the lists may begin with the same four letters or digits. Most fields of a message don't, and
/// cost no search.
fn may_be_listed(name: &str) -> bool {
    // Most names begin with four letters, or with one and a dash.
    let letters = match *name.as_bytes() {
        [one, b'-', two, three, four, ..] | [one, two, three, four, ..]
            if [one, two, three, four].iter().all(u8::is_ascii_alphanumeric) =>
        {
            [one, two, three, four]
        }
        _ => {
            let mut letters = name.bytes().filter(u8::is_ascii_alphanumeric);
            let mut letter = || letters.next();
            let [one, two, three, four] = [letter(), letter(), letter(), letter()];
            let (Some(one), Some(two), Some(three), Some(four)) = (one, two, three, four) else {
                // A listed name as short as this.
                return matches!([one, two, three], [Some(b't'), Some(b'e'), None]);
            };
            [one, two, three, four]
        }
    };
    let bit = beginning(letters);
    BEGINNINGS[bit / 64] >> (bit % 64) & 1 != 0
}

/// A number for the beginning of a name.
const fn beginning(letters: [u8; 4]) -> usize {
    (u32::from_le_bytes(letters).wrapping_mul(0x9e37_79b1) >> 21) as usize
}

/// A bit for each beginning of the names in the lists.
const BEGINNINGS: [u64; 32] = {
    let mut bits = [0; 32];
    let lists = [IDENTITY_NAMES, IDENTITY_PREFIXES, MESSAGE_NAMES, VARIABLE_PREFIXES];
    let mut list = 0;
    while list < lists.len() {
        let mut at = 0;
        while at < lists[list].len() {
            if let [one, two, three, four, ..] = *lists[list][at].as_bytes() {
                let bit = beginning([one, two, three, four]);
                bits[bit / 64] |= 1 << (bit % 64);
            }
            at += 1;
        }
        list += 1;
    }
    bits
};

/// Whether a name begins with an identity prefix. No prefix begins with another, so only the last one that sorts before
/// the name can match.
fn has_identity_prefix(name: &str) -> bool {
    let behind = IDENTITY_PREFIXES.partition_point(|prefix| *prefix <= name);
    behind.checked_sub(1).and_then(|at| IDENTITY_PREFIXES.get(at)).is_some_and(|prefix| name.starts_with(prefix))
}

/// Tests a name by its letters and digits alone, also without what servers put before it. Of a name that is too long, the
/// beginning is tested.
fn folded(name: &str, test: impl Fn(&str) -> bool) -> bool {
    let mut folded = [0; 64];
    let mut length = 0;
    for (place, byte) in folded.iter_mut().zip(name.bytes().filter(u8::is_ascii_alphanumeric)) {
        *place = byte;
        length += 1;
    }
    let Ok(name) = std::str::from_utf8(&folded[..length]) else { return true };
    let variable = without_variable_prefix(name);
    test(name) || variable.len() < name.len() && test(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order_and_no_prefix_begins_with_another() {
        for list in [IDENTITY_NAMES, IDENTITY_PREFIXES, MESSAGE_NAMES] {
            assert!(list.is_sorted());
        }
        for name in [IDENTITY_NAMES, IDENTITY_PREFIXES, MESSAGE_NAMES].concat() {
            assert!(may_be_listed(name) && may_be_listed(&format!("_{name}-")), "{name}");
            assert!(name.len() < 4 || may_be_listed(&format!("-{name}x")), "{name}");
            assert!(name.len() >= 4 || name == "te", "{name}");
        }
        assert!(!may_be_listed("x-header-1") && !may_be_listed("sec-fetch-mode"));
        assert!(IDENTITY_PREFIXES.windows(2).all(|pair| !pair[1].starts_with(pair[0])));
        for prefix in IDENTITY_PREFIXES {
            assert!(has_identity_prefix(prefix) && has_identity_prefix(&format!("{prefix}x")), "{prefix}");
        }
    }
}
