//! Names of members, told apart without a look at most of them.
//!
//! A token has some dozens of members, and is asked for as many names, most of which it doesn't have.

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

/// A set of tags that may take one for another.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names(u64);

impl Names {
    /// The place of a tag: the upper six bits of a product, which all of its bits have a part in.
    fn bit(tag: Tag) -> u64 {
        1 << (tag.0.wrapping_mul(0x9e37_79b1) >> 26)
    }

    pub(super) fn may_hold(self, tag: Tag) -> bool {
        self.0 & Self::bit(tag) != 0
    }

    pub(super) fn insert(&mut self, tag: Tag) {
        self.0 |= Self::bit(tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_is_always_found_and_most_else_is_not() {
        let (claims, asked) = (["aud", "exp", "iss", "oid", "scp", "amr"], ["azp", "acr", "b64", "crit", "zip", "upn"]);
        let mut names = Names::default();
        for claim in claims {
            names.insert(Tag::of(claim));
        }
        assert!(claims.iter().all(|claim| names.may_hold(Tag::of(claim))));
        let taken = asked.iter().filter(|name| names.may_hold(Tag::of(name))).count();
        assert!(taken <= 2, "{taken}");
        assert!(!Names::default().may_hold(Tag::of("")));
    }

    #[test]
    fn a_tag_tells_by_length_and_both_ends() {
        let tag = |name: &str| Tag::of(name);
        assert!(
            ["", "a", "aa", "ab", "ba", "aaa", "\u{e9}"].array_windows().all(|[one, other]| tag(one) != tag(other))
        );
        assert_eq!(tag("abc"), tag("axc"));
    }
}
