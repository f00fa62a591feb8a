//! What a list of sessions is asked for: parameters of a query, each at most once.

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
use mfa_gateway_store::{Filter, LONGEST_LIST, Page};
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::gateway::Notice;
use crate::session::SessionId;

const BAD_QUERY: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The query has a parameter that a list of sessions doesn't know, or one twice, or a wrong value.",
    remedy: "Use `user`, `subject`, `issuer`, `tenant`, `sign_in`, `ended` (true or false), `limit` (1 to 1000) and `after`.",
};

/// Which sessions to list: those that match everything given.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::admin) struct Asked {
    /// Of this user: `oid`, or `sub`.
    user: Option<String>,
    /// Of this `sub`.
    subject: Option<String>,
    /// Of this issuer (`iss`).
    issuer: Option<String>,
    /// Of this tenant (`tid`).
    tenant: Option<String>,
    /// Of this sign-in.
    sign_in: Option<String>,
    /// Also sessions that have ended or expired, as long as the store keeps them. Default `false`.
    ended: Option<bool>,
    /// The maximum number of sessions, up to 1000. Default 100.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl Asked {
    fn parse(query: &str) -> Option<Self> {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let fresh = match name.as_ref() {
                "user" => once(&mut asked.user, text(value)?),
                "subject" => once(&mut asked.subject, text(value)?),
                "issuer" => once(&mut asked.issuer, text(value)?),
                "tenant" => once(&mut asked.tenant, text(value)?),
                "sign_in" => once(&mut asked.sign_in, text(value)?),
                "after" => once(&mut asked.after, text(value)?),
                "ended" => once(&mut asked.ended, value.parse().ok()?),
                "limit" => once(&mut asked.limit, value.parse().ok().filter(|most| (1..=LONGEST_LIST).contains(most))?),
                _ => false,
            };
            if !fresh {
                return None;
            }
        }
        asked.page()?;
        Some(asked)
    }

    /// The same for a page, whose form sends fields that are empty. What a page adds for itself is not looked at.
    pub(in crate::admin) fn of_form(query: &str) -> Option<Self> {
        let filled =
            url::form_urlencoded::parse(query.as_bytes()).filter(|(name, value)| !value.is_empty() && name != "done");
        Self::parse(&url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filled).finish())
    }

    /// The query for the part of the list behind this.
    pub(in crate::admin) fn query_after(&self, after: &str) -> String {
        let ended = (self.ended == Some(true)).then(|| "true".to_owned());
        let limit = self.limit.map(|limit| limit.to_string());
        let fields = [
            ("user", &self.user),
            ("subject", &self.subject),
            ("issuer", &self.issuer),
            ("tenant", &self.tenant),
            ("sign_in", &self.sign_in),
            ("ended", &ended),
            ("limit", &limit),
        ];
        let given = fields.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let given = given.chain([("after", after)]);
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
    }

    /// The store's filter at this time.
    pub(super) fn filter(&self, now: i64) -> Filter {
        Filter {
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            user: self.user.clone(),
            tenant: self.tenant.clone(),
            sign_in: self.sign_in.clone(),
            live_at: (self.ended != Some(true)).then_some(now),
            ..Filter::default()
        }
    }

    /// The part of the list; `None` if `after` is none that a list had.
    pub(super) fn page(&self) -> Option<Page> {
        let after = match &self.after {
            None => None,
            Some(after) => {
                let (created, id) = after.split_once('.')?;
                SessionId::parse(id)?;
                Some((created.parse().ok()?, id.to_owned()))
            }
        };
        Some(Page { after, most: self.limit.unwrap_or(Page::default().most) })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> bool {
    place.replace(value).is_none()
}

/// An empty parameter is a slip: it would list everybody's sessions.
fn text(value: Cow<'_, str>) -> Option<String> {
    (!value.is_empty()).then(|| value.into_owned())
}

impl FromRequestParts<Arc<Admin>> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Admin>) -> Result<Self, Refused> {
        Self::parse(parts.uri.query().unwrap_or_default()).ok_or_else(|| Refused::from(&BAD_QUERY))
    }
}

impl OperationInput for Asked {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        let schema = context.schema.root_schema_for::<Self>();
        let parameters = parameters_from_schema(context, schema, ParamLocation::Query);
        add_parameters(context, operation, parameters);
    }

    fn inferred_early_responses(
        context: &mut GenContext,
        operation: &mut Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        // 404: nobody signs in at this gateway.
        let refused = |code| {
            let response = Refused::operation_response(context, operation)?;
            Some((Some(openapi::StatusCode::Code(code)), response))
        };
        [400, 404].into_iter().filter_map(refused).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_strictly() {
        let id = SessionId::random().unwrap().to_string();
        let asked = Asked::parse(&format!("user=a%20b&issuer=https%3A%2F%2Fi%2F&limit=7&after=12.{id}")).unwrap();
        let filter = asked.filter(99);
        assert_eq!((filter.user.as_deref(), filter.issuer.as_deref()), (Some("a b"), Some("https://i/")));
        assert_eq!((filter.live_at, asked.page()), (Some(99), Some(Page { after: Some((12, id)), most: 7 })));
        assert_eq!(Asked::parse("ended=true").unwrap().filter(99).live_at, None);
        assert_eq!(Asked::parse("").unwrap().page(), Some(Page::default()));
        for wrong in [
            "user=a&user=b",
            "users=a",
            "user=",
            "limit=0",
            "limit=1001",
            "limit=x",
            "ended=1",
            "after=12.x",
            "after=1",
        ] {
            assert!(Asked::parse(wrong).is_none(), "{wrong}");
        }
    }
}
