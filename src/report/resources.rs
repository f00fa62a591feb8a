//! The resources of Partner Center's REST calls about MFA, made of the report.
//!
//! Where Partner Center's table of resources and its examples differ, the examples count: what clients receive is like them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use mfa_gateway_store::MOST_RECENT;
use serde::Serialize;

use super::day::Day;
use super::reader::OfApplication;
use super::status::{Request, WithoutMfa};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AdoptionStatus<'r> {
    login_date: Day,
    mfa_compliant_request_count: u64,
    total_request_count: u64,
    application_id: &'r str,
    /// Tokens have no name of the application.
    application_name: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartnerRequest<'r> {
    request_id: &'r str,
    correlation_id: &'r str,
    operation_name: String,
    request_date_time: &'r str,
    source_ip_address: &'r str,
    object_id: &'r str,
    tenant_id: &'r str,
    upn: &'r str,
    application_id: &'r str,
    mfa_compliant: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Principal<'r> {
    object_id: &'r str,
    tenant_id: &'r str,
    upn: &'r str,
    last_non_mfa_compliant_request_date_time: &'r str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Collection<T> {
    total_count: usize,
    items: Vec<T>,
    attributes: Attributes,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    object_type: &'static str,
}

/// The newest day first.
pub(super) fn adoption(of: &[OfApplication]) -> Vec<AdoptionStatus<'_>> {
    let mut counts: BTreeMap<(Reverse<Day>, &str), (u64, u64)> = BTreeMap::new();
    for OfApplication { day, application, api, .. } in of.iter().filter(|of| of.api.requests > 0) {
        let (with_mfa, all) = counts.entry((Reverse(*day), application)).or_default();
        *with_mfa = with_mfa.saturating_add(api.with_mfa);
        *all = all.saturating_add(api.requests);
    }
    let status = |((Reverse(login_date), application_id), (with_mfa, all))| AdoptionStatus {
        login_date,
        mfa_compliant_request_count: with_mfa,
        total_request_count: all,
        application_id,
        application_name: "",
    };
    counts.into_iter().map(status).collect()
}

/// Those with a token, the last first.
pub(super) fn requests(all: &[Request]) -> Vec<PartnerRequest<'_>> {
    let mut of_api: Vec<&Request> = all.iter().filter(|request| request.credential == "bearer").collect();
    of_api.sort_by_key(|request| Reverse(&request.time));
    of_api.into_iter().take(MOST_RECENT as usize).map(PartnerRequest::of).collect()
}

/// Users without MFA in a portal or an API, each once, the last first.
pub(super) fn principals(users: &[WithoutMfa]) -> Vec<Principal<'_>> {
    let mut last: BTreeMap<(&str, &str, &str), &WithoutMfa> = BTreeMap::new();
    for user in users {
        let known = last.entry((&user.issuer, &user.tenant, &user.user)).or_insert(user);
        if known.last < user.last {
            *known = user;
        }
    }
    let mut last: Vec<&WithoutMfa> = last.into_values().collect();
    last.sort_by_key(|user| Reverse(&user.last));
    last.into_iter().take(MOST_RECENT as usize).map(Principal::of).collect()
}

impl<'r> PartnerRequest<'r> {
    fn of(request: &'r Request) -> Self {
        Self {
            request_id: &request.request_id,
            correlation_id: &request.correlation_id,
            operation_name: operation_name(&request.operation),
            request_date_time: without_zone(&request.time),
            source_ip_address: request.address.as_deref().unwrap_or_default(),
            object_id: &request.user,
            tenant_id: &request.tenant,
            upn: &request.name,
            application_id: &request.application,
            mfa_compliant: request.compliant,
        }
    }
}

impl<'r> Principal<'r> {
    fn of(user: &'r WithoutMfa) -> Self {
        Self {
            object_id: &user.user,
            tenant_id: &user.tenant,
            upn: &user.name,
            last_non_mfa_compliant_request_date_time: without_zone(&user.last),
        }
    }
}

impl<T> Collection<T> {
    pub(super) fn of(items: Vec<T>) -> Self {
        Self { total_count: items.len(), items, attributes: Attributes { object_type: "Collection" } }
    }
}

/// The method as Partner Center writes it, and the route's pattern: `Get /v1/`.
fn operation_name(operation: &str) -> String {
    let (method, route) = operation.split_once(' ').unwrap_or((operation, ""));
    let mut name = method.to_ascii_lowercase();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{name} {route}")
}

/// A time of UTC without its `Z`: Partner Center's times have none.
fn without_zone(time: &str) -> &str {
    time.strip_suffix('Z').unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::share::Share;
    use super::*;

    fn as_json(of: impl Serialize) -> Value {
        serde_json::to_value(of).unwrap()
    }

    fn of_application(day: &str, issuer: &str, application: &str, with_mfa: u64, requests: u64) -> OfApplication {
        OfApplication {
            day: day.parse().unwrap(),
            issuer: issuer.to_owned(),
            application: application.to_owned(),
            portal: Share { requests: 7, ..Share::default() },
            api: Share { requests, with_mfa, ..Share::default() },
            app_only: 3,
        }
    }

    fn without(user: &str, credential: &'static str, last: &str) -> WithoutMfa {
        WithoutMfa {
            issuer: "entra".to_owned(),
            tenant: "t".to_owned(),
            user: user.to_owned(),
            name: format!("{user}@contoso.example"),
            credential: credential.into(),
            last: last.to_owned(),
            route: "/v1/".to_owned(),
            application: "app".to_owned(),
            kind: None,
            requests: 1,
            refused: 1,
            exempt: 0,
            report_only: 0,
            off: 0,
        }
    }

    #[test]
    fn requests_are_counted_by_day_and_application_the_newest_first() {
        let of = [
            of_application("2026-11-27", "entra", "app", 1, 1),
            of_application("2026-11-28", "entra", "app", 2, 3),
            of_application("2026-11-28", "other", "app", 0, 1),
            of_application("2026-11-28", "entra", "daemon", 0, 0),
            of_application("2026-11-28", "entra", "abc", 5, 5),
        ];
        let status = |day: &str, with_mfa: u8, all: u8, application: &str| {
            json!({"loginDate": day, "mfaCompliantRequestCount": with_mfa, "totalRequestCount": all,
                   "applicationId": application, "applicationName": ""})
        };
        let expected = json!([
            status("2026-11-28", 5, 5, "abc"),
            status("2026-11-28", 2, 4, "app"),
            status("2026-11-27", 1, 1, "app")
        ]);
        assert_eq!(as_json(adoption(&of)), expected);
        assert_eq!(as_json(adoption(&[])), json!([]));
    }

    #[test]
    fn requests_are_listed_by_their_route_s_pattern() {
        let request = |id: &str, operation: &str, time: &str, credential: &'static str| Request {
            time: time.to_owned(),
            request_id: id.to_owned(),
            correlation_id: "c".to_owned(),
            operation: operation.to_owned(),
            address: Some("192.0.2.1".to_owned()),
            credential: credential.into(),
            issuer: "entra".to_owned(),
            tenant: "t".to_owned(),
            user: "jane".to_owned(),
            name: "jane@contoso.example".to_owned(),
            application: "app".to_owned(),
            compliant: true,
        };
        let all = [
            request("first", "GET /v1/", "2026-11-28T10:00:00.051Z", "bearer"),
            Request {
                compliant: false,
                address: None,
                ..request("second", "POST /v1/", "2026-11-28T10:00:01.000Z", "bearer")
            },
            request("portal", "GET /", "2026-11-28T10:00:02.000Z", "session"),
        ];
        let expected = json!({
            "totalCount": 2,
            "items": [
                {"requestId": "second", "correlationId": "c", "operationName": "Post /v1/",
                 "requestDateTime": "2026-11-28T10:00:01.000", "sourceIpAddress": "", "objectId": "jane", "tenantId": "t",
                 "upn": "jane@contoso.example", "applicationId": "app", "mfaCompliant": false},
                {"requestId": "first", "correlationId": "c", "operationName": "Get /v1/",
                 "requestDateTime": "2026-11-28T10:00:00.051", "sourceIpAddress": "192.0.2.1", "objectId": "jane",
                 "tenantId": "t", "upn": "jane@contoso.example", "applicationId": "app", "mfaCompliant": true},
            ],
            "attributes": {"objectType": "Collection"},
        });
        assert_eq!(as_json(Collection::of(requests(&all))), expected);
    }

    #[test]
    fn a_user_without_mfa_stands_once_with_the_last_time() {
        let users = [
            without("john", "bearer", "2026-11-26T10:00:00.000Z"),
            without("jim", "bearer", "2026-11-28T11:00:00.500Z"),
            without("john", "session", "2026-11-28T10:00:00.000Z"),
        ];
        let of = |user: &str, at: &str| {
            json!({"objectId": user, "tenantId": "t", "upn": format!("{user}@contoso.example"),
                   "lastNonMfaCompliantRequestDateTime": at})
        };
        let expected = json!({
            "totalCount": 2,
            "items": [of("jim", "2026-11-28T11:00:00.500"), of("john", "2026-11-28T10:00:00.000")],
            "attributes": {"objectType": "Collection"},
        });
        assert_eq!(as_json(Collection::of(principals(&users))), expected);
        let empty = json!({"totalCount": 0, "items": [], "attributes": {"objectType": "Collection"}});
        assert_eq!(as_json(Collection::of(principals(&[]))), empty);
    }
}
