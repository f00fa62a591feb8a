//! The provider's pages: who it knows, choosing a person, and a problem that can't be sent back to the application.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

use super::answer::{Answer, bytes, with_header};
use super::form::Form;
use crate::people::Person;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:12vh auto;padding:0 1rem;color:#1b1b1f;background:#fff}\
h1{font-size:1.4rem}ul{list-style:none;padding:0}\
a{display:block;padding:.7rem 1rem;margin:.5rem 0;border:1px solid #c8c8d0;border-radius:.4rem;\
color:inherit;text-decoration:none}a:hover,a:focus{border-color:#3b5bdb;background:#f3f5ff}\
small{display:block;color:#5c5c66}\
@media(prefers-color-scheme:dark){body{background:#16161a;color:#e8e8ec}a{border-color:#44444e}\
a:hover,a:focus{background:#22253a}small{color:#a0a0ac}}";

/// The page at the root: who signs in here, and where programs find the metadata.
pub(crate) fn index(issuer: &str, people: &[Person]) -> Answer {
    let mut known = String::new();
    for person in people {
        let [name, company, proof] = [&person.name(), &person.company, &proof(person)].map(|text| escape(text));
        // Writing to a string can't fail.
        let _ = writeln!(known, "<li>{name}, {company}<small>{proof}</small></li>");
    }
    let issuer = escape(issuer);
    let body = format!(
        "<h1>The demo’s identity provider</h1>\n<p>It signs in these people and asks for no password.</p>\n\
         <ul>\n{known}</ul>\n<p>For programs:</p>\n\
         <a href=\"{issuer}.well-known/openid-configuration\">metadata</a>\n<a href=\"{issuer}keys\">key set</a>"
    );
    page(StatusCode::OK, &body)
}

fn proof(person: &Person) -> String {
    match &person.amr {
        None => "says nothing about the sign-in method".to_owned(),
        Some(methods) => format!("signs in with {}", methods.join(" + ")),
    }
}

/// A page to choose who signs in; each choice repeats the request with a `login_hint`.
pub(crate) fn chooser(form: &Form, people: &[Person]) -> Answer {
    let mut choices = String::new();
    for person in people {
        let link = format!("/authorize?{}", form.query_with("login_hint", &person.login));
        let [link, name, company, proof] =
            [&link, &person.name(), &person.company, &proof(person)].map(|text| escape(text));
        // Writing to a string can't fail.
        let _ = writeln!(choices, "<li><a href=\"{link}\">{name}, {company}<small>{proof}</small></a></li>");
    }
    let body = format!("<h1>Who signs in?</h1>\n<p>This is a demo: it asks for no password.</p>\n<ul>\n{choices}</ul>");
    page(StatusCode::OK, &body)
}

/// A page that tells why an authorization request went nowhere (RFC 6749 §4.1.2.1).
pub(crate) fn problem(description: &str) -> Answer {
    let body = format!("<h1>This sign-in can’t start</h1>\n<p>{}.</p>", escape(description));
    page(StatusCode::BAD_REQUEST, &body)
}

fn page(status: StatusCode, body: &str) -> Answer {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Demo identity provider</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    );
    let mut answer = bytes(status, "text/html; charset=utf-8", html);
    let style = STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    let answer = with_header(answer, CACHE_CONTROL, "no-store");
    let answer = with_header(answer, REFERRER_POLICY, "no-referrer");
    with_header(answer, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escape(r#"<a b="c" d='&'>"#), "&lt;a b=&quot;c&quot; d=&#39;&amp;&#39;&gt;");
    }
}
