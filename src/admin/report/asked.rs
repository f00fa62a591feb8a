//! What a report is asked for: parameters of a query, each at most once.

use std::borrow::Cow;
use std::sync::Arc;

use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use schemars::JsonSchema;

use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::gateway::Notice;
use crate::report::{Asked, Day, Download};

const BAD_QUERY: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The query has a parameter that the report doesn't know, or one twice, or a wrong value.",
    remedy: "Use `from` and `to` (days as 2026-11-29, the earlier one first), `issuer`, `tenant`, `application`, `route`, `user` and `users` (0 to 10000); a download also takes `of` (portal, applications, customers or requests).",
};

/// Which days, and which requests of them: those that match everything given.
#[derive(Debug, Default, JsonSchema)]
pub(in crate::admin) struct ReportQuery {
    /// The first day, in UTC. Default: six days before the last.
    from: Option<Day>,
    /// The last day, in UTC. Default: today.
    to: Option<Day>,
    /// Of this issuer, by its name in the configuration.
    issuer: Option<String>,
    /// Of this tenant.
    tenant: Option<String>,
    /// Of this application.
    application: Option<String>,
    /// Of this route, by its path or prefix.
    route: Option<String>,
    /// Of this user: `oid`, or `sub`. Then applications, tenants, routes and customers are not told apart.
    user: Option<String>,
    /// How many users without MFA are listed at most, up to 10000, which is the default.
    #[schemars(range(max = 10_000))]
    users: Option<u32>,
}

/// The same, and which download.
#[derive(Debug, JsonSchema)]
pub(in crate::admin) struct DownloadQuery {
    #[schemars(flatten)]
    query: ReportQuery,
    /// `portal`: users without MFA; `applications` and `customers`: a line for each; `requests`: the latest 10,000.
    #[schemars(with = "String", extend("enum" = ["portal", "applications", "customers", "requests"]))]
    of: Download,
}

const MAX_USERS: u32 = 10_000;

impl ReportQuery {
    /// Reads a query; of what it doesn't know, `other` says whether it may be there.
    fn parse(query: &str, mut other: impl FnMut(&str, &str) -> bool) -> Option<Self> {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let fresh = match name.as_ref() {
                "from" => once(&mut asked.from, value.parse().ok()?),
                "to" => once(&mut asked.to, value.parse().ok()?),
                "issuer" => once(&mut asked.issuer, text(value)?),
                "tenant" => once(&mut asked.tenant, text(value)?),
                "application" => once(&mut asked.application, text(value)?),
                "route" => once(&mut asked.route, text(value)?),
                "user" => once(&mut asked.user, text(value)?),
                "users" => once(&mut asked.users, value.parse().ok().filter(|most| *most <= MAX_USERS)?),
                name => other(name, &value),
            };
            if !fresh {
                return None;
            }
        }
        // The other way round it would be no data, which is another answer.
        let is_span = asked.from.zip(asked.to).is_none_or(|(from, to)| from <= to);
        is_span.then_some(asked)
    }

    /// The same for the report.
    pub(super) fn asked(self) -> Asked {
        let Self { from, to, issuer, tenant, application, route, user, users: most_users } = self;
        Asked { from, to, issuer, tenant, application, route, user, most_users }
    }
}

impl DownloadQuery {
    fn parse(query: &str) -> Option<Self> {
        let mut of = None;
        let query = ReportQuery::parse(query, |name, value| {
            let download = Download::from_name(value).filter(|_| name == "of");
            download.is_some_and(|download| once(&mut of, download))
        })?;
        Some(Self { query, of: of? })
    }

    /// Both.
    pub(super) fn asked(self) -> (Asked, Download) {
        (self.query.asked(), self.of)
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> bool {
    place.replace(value).is_none()
}

/// An empty parameter is a slip: it would ask for everybody.
fn text(value: Cow<'_, str>) -> Option<String> {
    (!value.is_empty()).then(|| value.into_owned())
}

impl FromRequestParts<Arc<Admin>> for ReportQuery {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Refused> {
        let query = parts.uri.query().unwrap_or_default();
        Self::parse(query, |_, _| false).ok_or_else(|| Refused::from(&BAD_QUERY))
    }
}

impl FromRequestParts<Arc<Admin>> for DownloadQuery {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Refused> {
        Self::parse(parts.uri.query().unwrap_or_default()).ok_or_else(|| Refused::from(&BAD_QUERY))
    }
}

impl OperationInput for ReportQuery {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<Self>(context, operation);
    }

    fn inferred_early_responses(context: &mut GenContext, operation: &mut Operation) -> Early {
        early(context, operation)
    }
}

impl OperationInput for DownloadQuery {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe::<Self>(context, operation);
    }

    fn inferred_early_responses(context: &mut GenContext, operation: &mut Operation) -> Early {
        early(context, operation)
    }
}

type Early = Vec<(Option<openapi::StatusCode>, openapi::Response)>;

fn describe<T: JsonSchema>(context: &mut GenContext, operation: &mut Operation) {
    let schema = context.schema.root_schema_for::<T>();
    let parameters = parameters_from_schema(context, schema, ParamLocation::Query);
    add_parameters(context, operation, parameters);
}

/// 404: this gateway counts nothing.
fn early(context: &mut GenContext, operation: &mut Operation) -> Early {
    let refused =
        |code| Some((Some(openapi::StatusCode::Code(code)), Refused::operation_response(context, operation)?));
    [400, 404].into_iter().filter_map(refused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        let read = |query: &str| ReportQuery::parse(query, |_, _| false);
        let asked = read("from=2026-11-01&to=2026-11-29&route=%2Fv1%2F&users=5").unwrap().asked();
        assert_eq!((asked.from, asked.route.as_deref()), ("2026-11-01".parse().ok(), Some("/v1/")));
        assert_eq!((asked.most_users, asked.user), (Some(5), None));
        assert_eq!(read("").unwrap().asked(), Asked::default());
        for wrong in [
            "from=yesterday",
            "to=",
            "user=",
            "user=a&user=b",
            "users=10001",
            "users=x",
            "of=portal",
            "days=7",
            "from=2026-11-29&to=2026-11-28",
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
        let (asked, download) = DownloadQuery::parse("of=portal&tenant=t").unwrap().asked();
        assert_eq!((asked.tenant.as_deref(), download), (Some("t"), Download::Portal));
        for wrong in ["", "tenant=t", "of=all", "of=portal&of=portal", "off=portal"] {
            assert!(DownloadQuery::parse(wrong).is_none(), "{wrong}");
        }
    }
}
