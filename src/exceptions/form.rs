//! What people fill in: a request, and evidence.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mfa_gateway_core::clock::Timestamp;
use mfa_gateway_core::policy::Exception;
use mfa_gateway_store::{NewEvidence, NewException};
use schemars::JsonSchema;
use serde::Deserialize;

use super::explained::ExplainForm;
use super::ground::Ground;
use super::refusal::{NO_RANDOMNESS, Refusal};
use super::settings::{ExceptionSettings, Known};
use super::texts::{invalid, line, reason, required};
use crate::gateway::Notice;

/// The most files of evidence, the explanation included.
pub(super) const MOST_FILES: usize = 5;

/// The largest file.
const LARGEST: usize = 1 << 20;

/// How far a start may lie in the past: the clocks of two machines differ.
const SLACK: Duration = Duration::from_secs(300);

const NO_MATCH: Notice = invalid(
    "The exception would match every caller.",
    "Name the `application` or the `user` that can't do MFA, or both.",
);

const NO_ISSUER: Notice = invalid(
    "There is no issuer of this name.",
    "Use a name from `issuers` in the configuration, or leave `issuer` out.",
);

const NO_ROUTE: Notice = invalid(
    "There is no such route, or the list is empty.",
    "Use paths or prefixes exactly as the configuration's `routes` write them, or leave `routes` out for all.",
);

const NO_TIME: Notice =
    invalid("A time is none in UTC (RFC 3339).", "Write `starts` and `ends` as `2027-01-31T00:00:00Z`.");

const PAST_END: Notice = invalid(
    "The exception would end before it begins, or has ended.",
    "Choose an `ends` in the future, after `starts`.",
);

const TOO_LONG: Notice = invalid(
    "The exception would last longer than one may, or begin later.",
    "Choose an `ends` at most 30 days after `starts` (or what `exception_requests.longest` says), and a `starts` at most as far \
     ahead. Ask again before it ends.",
);

const NO_SOFTWARE: Notice = invalid(
    "The ground is client software that can't do MFA, and the request doesn't say which.",
    "Send the name and version in `software`.",
);

const NO_ORDER: Notice = invalid(
    "The request has no purchase order.",
    "Send its number in `purchaseOrder`, or the document as a file of the kind `purchase_order`.",
);

const NO_CONFIGURATION: Notice = invalid(
    "The ground is third-party MFA that isn't recognised, and its configuration is missing.",
    "Add a file of the kind `configuration`: how the product is integrated, and what it sends.",
);

pub(super) const NO_EXPLANATION: Notice = invalid(
    "The ground is third-party MFA that isn't recognised, and nothing shows that for the account.",
    "Send an access token of the account in `explain.token`, with the `path` that it calls. The gateway attaches what it \
     makes of the token, and forgets the token.",
);

const WRONG_FILE: Notice = invalid(
    "A file is empty, larger than 1 MiB, of no known kind, or one of too many.",
    "Send at most 5 files with the kinds `configuration`, `purchase_order`, `software` and `other`, each with a `name`.",
);

/// A request for an exception.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct RequestForm {
    /// Why: the list of common issues. Only `third_party_mfa` and `software_without_mfa` are grounds.
    pub(crate) ground: Ground,
    /// The person or team responsible for it.
    pub(crate) owner: String,
    /// The reason, in words.
    pub(crate) reason: String,
    /// The ticket that it belongs to.
    pub(crate) ticket: Option<String>,
    /// The client software that can't do MFA, with its version.
    pub(crate) software: Option<String>,
    /// The number of the purchase order of what will do MFA.
    pub(crate) purchase_order: Option<String>,
    /// The application's id (`appid`, `azp` or `client_id`). At least one of `application` and `user` is required.
    pub(crate) application: Option<String>,
    /// The user's object id (`oid`), or `sub` where the issuer has none.
    pub(crate) user: Option<String>,
    /// The tenant's id (`tid`).
    pub(crate) tenant: Option<String>,
    /// The issuer's name. Absent: any.
    pub(crate) issuer: Option<String>,
    /// The paths or prefixes of the routes, exactly as the configuration writes them. Absent: all.
    pub(crate) routes: Option<Vec<String>>,
    /// When it begins, as RFC 3339 in UTC. Absent: with the approval.
    pub(crate) starts: Option<String>,
    /// When it ends: at most 30 days later.
    pub(crate) ends: String,
    /// Files of evidence.
    #[serde(default)]
    pub(crate) files: Vec<EvidenceForm>,
    /// Has the gateway attach what it makes of a token of the account.
    pub(crate) explain: Option<ExplainForm>,
}

/// A file of evidence.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct EvidenceForm {
    /// What it shows: `configuration`, `purchase_order`, `software` or `other`.
    pub(crate) kind: String,
    /// The file's name.
    pub(crate) name: String,
    /// Its media type.
    pub(crate) media_type: Option<String>,
    /// Its content, in base64.
    #[serde(rename = "base64")]
    pub(crate) content: Content,
}

/// The content of a file.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Content(pub(crate) Vec<u8>);

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl TryFrom<String> for Content {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self).map_err(|_| "this is no base64")
    }
}

impl EvidenceForm {
    /// What is stored of it.
    pub(super) fn read(&self) -> Result<NewEvidence, Refusal> {
        let wrong = Refusal::Told(&WRONG_FILE);
        let is_known = ["configuration", "purchase_order", "software", "other"].contains(&self.kind.as_str());
        let size = self.content.0.len();
        let (name, media_type) = (line(Some(&self.name))?, line(self.media_type.as_deref())?);
        if !is_known || size == 0 || size > LARGEST || name.is_empty() {
            return Err(wrong);
        }
        Ok(NewEvidence { kind: self.kind.clone(), name, media_type, bytes: self.content.0.clone() })
    }
}

impl RequestForm {
    /// What is stored of it, without what the gateway itself attaches.
    pub(super) fn read(
        &self,
        settings: &ExceptionSettings,
        now: Timestamp,
    ) -> Result<(NewException, Vec<NewEvidence>), Refusal> {
        if let Some(notice) = self.ground.answer() {
            return Err(Refusal::Told(notice));
        }
        let (starts, ends) = self.times(settings.longest, now)?;
        let asked = NewException {
            id: new_id()?,
            ground: self.ground.name().to_owned(),
            owner: required(line(Some(&self.owner))?)?,
            reason: reason(&self.reason)?,
            ticket: line(self.ticket.as_deref())?,
            software: line(self.software.as_deref())?,
            purchase_order: line(self.purchase_order.as_deref())?,
            application: line(self.application.as_deref())?,
            user: line(self.user.as_deref())?,
            tenant: line(self.tenant.as_deref())?,
            issuer: line(self.issuer.as_deref())?,
            routes: self.routes(&settings.known)?,
            starts: starts.as_millis(),
            ends: ends.as_millis(),
        };
        if asked.application.is_empty() && asked.user.is_empty() {
            return Err(Refusal::Told(&NO_MATCH));
        }
        if !asked.issuer.is_empty() && !settings.known.issuers.contains(&asked.issuer) {
            return Err(Refusal::Told(&NO_ISSUER));
        }
        if self.files.len() + usize::from(self.explain.is_some()) > MOST_FILES {
            return Err(Refusal::Told(&WRONG_FILE));
        }
        let files = self.files.iter().map(EvidenceForm::read).collect::<Result<Vec<_>, _>>()?;
        self.check_evidence(&asked, &files)?;
        Ok((asked, files))
    }

    fn times(&self, longest: Duration, now: Timestamp) -> Result<(Timestamp, Timestamp), Refusal> {
        let time = |text: &str| Timestamp::parse(text.trim()).ok_or(Refusal::Told(&NO_TIME));
        let ends = time(&self.ends)?;
        let starts = self.starts.as_deref().map(time).transpose()?.unwrap_or(now);
        if ends <= now || ends <= starts || starts < now.minus(SLACK) {
            return Err(Refusal::Told(&PAST_END));
        }
        if ends > starts.plus(longest) || starts > now.plus(longest) {
            return Err(Refusal::Told(&TOO_LONG));
        }
        Ok((starts, ends))
    }

    /// The routes as JSON; empty for all.
    fn routes(&self, known: &Known) -> Result<String, Refusal> {
        let Some(routes) = &self.routes else { return Ok(String::new()) };
        let text = serde_json::Value::from(routes.clone()).to_string();
        let fits = !routes.is_empty() && routes.iter().all(|route| known.routes.contains(route));
        if fits && text.len() <= super::texts::LONGEST { Ok(text) } else { Err(Refusal::Told(&NO_ROUTE)) }
    }

    fn check_evidence(&self, asked: &NewException, files: &[NewEvidence]) -> Result<(), Refusal> {
        let has = |kind: &str| files.iter().any(|file| file.kind == kind);
        if asked.purchase_order.is_empty() && !has("purchase_order") {
            return Err(Refusal::Told(&NO_ORDER));
        }
        match self.ground {
            Ground::ThirdPartyMfa if !has("configuration") => Err(Refusal::Told(&NO_CONFIGURATION)),
            Ground::ThirdPartyMfa if self.explain.is_none() => Err(Refusal::Told(&NO_EXPLANATION)),
            Ground::SoftwareWithoutMfa if asked.software.is_empty() => Err(Refusal::Told(&NO_SOFTWARE)),
            _ => Ok(()),
        }
    }
}

/// An id that nobody has: 80 random bits in letters and digits.
fn new_id() -> Result<String, Refusal> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0_u8; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Refusal::Told(&NO_RANDOMNESS))?;
    let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 31))).map(|byte| char::from(*byte));
    Ok(Exception::GRANTED.chars().chain(letters).collect())
}
