//! The portal's pages.

use std::sync::LazyLock;

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::api::caller;
use crate::provider::{Answer, Pages};

/// The portal's own cookie: how many pages this browser has seen.
pub const VISITS_COOKIE: &str = "portal_visits";

/// Where the form of the customers' page is sent.
pub(super) const CUSTOMERS_FORM: &str = "/commerce/customers";

static PAGES: LazyLock<Pages> = LazyLock::new(|| {
    Pages::new(
        include_str!("style.css"),
        &[
            ("layout.html", include_str!("layout.html")),
            ("overview.html", include_str!("overview.html")),
            ("customers.html", include_str!("customers.html")),
            ("requests.html", include_str!("requests.html")),
            ("billing.html", include_str!("billing.html")),
            ("status.html", include_str!("status.html")),
            ("customer.html", include_str!("customer.html")),
        ],
    )
});

/// A page of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Overview,
    Customers,
    Requests,
    Billing,
    Status,
    /// One customer, for those who are signed in to its tenant.
    Customer,
}

impl Page {
    const ALL: [Self; 6] =
        [Self::Overview, Self::Customers, Self::Requests, Self::Billing, Self::Status, Self::Customer];

    /// The page that a path shows.
    pub(super) fn at(path: &str) -> Option<Self> {
        let below = |page: &Self| *page != Self::Overview && path.starts_with(page.path().trim_end_matches('/'));
        if path == "/" { Some(Self::Overview) } else { Self::ALL.into_iter().find(below) }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Customers => "/commerce/",
            Self::Requests => "/dashboard/support/csp/customers/",
            Self::Billing => "/billing/",
            Self::Status => "/status",
            Self::Customer => "/customers/",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Customers => "Customers",
            Self::Requests => "Customer requests",
            Self::Billing => "Billing",
            Self::Status => "Service health",
            Self::Customer => "A customer’s tenant",
        }
    }

    fn template(self) -> &'static str {
        match self {
            Self::Overview => "overview.html",
            Self::Customers => "customers.html",
            Self::Requests => "requests.html",
            Self::Billing => "billing.html",
            Self::Status => "status.html",
            Self::Customer => "customer.html",
        }
    }

    fn protected(self) -> bool {
        matches!(self, Self::Customers | Self::Requests | Self::Billing | Self::Customer)
    }
}

/// Shows a page.
pub(super) fn show(page: Page, headers: &HeaderMap) -> Answer {
    render(page, headers, StatusCode::OK, &Value::Null)
}

/// The customers' page after its form was sent.
pub(super) fn customer_added(headers: &HeaderMap, name: &str) -> Answer {
    render(Page::Customers, headers, StatusCode::OK, &json!({ "added": name }))
}

/// The customers' page after a form that can't be read.
pub(super) fn form_unread(headers: &HeaderMap, why: &str) -> Answer {
    render(Page::Customers, headers, StatusCode::BAD_REQUEST, &json!({ "unread": why }))
}

fn render(page: Page, headers: &HeaderMap, status: StatusCode, result: &Value) -> Answer {
    let navigation: Vec<_> = Page::ALL
        .iter()
        // The customers' page leads there.
        .filter(|other| **other != Page::Customer)
        .map(|other| {
            let (path, title, protected) = (other.path(), other.title(), other.protected());
            json!({ "path": path, "title": title, "protected": protected, "here": *other == page })
        })
        .collect();
    let visits = visits(headers).saturating_add(1);
    let caller = caller(headers);
    let content = json!({
        "title": page.title(),
        "navigation": navigation,
        "name": name(&caller),
        "fields": caller,
        "visits": visits,
        "form": CUSTOMERS_FORM,
        "result": result,
    });
    let mut answer = PAGES.page(status, page.template(), &content);
    if let Ok(cookie) = HeaderValue::try_from(format!("{VISITS_COOKIE}={visits}; Path=/; SameSite=Lax")) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    answer
}

/// The visitor's name, or else the user's id. The gateway percent-encodes it.
fn name(caller: &Value) -> Option<String> {
    let value = ["x-auth-request-name", "x-auth-request-user"].iter().find_map(|field| caller[field].as_str())?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// How many pages this browser has seen, as its cookie says.
fn visits(headers: &HeaderMap) -> u32 {
    let fields = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = fields.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == VISITS_COOKIE).and_then(|(_, value)| value.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn html(page: Page, headers: &HeaderMap) -> String {
        let answer = show(page, headers);
        assert_eq!(answer.status(), 200);
        String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_page_shows_what_stands_below_its_path() {
        for page in Page::ALL {
            assert_eq!(Page::at(page.path()), Some(page));
        }
        assert_eq!(Page::at("/commerce/customers/1"), Some(Page::Customers));
        assert_eq!(Page::at("/elsewhere"), None);
    }

    #[tokio::test]
    async fn every_page_names_the_visitor_and_escapes_what_it_is_told() {
        let mut headers = HeaderMap::new();
        headers.insert("x-auth-request-user", HeaderValue::from_static("<jane>"));
        for page in Page::ALL {
            let html = html(page, &headers).await;
            assert!(html.contains("&lt;jane&gt;") && !html.contains("<jane>"), "{html}");
            assert!(html.contains(&format!("<h1>{}</h1>", page.title())), "{html}");
            assert!(html.contains("/.mfa-gateway/sign-out"));
        }
    }

    #[test]
    fn the_name_is_better_than_the_id() {
        let caller = json!({ "x-auth-request-user": "4988", "x-auth-request-name": "J%C3%B6rg%20Fr%2C" });
        assert_eq!(name(&caller).as_deref(), Some("Jörg Fr,"));
        assert_eq!(name(&json!({ "x-auth-request-user": "4988" })).as_deref(), Some("4988"));
        assert_eq!(name(&json!({})), None);
    }

    #[tokio::test]
    async fn nobody_is_offered_a_sign_in() {
        let html = html(Page::Overview, &HeaderMap::new()).await;
        assert!(html.contains("/.mfa-gateway/sign-in") && !html.contains("/.mfa-gateway/sign-out"), "{html}");
    }

    #[test]
    fn visits_are_counted_in_a_cookie() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=1; portal_visits=41"));
        let answer = show(Page::Status, &headers);
        assert_eq!(answer.headers()[SET_COOKIE], "portal_visits=42; Path=/; SameSite=Lax");
    }
}
