//! The JSON Schemas of the journals' lines.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::{AccessLine, DecisionLine, TokenLine};
use crate::telemetry::LinesLost;

/// A line of the decision log (`log.decision_output`).
#[derive(JsonSchema)]
#[schemars(title = "mfa-gateway decision log line", untagged)]
#[expect(dead_code, reason = "only its schema is wanted")]
enum OfDecisionLog {
    Decision(Box<DecisionLine<'static>>),
    Lost(LinesLost),
}

/// A line of the access log (`log.access_output`).
#[derive(JsonSchema)]
#[schemars(title = "mfa-gateway access log line", untagged)]
#[expect(dead_code, reason = "only its schema is wanted")]
enum OfAccessLog {
    Access(Box<AccessLine<'static>>),
    Lost(LinesLost),
}

/// A line of the token log (`log.token_output`).
#[derive(JsonSchema)]
#[schemars(title = "mfa-gateway token log line", untagged)]
#[expect(dead_code, reason = "only its schema is wanted")]
enum OfTokenLog {
    Token(Box<TokenLine<'static>>),
    Lost(LinesLost),
}

/// The JSON Schema of a line of the token log.
#[must_use]
pub fn token_log_schema() -> Value {
    as_written::<OfTokenLog>().to_value()
}

/// The JSON Schema of a line of the decision log.
#[must_use]
pub fn decision_log_schema() -> Value {
    as_written::<OfDecisionLog>().to_value()
}

/// The JSON Schema of a line of the access log.
#[must_use]
pub fn access_log_schema() -> Value {
    as_written::<OfAccessLog>().to_value()
}

/// Every member is always written, so every one is required.
fn as_written<L: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<L>()
}
