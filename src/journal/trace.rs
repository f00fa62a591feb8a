//! Decisions in the log, for people.

use std::borrow::Cow;

use super::DecisionLine;

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

/// A claim with whatever moves a terminal's cursor, colours it or turns its text around written out. JSON escapes what is
/// below U+0020 only.
fn visible(claim: &str) -> Cow<'_, str> {
    let plain = |char: char| {
        !char.is_control()
            && !matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if claim.chars().all(plain) {
        return Cow::Borrowed(claim);
    }
    let escaped =
        claim.chars().map(|char| if plain(char) { char.to_string() } else { char.escape_unicode().to_string() });
    Cow::Owned(escaped.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(visible("Jané \"x\""), "Jané \"x\"");
        assert_eq!(visible("a\n\u{1b}[31m\u{9b}m\u{202e}"), r"a\u{a}\u{1b}[31m\u{9b}m\u{202e}");
    }
}
