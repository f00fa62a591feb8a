//! The pages that people see: each as it ships, whole HTML, and safe from what strangers write.

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use mfa_gateway::pages::{
    Action, Does, Fact, Failure, Kind, NeededRole, Page, Pages, PagesError, Shortfall, StepUp, samples,
};
use mfa_gateway_core::policy::Product;

const HOSTILE: &str = "<script>alert('1')</script>\" onload=\"alert(2)&copy;\u{202e}";
/// What isn't shown is sent as it is.
const HIDDEN: &str = "\"><script>alert('3')</script>";

#[test]
fn each_page_as_it_ships() {
    let mut numbers = BTreeMap::<&str, u32>::new();
    for page in samples() {
        let number = numbers.entry(page.kind.name()).and_modify(|number| *number += 1).or_insert(1);
        let (headers, html) = rendered(&Pages::default(), &page);
        let fields: Vec<_> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        // The style is a file of its own, and each change of it would change every page.
        let (before, rest) = html.split_once("<style>").unwrap();
        let (_, after) = rest.split_once("</style>").unwrap();
        let fields = without_hash(&fields.join("\n"));
        let fields = fields.split("content-length").next().unwrap();
        let name = format!("{}_{number}", page.kind.name());
        insta::assert_snapshot!(name, format!("{}\n{fields}\n{before}<style></style>{after}", page.kind.status()));
    }
}

#[test]
fn each_page_is_whole_and_has_something_to_press() {
    for page in samples() {
        let (headers, html) = rendered(&Pages::default(), &page);
        let name = page.kind.name();
        let count = |part: &str| html.matches(part).count();
        assert!(html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{name}");
        for once in ["<title>", "<h1>", "<main>", "</main>", "<footer>", "</html>", "name=\"viewport\""] {
            assert_eq!(count(once), 1, "{name}: {once}");
        }
        let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(!title.is_empty() && html.contains(&format!("<h1>{title}</h1>")), "{name}");
        assert!(count("<a") + count("<button type=\"submit\"") > 0, "{name} leads nowhere");
        assert!(html.contains(page.code), "{name}: its code is missing");
        for element in ["p", "h2", "section", "dl", "div", "dt", "dd", "ul", "li", "form", "button", "a", "span"] {
            let open = count(&format!("<{element}>")) + count(&format!("<{element} "));
            assert_eq!(open, count(&format!("</{element}>")), "{name}: {element}");
        }
        for forbidden in ["<script", " style=", " onclick", "http://", "https://", "javascript:", "<img", "<iframe"] {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{name}");
        assert!(!policy.contains("unsafe") && policy.contains("style-src 'sha256-"), "{name}");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(headers["content-length"], html.len().to_string());
    }
}

#[test]
fn what_strangers_write_stays_text() {
    let role = NeededRole { name: HOSTILE.to_owned(), granted_by: Some(HOSTILE.to_owned()) };
    let fact = || vec![Fact::new(HOSTILE, HOSTILE)];
    let step_up = StepUp {
        product: Product::Entra,
        shortfall: Shortfall::Missing,
        asked: fact(),
        returned: fact(),
        of_customer: false,
    };
    for kind in [
        Kind::WrongRole(vec![role]),
        Kind::StepUpFailed(step_up),
        Kind::AnotherUser { before: Some(HOSTILE.to_owned()) },
        Kind::NotFound,
    ] {
        let action = Action::post(Does::TryAgain, format!("/a?{HOSTILE}")).with(HIDDEN, HIDDEN);
        let page = Page::new(kind, HOSTILE).of(Some(HOSTILE)).fact(HOSTILE, HOSTILE);
        let page = page.with(Action::link(Does::SignOut, format!("/{HOSTILE}"))).with(action).redirecting_to(HOSTILE);
        let (headers, html) = rendered(&Pages::default(), &page);
        assert!(!html.contains("<script") && !html.contains("\" onload"), "{html}");
        assert!(!html.contains('\u{202e}'), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("&amp;copy;"), "{html}");
        assert!(!headers["content-security-policy"].to_str().unwrap().contains("script"));
    }
}

#[test]
fn an_error_of_entra_has_our_text_and_its_number() {
    let page = |number| Page::new(Kind::SignInFailed(Failure::reported("access_denied", number)), "r");
    let (_, html) = rendered(&Pages::default(), &page(Some(53003)));
    assert!(html.contains("An access policy blocks this sign-in") && html.contains("AADSTS53003"));
    let (_, html) = rendered(&Pages::default(), &page(Some(1)));
    assert!(html.contains("The sign-in was declined") && html.contains("AADSTS1<"));
    let (_, html) = rendered(&Pages::default(), &page(None));
    assert!(html.contains("The sign-in was declined") && !html.contains("AADSTS"));
}

#[test]
fn an_operator_replaces_what_ships_by_name() {
    let own = [
        (
            "layout.html",
            "<html><style>{{ style }}</style><style>b{}</style>{% block content %}{% endblock %}{{ code }}",
        ),
        ("style.css", "p > a { }"),
        (
            "signed-out.html",
            "{% extends \"layout.html\" %}{% block content %}<h1>Bye, {{ person or 'you' }}</h1>{% endblock %}",
        ),
    ];
    let pages = Pages::new(&owned(&own)).unwrap();
    let signed_out = samples().into_iter().find(|page| page.kind.name() == "signed-out").unwrap();
    let (headers, html) = rendered(&pages, &signed_out);
    assert_eq!(html, "<html><style>p > a { }</style><style>b{}</style><h1>Bye, you</h1>signed_out");
    assert_eq!(headers["content-security-policy"].to_str().unwrap().matches("'sha256-").count(), 2);
    let (_, html) = rendered(&pages, &Page::new(Kind::NotFound, "r"));
    assert!(html.contains("Check the address") && html.ends_with("no_route"), "{html}");
}

#[test]
fn a_broken_template_is_found_when_it_is_loaded() {
    let broken = |name: &str, source: &str| Pages::new(&owned(&[(name, source)])).unwrap_err();
    for (name, source, line) in [
        ("message.html", "<p>\n{{ nothing }}", 2),
        ("message.html", "\n{% if code %}", 2),
        ("layout.html", "a\nb\n{{ code | bold }}", 3),
        ("not-found.html", "\n{% extends \"other.html\" %}", 2),
    ] {
        let error = broken(name, source);
        let PagesError::Template { name: named, line: found, .. } = &error else { panic!("{error}") };
        assert_eq!((named.as_str(), *found), (name, line), "{error}");
        assert!(!error.fix().is_empty());
    }
    assert_eq!(broken("start.html", "").to_string(), "no page is made from a template named `start.html`");
    let error = broken("message.html", "<p onclick=\"a()\">");
    assert_eq!(
        error.to_string(),
        "the template `message.html` has the attribute onclick, and browsers ignore that on these pages"
    );
    assert!(matches!(broken("style.css", "</STYLE ><script>"), PagesError::Forbidden { .. }));
}

#[test]
fn a_template_that_fails_later_gives_way_to_the_one_that_ships() {
    let source = "{% if request_id == 'odd' %}{{ nothing }}{% endif %}own";
    let pages = Pages::new(&owned(&[("message.html", source)])).unwrap();
    assert_eq!(rendered(&pages, &Page::new(Kind::NotFound, "even")).1, "own");
    assert!(rendered(&pages, &Page::new(Kind::NotFound, "odd")).1.contains("There is no such page"));
}

fn owned(templates: &[(&str, &str)]) -> Vec<(String, String)> {
    templates.iter().map(|(name, source)| ((*name).to_owned(), (*source).to_owned())).collect()
}

fn rendered(pages: &Pages, page: &Page) -> (HeaderMap, String) {
    let response = pages.response(page, StatusCode::OK);
    let (head, body) = response.into_parts();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
    (head.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

fn without_hash(fields: &str) -> String {
    let (before, rest) = fields.split_once("'sha256-").unwrap();
    let (_, after) = rest.split_once('\'').unwrap();
    format!("{before}'sha256-…'{after}")
}
