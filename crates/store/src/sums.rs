//! The sums of the status report: tallies of many days, added up by the database.

use crate::error::StoreError;
use crate::rows::{PART, ROW, Value};
use crate::store::Store;
use crate::tallies::{SPANS, Tally, WHOLE_DAY, corrupt};
use crate::wanted::Wanted;

/// The last day that is asked about: far in the future, and few spans away.
const LAST_DAY: i64 = 1 << 17;

/// What the sums tell apart. What they don't is empty in a [`Tally`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Days.
    Day,
    /// All but the days.
    Rest,
    /// Days and applications.
    DayAndApplication,
}

impl By {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Day => &["day", "credential", "outcome"],
            Self::Rest => &["credential", "outcome", "issuer", "tenant", "application", "route", "exception"],
            Self::DayAndApplication => &["day", "credential", "outcome", "issuer", "application"],
        }
    }
}

/// Days that rows of one span cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) span: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// The rows that cover these days, both included, each day once.
pub(crate) fn cover(from: i64, to: i64) -> Vec<Stretch> {
    let (mut day, to) = (from.clamp(0, LAST_DAY), to.clamp(-1, LAST_DAY));
    let mut stretches: Vec<Stretch> = Vec::new();
    while day <= to {
        let fits = |span: &i64| day % span == 0 && day + span - 1 <= to;
        let span = SPANS.into_iter().rev().find(fits).unwrap_or(1);
        match stretches.last_mut() {
            Some(stretch) if stretch.span == span => stretch.last = day,
            _ => stretches.push(Stretch { span, first: day, last: day }),
        }
        day += span;
    }
    stretches
}

impl Store {
    /// The sums of the requests that are wanted.
    pub async fn sums(&self, wanted: &Wanted<'_>, by: By) -> Result<Vec<Tally>, StoreError> {
        let stretches = match by {
            By::Rest => cover(wanted.from_day, wanted.to_day),
            By::Day if wanted.application.is_none() && wanted.route.is_none() => {
                vec![Stretch { span: WHOLE_DAY, first: wanted.from_day, last: wanted.to_day }]
            }
            By::Day | By::DayAndApplication => {
                vec![Stretch { span: 1, first: wanted.from_day, last: wanted.to_day }]
            }
        };
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        let columns = by.columns().join(", ");
        let mut values = Vec::new();
        let parts: Vec<_> = stretches.iter().map(|stretch| part(&columns, *stretch, wanted, &mut values)).collect();
        let text = format!(
            "SELECT {{joined}}(concat_ws('{PART}', {columns}, n), '{ROW}') FROM (SELECT {columns}, SUM(count) AS n \
             FROM ({}) AS parts GROUP BY {columns}) AS sums",
            parts.join(" UNION ALL ")
        );
        let joined = self.joined("sums", &text, values).await?;
        joined.rows().map(|row| read(by, &row).ok_or_else(corrupt)).collect()
    }
}

/// The statement that reads a stretch.
fn part<'w>(columns: &str, stretch: Stretch, wanted: &Wanted<'w>, values: &mut Vec<Value<'w>>) -> String {
    // Written out, so that the indexes of one span are known to serve.
    let mut conditions = vec![format!("span = {}", stretch.span)];
    for (condition, number) in [("day >=", stretch.first), ("day <=", stretch.last)] {
        values.push(Value::Number(number));
        conditions.push(format!("{condition} ${}", values.len()));
    }
    conditions.extend(wanted.conditions(&["issuer", "tenant", "application", "route"], values));
    let index = match (stretch.span, wanted.application, wanted.route) {
        (1, Some(_), _) => "{by application}",
        (1, None, Some(_)) => "{by route}",
        _ => "",
    };
    format!("SELECT {columns}, count FROM mfa_tally {index} WHERE {}", conditions.join(" AND "))
}

fn read(by: By, row: &[&str]) -> Option<Tally> {
    let (count, parts) = row.split_last()?;
    let mut tally = Tally { count: count.parse().ok()?, ..Tally::default() };
    for (column, part) in by.columns().iter().zip(parts) {
        let place = match *column {
            "day" => {
                tally.day = part.parse().ok()?;
                continue;
            }
            "credential" => &mut tally.credential,
            "outcome" => &mut tally.outcome,
            "issuer" => &mut tally.issuer,
            "tenant" => &mut tally.tenant,
            "application" => &mut tally.application,
            "route" => &mut tally.route,
            _ => &mut tally.exception,
        };
        (*part).clone_into(place);
    }
    (parts.len() == by.columns().len()).then_some(tally)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_year_is_covered_by_few_rows() {
        let year = cover(20_000, 20_364);
        let rows: i64 = year.iter().map(|one| (one.last - one.first) / one.span + 1).sum();
        assert!(rows <= 33, "{rows} {year:?}");
        assert_eq!(cover(5, 4), []);
        assert_eq!(cover(i64::MIN, -1), []);
        assert_eq!(cover(7, 7), [Stretch { span: 1, first: 7, last: 7 }]);
    }

    proptest! {
        #[test]
        fn each_day_is_covered_once(from in 0..3000_i64, days in 0..500_i64) {
            let covered: Vec<i64> = cover(from, from + days)
                .into_iter()
                .flat_map(|one| (one.first..=one.last).step_by(usize::try_from(one.span).unwrap()).map(move |day| (day, one.span)))
                .flat_map(|(day, span)| day..day + span)
                .collect();
            prop_assert_eq!(covered, (from..=from + days).collect::<Vec<_>>());
        }
    }
}
