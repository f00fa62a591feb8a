//! Entries that are found by their conditions: thousands cost a request no more than a few.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// How much of a text is folded at a time.
const PIECE: usize = 64;

/// Entries with up to `N` conditions on the same `N` facts. The first one that is met takes a look-up for each set of facts
/// that any of them has conditions on, not for each of them.
///
/// It narrows down and decides nothing: texts are told apart without letter case, by a hash. The caller compares them.
#[derive(Clone, Debug, Default)]
pub(super) struct ByConditions<const N: usize> {
    hasher: RandomState,
    /// In the order of their first entries.
    shapes: Vec<Shape<N>>,
}

/// The entries that have conditions on the same facts.
#[derive(Clone, Debug)]
struct Shape<const N: usize> {
    on: [bool; N],
    first: usize,
    /// The places of the entries by the hash of their conditions, in their order.
    places: HashMap<u64, Vec<usize>>,
}

impl<const N: usize> ByConditions<N> {
    /// Takes the conditions of each entry, in their order.
    pub(super) fn new<'e>(entries: impl Iterator<Item = [Option<&'e str>; N]>) -> Self {
        let (hasher, mut shapes) = (RandomState::new(), Vec::<Shape<N>>::new());
        for (place, conditions) in entries.enumerate() {
            let on = conditions.map(|condition| condition.is_some());
            let hash = hash(&hasher, conditions.into_iter().flatten());
            let at = shapes.iter().position(|shape| shape.on == on).unwrap_or_else(|| {
                shapes.push(Shape { on, first: place, places: HashMap::new() });
                shapes.len() - 1
            });
            if let Some(shape) = shapes.get_mut(at) {
                shape.places.entry(hash).or_default().push(place);
            }
        }
        Self { hasher, shapes }
    }

    /// The first place whose entry may be met by these facts, and is, says `is_met`.
    pub(super) fn first(&self, facts: [Option<&str>; N], is_met: impl Fn(usize) -> bool) -> Option<usize> {
        let mut found = None;
        for shape in &self.shapes {
            let is_before = |place: usize| found.is_none_or(|found| place < found);
            if !is_before(shape.first) {
                break;
            }
            let asked = || shape.on.iter().zip(facts).filter(|(on, _)| **on).map(|(_, fact)| fact);
            if asked().any(|fact| fact.is_none()) {
                continue;
            }
            let places =
                shape.places.get(&hash(&self.hasher, asked().flatten())).map(Vec::as_slice).unwrap_or_default();
            let earlier = places.iter().copied().take_while(|place| is_before(*place)).find(|place| is_met(*place));
            found = earlier.or(found);
        }
        found
    }
}

/// The hash of texts without their letter case.
fn hash<'t>(hasher: &RandomState, texts: impl Iterator<Item = &'t str>) -> u64 {
    let mut state = hasher.build_hasher();
    for text in texts {
        for piece in text.as_bytes().chunks(PIECE) {
            let mut folded = [0; PIECE];
            let folded = &mut folded[..piece.len()];
            folded.copy_from_slice(piece);
            folded.make_ascii_lowercase();
            state.write(folded);
        }
        // "ab" and "c" are not "a" and "bc".
        state.write_u8(0xff);
    }
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [Option<&str>; 3] = [None, Some("a"), Some("b")];

    /// Every triple of conditions, in an order in which sets of facts alternate.
    fn entries() -> Vec<[Option<&'static str>; 3]> {
        let all = TEXTS.into_iter().flat_map(|x| TEXTS.into_iter().flat_map(move |y| TEXTS.map(|z| [x, y, z])));
        let mut all: Vec<_> = all.filter(|one| *one != [None; 3]).collect();
        for at in 0..all.len() {
            all.swap(at, at * 7 % 26);
        }
        all
    }

    fn is_met(conditions: [Option<&str>; 3], facts: [Option<&str>; 3]) -> bool {
        conditions.into_iter().zip(facts).all(|(condition, fact)| condition.is_none() || condition == fact)
    }

    #[test]
    fn the_first_that_is_met_is_found_whatever_its_conditions_are_on() {
        let all = entries();
        // Each of them is left out once, and those before it.
        for from in 0..all.len() {
            let index = ByConditions::new(all[from..].iter().copied());
            for facts in entries().into_iter().chain([[None; 3], [Some("c"); 3]]) {
                let met = |place: usize| is_met(all[from + place], facts);
                assert_eq!(
                    index.first(facts, met),
                    (0..all.len() - from).find(|place| met(*place)),
                    "{from} {facts:?}"
                );
            }
        }
    }

    #[test]
    fn few_entries_are_compared_however_many_there_are() {
        let names: Vec<String> = (0..10_000).map(|at| format!("application-{at}")).collect();
        let index = ByConditions::new(names.iter().map(|name| [Some(name.as_str())]));
        let compared = std::cell::Cell::new(0);
        let met = |_| {
            compared.set(compared.get() + 1);
            true
        };
        assert_eq!(index.first([Some("APPLICATION-9999")], met), Some(9999));
        assert_eq!(index.first([Some("application-10000")], met), None);
        assert_eq!(index.first([None], met), None);
        assert_eq!(compared.get(), 1);
    }

    #[test]
    fn texts_are_told_apart_where_one_ends_and_whatever_their_length() {
        let long = ["x".repeat(PIECE), "x".repeat(PIECE + 1), "x".repeat(10 * PIECE)];
        let pairs = [["ab", "c"], ["a", "bc"], ["", "abc"], [&long[0], &long[1]], [&long[1], &long[0]], [&long[2], ""]];
        let index = ByConditions::new(pairs.iter().map(|pair| pair.map(Some)));
        for (place, pair) in pairs.iter().enumerate() {
            assert_eq!(index.first(pair.map(Some), |_| true), Some(place), "{place}");
        }
    }
}
