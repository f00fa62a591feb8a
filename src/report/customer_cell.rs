//! Decisions about a customer, counted together between two flushes.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::customers::{MOST, Pair, Requests};
use super::day::Day;

/// What decisions about customers are told apart by, borrowed from the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct AlikeCustomer<'a> {
    pub(super) day: Day,
    pub(super) issuer: &'a str,
    pub(super) pair: Pair<'a>,
}

/// Decisions about a customer that came from a partner, in lower case.
#[derive(Debug)]
pub(super) struct CustomerCell {
    /// The hash of what they are told apart by.
    pub(super) hash: u64,
    pub(super) day: Day,
    pub(super) issuer: Box<str>,
    pub(super) customer: Box<str>,
    pub(super) partner: Box<str>,
    pub(super) requests: Requests,
}

/// Which customers are told apart on a day.
#[derive(Debug, Default)]
pub(super) struct ToldApart(Mutex<(Option<Day>, HashSet<u64>)>);

impl AlikeCustomer<'_> {
    /// The same, but for the names that there is no room for.
    pub(super) fn nameless(self) -> Self {
        AlikeCustomer { day: self.day, issuer: "", pair: Pair { customer: "", partner: "" } }
    }

    /// A cell for them, without any.
    pub(super) fn cell(self, hash: u64) -> CustomerCell {
        let Pair { customer, partner } = self.pair;
        let [customer, partner] = [customer, partner].map(|tenant| tenant.to_ascii_lowercase().into());
        CustomerCell {
            hash,
            day: self.day,
            issuer: self.issuer.into(),
            customer,
            partner,
            requests: Requests::default(),
        }
    }

    pub(super) fn is_of(&self, cell: &CustomerCell) -> bool {
        self.pair.customer.eq_ignore_ascii_case(&cell.customer)
            && self.pair.partner.eq_ignore_ascii_case(&cell.partner)
            && self.day == cell.day
            && self.issuer == &*cell.issuer
    }
}

impl Hash for AlikeCustomer<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_i64(self.day.number());
        for tenant in [self.pair.customer, self.pair.partner] {
            // In any letter case, and without a copy of the text.
            for part in tenant.as_bytes().chunks(16) {
                let mut lower = [0; 16];
                lower.iter_mut().zip(part).for_each(|(to, byte)| *to = byte.to_ascii_lowercase());
                state.write_u128(u128::from_le_bytes(lower));
            }
            state.write_usize(tenant.len());
        }
        state.write(self.issuer.as_bytes());
    }
}

impl ToldApart {
    /// Whether there is room for these on their day. A day that ended has none of its own any more.
    pub(super) fn take_room(&self, hasher: &impl BuildHasher, alike: &AlikeCustomer<'_>) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (day, told_apart) = &mut *known;
        if day.is_none_or(|day| day < alike.day) {
            *day = Some(alike.day);
            told_apart.clear();
        }
        let hash = hasher.hash_one(alike);
        let has_room = told_apart.len() < MOST;
        told_apart.contains(&hash) || has_room && told_apart.insert(hash)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::RandomState;

    use super::*;

    fn about(day: &str, customer: &'static str) -> AlikeCustomer<'static> {
        AlikeCustomer { day: day.parse().unwrap(), issuer: "entra", pair: Pair { customer, partner: "p" } }
    }

    #[test]
    fn a_customer_is_the_same_in_any_letter_case() {
        let hasher = RandomState::new();
        let (lower, upper) = (about("2026-11-28", "1a-customer-of-ours"), about("2026-11-28", "1A-Customer-of-OURS"));
        assert_eq!(hasher.hash_one(lower), hasher.hash_one(upper));
        assert!(upper.is_of(&lower.cell(1)) && lower.is_of(&upper.cell(1)));
        for other in
            [about("2026-11-27", "1a-customer-of-ours"), about("2026-11-28", "1a-customer-of-our"), lower.nameless()]
        {
            assert_ne!(hasher.hash_one(lower), hasher.hash_one(other));
            assert!(!other.is_of(&lower.cell(1)));
        }
    }

    #[test]
    fn so_many_customers_have_room_on_each_day() {
        let (hasher, told_apart) = (RandomState::new(), ToldApart::default());
        let names: Vec<String> = (0..=MOST).map(|at| at.to_string()).collect();
        let room = |day: &str, at: usize| {
            let pair = Pair { customer: &names[at], partner: "" };
            told_apart.take_room(&hasher, &AlikeCustomer { day: day.parse().unwrap(), issuer: "entra", pair })
        };
        assert!((0..MOST).all(|at| room("2026-11-28", at)));
        assert!(!room("2026-11-28", MOST) && room("2026-11-28", 5), "one that is known keeps its place");
        assert!(room("2026-11-29", MOST));
    }
}
