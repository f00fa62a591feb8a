//! Decisions in the log, for people.

use super::DecisionLine;
use super::plain::visible;

pub(super) fn decision(line: &DecisionLine<'_>) {
    tracing::info!(
        request_id = &*line.request_id,
        correlation_id = &*line.correlation_id,
        trace_id = line.trace_id.as_deref(),
        method = &*line.method,
        route = &*line.route,
        client = line.client.as_deref().map(tracing::field::display),
        issuer = line.issuer.as_deref(),
        class = line.class.as_deref(),
        tenant = line.tenant.as_deref().map(visible).as_deref(),
        application = line.application.as_deref().map(visible).as_deref(),
        user = line.user.as_deref().map(visible).as_deref(),
        amr = line.issuer.as_ref().map(|_| tracing::field::debug(line.amr.as_deref().unwrap_or_default())),
        decision = &*line.decision,
        grounds = line.grounds.as_deref(),
        exception = line.exception.as_deref(),
        reason = line.reason.as_deref(),
        check = line.check.as_deref(),
        "decision"
    );
}
