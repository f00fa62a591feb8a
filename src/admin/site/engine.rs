//! The templates, and what becomes of them.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// The style of all pages.
pub(super) const STYLE: &str = include_str!("templates/style.css");

const TEMPLATES: [(&str, &str); 18] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("macros.html", include_str!("templates/macros.html")),
    ("chart.html", include_str!("templates/chart.html")),
    ("message.html", include_str!("templates/message.html")),
    ("overview.html", include_str!("templates/overview.html")),
    ("report.html", include_str!("templates/report.html")),
    ("requests.html", include_str!("templates/requests.html")),
    ("exceptions.html", include_str!("templates/exceptions.html")),
    ("exception.html", include_str!("templates/exception.html")),
    ("ask.html", include_str!("templates/ask.html")),
    ("consents.html", include_str!("templates/consents.html")),
    ("consent_go.html", include_str!("templates/consent_go.html")),
    ("consent_given.html", include_str!("templates/consent_given.html")),
    ("vendors.html", include_str!("templates/vendors.html")),
    ("sessions.html", include_str!("templates/sessions.html")),
    ("explain.html", include_str!("templates/explain.html")),
    ("replay.html", include_str!("templates/replay.html")),
    ("configuration.html", include_str!("templates/configuration.html")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        // They are constants, and the tests parse each.
        if let Err(error) = environment.add_template(name, source) {
            tracing::warn!(template = name, %error, "a page's template can't be read");
        }
    }
    environment
});

/// Renders a page. The engine escapes every value.
///
/// # Errors
///
/// If the template names something that the view lacks.
pub(super) fn render(name: &str, view: impl Serialize) -> Result<String, minijinja::Error> {
    let html = ENVIRONMENT.get_template(name)?.render(Serde(view))?;
    // A slash needs no escape anywhere on a page, and who reads its source can read its links then.
    Ok(html.replace("&#x2f;", "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        let mut environment = Environment::new();
        for (name, source) in TEMPLATES {
            environment.add_template(name, source).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        }
    }

    #[test]
    fn no_template_has_what_the_policy_forbids_or_lets_text_be_markup() {
        for (name, source) in TEMPLATES {
            for forbidden in ["<script", "style=", "|safe", "| safe", "autoescape", "javascript:", " onc", "http://"] {
                assert!(!source.contains(forbidden), "{name}: {forbidden}");
            }
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
