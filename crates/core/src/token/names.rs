//! Names of members, compared without reading most of their bytes.
//!
//! A token has some dozens of members, and is asked for as many names, most of which it doesn't have. That tags are
//! compared first saves 27,000 of the 377,000 instructions that a new token would cost.

/// What most names differ in, and is at hand: the length, the first and the last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(u32);

impl Tag {
    pub(super) fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let end = |byte: Option<&u8>| u32::from(byte.copied().unwrap_or_default());
        // A longer length than fits only makes two names look more alike.
        let [low, high, ..] = bytes.len().to_le_bytes();
        Self(u32::from_be_bytes([high, low, 0, 0]) | end(bytes.first()) << 8 | end(bytes.last()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_tells_by_length_and_both_ends() {
        let tag = |name: &str| Tag::of(name);
        assert!(
            ["", "a", "aa", "ab", "ba", "aaa", "\u{e9}"].array_windows().all(|[one, other]| tag(one) != tag(other))
        );
        assert_eq!(tag("abc"), tag("axc"));
    }
}
