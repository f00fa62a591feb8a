//! Exceptions that people ask for, from the file to what is used.

use std::collections::BTreeSet;
use std::time::Duration;

use super::file::{self, Weekday};
use super::names::List;
use super::problem::Problems;
use super::roles::of_route;
use super::values::time;
use crate::exceptions::{Calendar, ExceptionSettings, offset};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAYS_30: Duration = Duration::from_secs(30 * 86_400);

const FIELD: &str = "exception_requests";

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// The settings, if people may ask. What a request may name is added once it is known.
pub(super) fn build(file: &file::File, outage: Duration, problems: &mut Problems<'_>) -> Option<ExceptionSettings> {
    let own = file.exception_requests.as_ref()?;
    let roles: List = file.roles.iter().map(|role| role.name.as_str()).collect();
    let authentication = file.admin.as_ref().and_then(|admin| admin.authentication.as_ref());
    if authentication
        .is_none_or(|authentication| authentication.operators.is_none() && authentication.sign_in.is_none())
    {
        let message =
            "people ask and answer on the admin listener, and the configuration says of nobody how to come there";
        problems.warn(FIELD, message, "add `admin.authentication.operators` with the `issuer` and its `audiences`");
    }
    let request = of_route(&format!("{FIELD}.request"), &own.request, &roles, problems);
    let approve = of_route(&format!("{FIELD}.approve"), &own.approve, &roles, problems);
    let approval_max_age = own.approval_max_age.as_deref();
    let approval_max_age =
        time(&format!("{FIELD}.approval_max_age"), approval_max_age, MINUTE * 15, SECOND..=HOUR, problems);
    let longest = time(&format!("{FIELD}.longest"), own.longest.as_deref(), DAYS_30, HOUR..=DAYS_30, problems);
    let calendar = calendar(&own.calendar, problems);
    let settings = ExceptionSettings::new(request, approve, approval_max_age, calendar, (longest, outage));
    Some(settings.counting(file.report.is_some()))
}

fn calendar(file: &file::Calendar, problems: &mut Problems<'_>) -> Calendar {
    let mut calendar = Calendar::default();
    if let Some(days) = &file.working_days {
        calendar.working = WEEK.map(|day| days.contains(&day));
        if days.is_empty() {
            let fix = "list the days, such as `[monday, tuesday]`, or remove the field";
            problems.add(&format!("{FIELD}.calendar.working_days"), "no day is worked, so no answer would be due", fix);
        }
    }
    let mut holidays = BTreeSet::new();
    for (at, date) in file.holidays.iter().enumerate() {
        if let Some(day) = Calendar::day(date) {
            holidays.insert(day);
        } else {
            let path = format!("{FIELD}.calendar.holidays[{at}]");
            problems.add(&path, "this is not a date", "write it as `2026-12-25`");
        }
    }
    calendar.holidays = holidays;
    if let Some(text) = &file.utc_offset {
        match offset(text) {
            Some(ahead) => calendar.ahead = ahead,
            None => problems.add(
                &format!("{FIELD}.calendar.utc_offset"),
                "this is not an offset from UTC",
                "write it as `+01:00` or `-08:00`",
            ),
        }
    }
    calendar
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::Config;
    use super::*;

    const FILE: &str = "
listeners: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0, authentication: { operators: { issuer: idp, audiences: [admin] } } }
issuers: [{ name: idp, issuer: https://idp.example/, audiences: [api] }]
roles: [{ name: admin, any: [{ claim: groups, contains: a }] }, { name: security, any: [{ claim: groups, contains: s }] }]
upstreams: [{ name: api, endpoints: [\"http://127.0.0.1:1\"] }]
routes: [{ prefix: /v1/, upstream: api }]
exception_requests: { REQUESTS }
";

    fn read(requests: &str) -> Result<Config, Vec<String>> {
        let config = Config::parse("f", &FILE.replace("REQUESTS", requests), HashMap::new());
        config.map_err(|error| error.problems().iter().map(|problem| problem.field.clone()).collect())
    }

    #[test]
    fn the_store_opens_and_the_defaults_are_those_of_the_process() {
        let config = read("request: [admin], approve: [security]").unwrap();
        assert!(config.store.is_some() && config.sessions.is_none());
        let settings = config.exception_requests.unwrap();
        assert_eq!((settings.longest, settings.outage), (DAYS_30, MINUTE * 10));
        assert_eq!(settings.calendar, Calendar::default());
        assert!(settings.known.issuers.contains("idp") && settings.known.routes.contains("/v1/"));
        let warned: Vec<_> = config.warnings.iter().map(|one| one.problem().field.clone()).collect();
        assert_eq!(warned, [FIELD], "it is lost with the process");
        let calendar = "calendar: { working_days: [sunday], holidays: [2026-12-25], utc_offset: \"-00:30\" }";
        let settings = read(&format!("request: [admin], approve: [security], {calendar}"));
        let calendar = settings.unwrap().exception_requests.unwrap().calendar;
        assert_eq!((calendar.working[6], calendar.working[0], calendar.ahead), (true, false, -1_800_000));
    }

    #[test]
    fn every_value_that_cannot_be_meant_is_told_with_its_place() {
        let roles = "request: [admin], approve: [security]";
        for (wrong, fields) in [
            ("request: [nobody], approve: []".to_owned(), vec!["request[0]", "approve"]),
            (format!("{roles}, approval_max_age: 2h"), vec!["approval_max_age"]),
            (format!("{roles}, longest: 31d"), vec!["longest"]),
            (format!("{roles}, calendar: {{ working_days: [] }}"), vec!["calendar.working_days"]),
            (format!("{roles}, calendar: {{ holidays: [2026-13-01] }}"), vec!["calendar.holidays[0]"]),
            (format!("{roles}, calendar: {{ utc_offset: CET }}"), vec!["calendar.utc_offset"]),
        ] {
            let fields: Vec<_> = fields.into_iter().map(|field| format!("{FIELD}.{field}")).collect();
            assert_eq!(read(&wrong).unwrap_err(), fields, "{wrong}");
        }
    }
}
