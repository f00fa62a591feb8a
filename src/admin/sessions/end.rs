//! Sessions, ended by an operator: here at once, on every replica within a second.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use http::StatusCode;
use mfa_gateway_store::{Filter, LONGEST_LIST, Page, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::not_ended::{EndOwed, NotEnded};
use super::{sessions, unavailable};
use crate::admin::context::Admin;
use crate::admin::operator::Operator;
use crate::admin::posted::{Posted, Question};
use crate::admin::respond::Json;
use crate::gateway::Notice;
use crate::session::{SessionId, Sessions, Whose};

const UNREADABLE: Notice = Notice {
    status: StatusCode::BAD_REQUEST,
    code: "malformed_request",
    description: "The body does not say whose sessions to end.",
    remedy: r#"Send exactly one of `{"id": "…"}`, `{"user": "…", "issuer": "…", "tenant": "…"}` (without `issuer` and `tenant`: of every one), `{"subject": "…", "issuer": "…"}` and `{"all": true}`."#,
};

/// Why sessions end that an operator ends.
const WHY: &str = "operator";

/// Whose sessions end: exactly one of the forms.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, deny_unknown_fields)]
pub(in crate::admin) enum EndQuestion {
    /// The session of this id.
    Id {
        /// The session's id.
        id: String,
    },
    /// Every session of this user.
    User {
        /// The user: `oid`, or `sub`.
        user: String,
        /// The issuer (`iss`). Absent: the user of this name at every issuer.
        issuer: Option<String>,
        /// The tenant (`tid`). Absent: the user of this name in every tenant.
        tenant: Option<String>,
    },
    /// Every session of this subject.
    Subject {
        /// The `sub`.
        subject: String,
        /// The issuer (`iss`).
        issuer: String,
    },
    /// Every session.
    All {
        /// `true`.
        #[schemars(extend("const" = true))]
        all: bool,
    },
}

impl Question for EndQuestion {
    const UNREADABLE: &'static Notice = &UNREADABLE;

    fn is_sound(&self) -> bool {
        match self {
            Self::Id { id } => SessionId::parse(id).is_some(),
            Self::User { user, .. } => !user.is_empty(),
            Self::Subject { subject, issuer } => !subject.is_empty() && !issuer.is_empty(),
            Self::All { all } => *all,
        }
    }
}

impl EndQuestion {
    /// The same for the log.
    fn told(&self) -> String {
        match self {
            Self::Id { id } => format!("id {id}"),
            Self::User { user, issuer, tenant } => {
                let of = |name, value: &Option<String>| value.as_ref().map(|value| format!(" {name} {value}"));
                let rest: String = [of("issuer", issuer), of("tenant", tenant)].into_iter().flatten().collect();
                format!("user {user}{rest}")
            }
            Self::Subject { subject, issuer } => format!("subject {subject} issuer {issuer}"),
            Self::All { .. } => "all".to_owned(),
        }
    }
}

/// Sessions have ended.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(in crate::admin) struct EndAnswer {
    /// `ended`.
    #[schemars(extend("const" = "ended"))]
    status: &'static str,
    /// How many lived until now.
    ended: usize,
}

/// Ends sessions.
pub(in crate::admin) async fn end(
    State(admin): State<Arc<Admin>>,
    Extension(operator): Extension<Operator>,
    Posted(asked): Posted<EndQuestion>,
) -> Result<Json<EndAnswer>, NotEnded> {
    let ended = end_as(&admin, &operator.name, asked).await?;
    Ok(Json(EndAnswer { status: "ended", ended }))
}

/// Ends sessions for an operator, and logs it. Returns how many lived until now.
pub(in crate::admin) async fn end_as(admin: &Admin, operator: &str, asked: EndQuestion) -> Result<usize, NotEnded> {
    if !asked.is_sound() {
        return Err(NotEnded::Refused((&UNREADABLE).into()));
    }
    let sessions = sessions(admin).map_err(NotEnded::Refused)?;
    let whose = asked.told();
    match end_those(sessions, asked).await {
        Ok(ended) => {
            tracing::info!(operator, whose, ended, "an operator ended sessions");
            Ok(ended)
        }
        Err(NotEnded::Owed(owed)) => {
            let (here, owed_later) = (owed.ended_here, owed.owed);
            tracing::warn!(
                operator,
                whose,
                here,
                owed_later,
                "an operator ended sessions, and the store is unavailable"
            );
            Err(NotEnded::Owed(owed))
        }
        Err(refused) => Err(refused),
    }
}

async fn end_those(sessions: &Sessions, asked: EndQuestion) -> Result<usize, NotEnded> {
    let mut ended = 0;
    for whose in whose(sessions, asked).await.map_err(|error| NotEnded::Refused(unavailable(&error)))? {
        // What names itself ends here without the store.
        let ends_here = matches!(whose, Whose::Id(_) | Whose::All);
        match sessions.end(whose, WHY).await {
            Ok(ids) => ended += ids.len(),
            Err(_) => return Err(NotEnded::Owed(EndOwed::new(ends_here))),
        }
    }
    Ok(ended)
}

/// Whose sessions those are. Where the question doesn't say whose user it is, the store knows who there are.
async fn whose(sessions: &Sessions, asked: EndQuestion) -> Result<Vec<Whose>, StoreError> {
    Ok(match asked {
        // It was read before.
        EndQuestion::Id { id } => SessionId::parse(&id).map(Whose::Id).into_iter().collect(),
        EndQuestion::Subject { subject, issuer } => vec![Whose::Subject { issuer, subject }],
        EndQuestion::All { .. } => vec![Whose::All],
        EndQuestion::User { user, issuer: Some(issuer), tenant: Some(tenant) } => {
            vec![Whose::User { issuer, tenant, user }]
        }
        EndQuestion::User { user, issuer, tenant } => {
            let filter = Filter { user: Some(user.clone()), issuer, tenant, live_at: Some(0), ..Filter::default() };
            let users = users(sessions, &filter).await?;
            users.into_iter().map(|(issuer, tenant)| Whose::User { issuer, tenant, user: user.clone() }).collect()
        }
    })
}

/// The issuers and tenants that know a user, of all sessions that match.
async fn users(sessions: &Sessions, filter: &Filter) -> Result<BTreeSet<(String, String)>, StoreError> {
    let (mut users, mut page) = (BTreeSet::new(), Page { after: None, most: LONGEST_LIST });
    loop {
        let rows = sessions.store().list(filter, &page).await?;
        page.after = rows.last().map(|row| (row.begun.created, row.begun.id.clone()));
        let is_last = u32::try_from(rows.len()).unwrap_or(u32::MAX) < page.most;
        users.extend(rows.into_iter().map(|row| (row.begun.issuer, row.begun.tenant)));
        if is_last {
            return Ok(users);
        }
    }
}

#[cfg(test)]
mod tests {
    use mfa_gateway_core::clock::{Clock, Timestamp};
    use std::time::Duration;

    use mfa_gateway_store::{Kind, NewSession, Store, StoreMetrics, StoreSettings};

    use super::*;
    use crate::session::{SessionMetrics, SessionSettings};

    async fn sessions() -> Sessions {
        let (settings, clock) = (SessionSettings::default(), Clock::manual(Timestamp::from_secs(1000)));
        let memory = StoreSettings { kind: Kind::Memory, timeout: Duration::from_secs(2) };
        let store = Store::open(&memory, &StoreMetrics::default()).await.unwrap();
        Sessions::new(store, Vec::new(), settings, clock, SessionMetrics::default()).unwrap()
    }

    async fn begin(sessions: &Sessions, issuer: &str, tenant: &str, user: &str) -> SessionId {
        let id = SessionId::random().unwrap();
        let [issuer, tenant, user] = [issuer, tenant, user].map(str::to_owned);
        let (subject, sign_in) = (format!("sub-{user}"), "portal".to_owned());
        let new = NewSession {
            id: id.to_string(),
            sign_in,
            issuer,
            subject,
            tenant,
            user,
            created: 1000,
            expires: 9000,
            ..NewSession::default()
        };
        sessions.begin(&new, id, None).await.unwrap();
        id
    }

    fn read(text: &str) -> Option<EndQuestion> {
        serde_json::from_str::<EndQuestion>(text).ok().filter(EndQuestion::is_sound)
    }

    #[tokio::test]
    async fn p28_an_operator_ends_a_session_or_a_users_or_all_and_no_other() {
        let sessions = sessions().await;
        let jane = begin(&sessions, "https://a/", "t", "jane").await;
        let second = begin(&sessions, "https://a/", "t", "jane").await;
        let elsewhere = begin(&sessions, "https://a/", "other", "jane").await;
        let john = begin(&sessions, "https://b/", "", "john").await;
        let last = begin(&sessions, "https://b/", "", "trent").await;
        let over = || [jane, second, elsewhere, john, last].map(|id| sessions.has_ended(&id));
        let end = async |text: &str| end_those(&sessions, read(text).unwrap()).await.unwrap();
        assert_eq!(end(&format!(r#"{{"id": "{jane}"}}"#)).await, 1);
        assert_eq!(over(), [true, false, false, false, false]);
        assert_eq!(end(&format!(r#"{{"id": "{jane}"}}"#)).await, 0, "twice is no error");
        assert_eq!(end(r#"{"user": "jane", "issuer": "https://a/", "tenant": "t"}"#).await, 1);
        assert_eq!(over(), [true, true, false, false, false]);
        assert_eq!(end(r#"{"user": "jane", "issuer": "https://b/"}"#).await, 0);
        assert_eq!(end(r#"{"user": "jane"}"#).await, 1, "in every tenant");
        assert_eq!(over(), [true, true, true, false, false]);
        assert_eq!(end(r#"{"subject": "sub-john", "issuer": "https://b/"}"#).await, 1);
        assert_eq!(end(r#"{"all": true}"#).await, 1);
        assert_eq!(over(), [true; 5]);
    }

    #[test]
    fn a_question_says_whose_exactly_once() {
        let id = SessionId::random().unwrap();
        assert!(read(&format!(r#"{{"id": "{id}"}}"#)).is_some());
        for wrong in [
            "{}",
            r#"{"all": false}"#,
            r#"{"id": "x"}"#,
            r#"{"user": ""}"#,
            r#"{"subject": "s"}"#,
            r#"{"issuer": "https://a/"}"#,
            r#"{"user": "u", "all": true}"#,
            r#"{"user": "u", "subject": "s", "issuer": "i"}"#,
            r#"{"user": "u", "user": "v"}"#,
            r#"{"users": "u"}"#,
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
