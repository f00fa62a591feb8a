//! Pages: templates that escape what is put into them, in one layout, with the fields that a careful site sends.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::json;

use super::answer::{Answer, bytes, with_header};

/// The name of the template that surrounds every other.
const LAYOUT: &str = "layout.html";

/// The pages of one service.
#[derive(Debug)]
pub(crate) struct Pages {
    templates: Environment<'static>,
    style: &'static str,
}

/// What a page may do beyond showing itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Allowed<'a> {
    /// The origins that it may show in frames.
    pub(crate) frames: &'a [String],
    /// The one script that it has.
    pub(crate) script: Option<&'static str>,
}

impl Pages {
    /// Pages of this style. One template is the layout, `layout.html`.
    pub(crate) fn new(style: &'static str, templates: &[(&'static str, &'static str)]) -> Self {
        let mut environment = Environment::new();
        for &(name, source) in templates {
            if let Err(error) = environment.add_template(name, source) {
                tracing::error!(name, %error, "a page of the demo can't be read");
            }
        }
        Self { templates: environment, style }
    }

    /// A page without frames and scripts.
    pub(crate) fn page(&self, status: StatusCode, name: &str, content: &serde_json::Value) -> Answer {
        self.page_with(status, name, content, Allowed::default())
    }

    /// A page that may do more.
    ///
    /// Its policy has no `form-action`: browsers hold it against every redirect that follows a form, and a sign-in
    /// ends at an address that only the application knows.
    pub(crate) fn page_with(
        &self,
        status: StatusCode,
        name: &str,
        content: &serde_json::Value,
        allowed: Allowed<'_>,
    ) -> Answer {
        let html = match self.render(name, content, allowed) {
            Ok(html) => html,
            Err(error) => {
                tracing::error!(name, %error, "a page of the demo can't be made");
                return bytes(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "the page can't be made\n");
            }
        };
        let mut answer = bytes(status, "text/html; charset=utf-8", html);
        let mut policy = format!(
            "default-src 'none'; img-src data:; style-src {}; base-uri 'none'; frame-ancestors 'none'",
            source_of(self.style)
        );
        if let Some(script) = allowed.script {
            policy.push_str("; script-src ");
            policy.push_str(&source_of(script));
        }
        if !allowed.frames.is_empty() {
            policy.push_str("; frame-src ");
            policy.push_str(&allowed.frames.join(" "));
        }
        if let Ok(policy) = HeaderValue::try_from(policy) {
            answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        let answer = with_header(answer, CACHE_CONTROL, "no-store");
        let answer = with_header(answer, REFERRER_POLICY, "no-referrer");
        with_header(answer, X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    fn render(
        &self,
        name: &str,
        content: &serde_json::Value,
        allowed: Allowed<'_>,
    ) -> Result<String, minijinja::Error> {
        let body = self.templates.get_template(name)?.render(Serde(content))?;
        let mut around = content.clone();
        around["style"] = json!(self.style);
        around["script"] = json!(allowed.script);
        around["body"] = json!(body);
        self.templates.get_template(LAYOUT)?.render(Serde(around))
    }
}

/// How a policy names a style or script by its content.
fn source_of(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("'sha256-{}'", STANDARD.encode(digest))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn markup_is_escaped_and_the_layout_surrounds_the_page() {
        let layout = "<title>{{ title }}</title><style>{{ style|safe }}</style>{{ body|safe }}";
        let pages = Pages::new("a>b{}", &[(LAYOUT, layout), ("one.html", "<p title=\"{{ text }}\">{{ text }}</p>")]);
        let answer = pages.page(StatusCode::OK, "one.html", &json!({ "title": "T&C", "text": "<a b=\"c\">'&" }));
        assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains(&source_of("a>b{}")));
        let html = answer.into_body().collect().await.unwrap().to_bytes();
        let text = "&lt;a b=&quot;c&quot;&gt;&#x27;&amp;";
        let expected = format!("<title>T&amp;C</title><style>a>b{{}}</style><p title=\"{text}\">{text}</p>");
        assert_eq!(std::str::from_utf8(&html).unwrap(), expected);
    }
}
