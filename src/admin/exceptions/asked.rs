//! What a list of exceptions is asked for: parameters of a query, each at most once.

use std::sync::Arc;

use aide::OperationInput;
use aide::OperationOutput;
use aide::generate::GenContext;
use aide::openapi::{self, Operation};
use aide::operation::{ParamLocation, add_parameters, parameters_from_schema};
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use mfa_gateway_store::{ExceptionPage, LONGEST_LIST};
use schemars::JsonSchema;

use crate::admin::context::Admin;
use crate::admin::refused::Refused;
use crate::exceptions::{State, Wanted};
use crate::gateway::Notice;

const BAD_QUERY: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The query has a parameter that a list of exceptions doesn't know, or one twice, or a wrong value.",
    remedy: "Use `state` (requested, approved, active, rejected, withdrawn, revoked or expired), `limit` (1 to 1000) and `after`.",
};

/// Which exceptions to list.
#[derive(Debug, Default, JsonSchema)]
pub(in crate::admin) struct Asked {
    /// Those in this state.
    state: Option<State>,
    /// The maximum number of exceptions, up to 1000, besides those of the configuration. Default 100.
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
                "state" => asked.state.replace(State::from_name(&value)?).is_none(),
                "after" => asked.after.replace(value.into_owned()).is_none(),
                "limit" => {
                    let limit = value.parse().ok().filter(|most| (1..=LONGEST_LIST).contains(most))?;
                    asked.limit.replace(limit).is_none()
                }
                _ => false,
            };
            if !fresh {
                return None;
            }
        }
        asked.wanted()?;
        Some(asked)
    }

    /// The same for the list; `None` if `after` is none that a list had.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        let after = match &self.after {
            None => None,
            Some(after) => {
                let (requested, id) = after.split_once('.')?;
                Some((requested.parse().ok()?, id.to_owned()))
            }
        };
        let most = self.limit.unwrap_or(ExceptionPage::default().most);
        Some(Wanted { state: self.state, page: ExceptionPage { after, most } })
    }
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
        // 404: nobody asks for exceptions at this gateway.
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
        let wanted = Asked::parse("state=active&limit=7&after=12.granted-a").unwrap().wanted().unwrap();
        assert_eq!((wanted.state, wanted.page.most), (Some(State::Active), 7));
        assert_eq!(wanted.page.after, Some((12, "granted-a".to_owned())));
        assert_eq!(Asked::parse("").unwrap().wanted().unwrap().page, ExceptionPage::default());
        for wrong in
            ["state=a", "state=active&state=active", "states=active", "limit=0", "limit=1001", "after=1", "after=x.y"]
        {
            assert!(Asked::parse(wrong).is_none(), "{wrong}");
        }
    }
}
