//! The pages of a partner's customers. An API's document says where the next one is: never on another origin, since the request
//! for it has the partner's token.

use http::{HeaderName, HeaderValue};
use mfa_gateway_core::token::is_guid;
use serde::{Deserialize, Serialize};
use url::Url;

/// How many customers a page is asked for, and how many it may have.
const SIZE: usize = 500;
const LARGEST: usize = 5000;

/// The longest value of the field that continues a list.
const MAX_TOKEN: usize = 4096;

/// The field that continues a list.
const CONTINUATION: HeaderName = HeaderName::from_static("ms-continuationtoken");

/// Where a list goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The address.
    url: String,
    /// The value of the field that continues the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// A page of customers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// The tenants of customers, with their names.
    pub(super) customers: Vec<(String, String)>,
    /// How many entries are none of a customer.
    pub(super) odd: usize,
    /// Where the list goes on.
    pub(super) next: Option<Place>,
}

/// Why a page isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PageError {
    #[error("list_malformed")]
    Malformed,
    #[error("list_too_large")]
    TooLarge,
    #[error("list_leads_elsewhere")]
    Elsewhere,
}

#[derive(Deserialize)]
struct Document {
    items: Vec<Item>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: Option<String>,
    company_profile: Option<Profile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    company_name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Links {
    next: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    uri: String,
    #[serde(default)]
    headers: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    key: String,
    value: String,
}

impl Place {
    /// Where a list begins.
    pub(super) fn first(api: &Url) -> Self {
        let mut url = at(api, "customers");
        url.query_pairs_mut().append_pair("size", &SIZE.to_string());
        Self { url: url.into(), token: None }
    }

    /// The place as it was stored; `None` if it isn't of this API.
    pub(super) fn stored(api: &Url, text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::first(api));
        }
        let place: Self = serde_json::from_str(text).ok()?;
        // The configuration may have another API by now.
        place.url().is_some_and(|url| is_below(api, &url)).then_some(place)
    }

    /// As it is stored.
    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Its address.
    pub(super) fn url(&self) -> Option<Url> {
        Url::parse(&self.url).ok()
    }

    /// The header field that it takes.
    pub(super) fn field(&self) -> Option<(HeaderName, HeaderValue)> {
        Some((CONTINUATION, HeaderValue::from_str(self.token.as_deref()?).ok()?))
    }

    fn of(api: &Url, link: Link) -> Result<Self, PageError> {
        // Partner Center's are relative to the version: `/customers?size=500&seekOperation=Next`.
        let relative = link.uri.strip_prefix('/').filter(|rest| !rest.starts_with(['/', '\\']));
        let url = match relative {
            Some(rest) => Ok(at(api, rest.strip_prefix("v1/").unwrap_or(rest))),
            None => Url::parse(&link.uri),
        };
        let url = url.ok().filter(|url| is_below(api, url)).ok_or(PageError::Elsewhere)?;
        let token = link.headers.into_iter().find(|field| field.key.eq_ignore_ascii_case(CONTINUATION.as_str()));
        let token = token.map(|field| field.value);
        let is_odd = |token: &String| token.len() > MAX_TOKEN || HeaderValue::from_str(token).is_err();
        if url.as_str().len() > MAX_TOKEN || token.as_ref().is_some_and(is_odd) {
            return Err(PageError::Malformed);
        }
        Ok(Self { url: url.into(), token })
    }
}

impl Page {
    /// Reads a page.
    pub(super) fn read(api: &Url, bytes: &[u8]) -> Result<Self, PageError> {
        let document: Document = serde_json::from_slice(bytes).map_err(|_| PageError::Malformed)?;
        let all = document.items.len();
        if all > LARGEST {
            return Err(PageError::TooLarge);
        }
        let customers: Vec<_> = document.items.into_iter().filter_map(customer).collect();
        let next = document.links.next.map(|link| Place::of(api, link)).transpose()?;
        Ok(Self { odd: all - customers.len(), customers, next })
    }
}

fn customer(item: Item) -> Option<(String, String)> {
    // It becomes a part of addresses.
    let id = item.id.filter(|id| is_guid(id))?.to_ascii_lowercase();
    let name = item.company_profile.and_then(|profile| profile.company_name).unwrap_or_default();
    Some((id, name.chars().filter(|char| !char.is_control()).take(120).collect()))
}

/// An address below the API's version.
pub(super) fn at(api: &Url, path: &str) -> Url {
    let base = api.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}/v1/{path}")).unwrap_or_else(|_| api.clone())
}

/// Whether an address has the API's origin and stands below its version.
fn is_below(api: &Url, url: &Url) -> bool {
    url.origin() == api.origin()
        && url.username().is_empty()
        && url.password().is_none()
        && url.path().starts_with(at(api, "").path())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const CUSTOMER: &str = "4D3CF487-70f4-4e1e-9ff1-b2bfce8d9f04";

    fn api() -> Url {
        Url::parse("https://api.example/partner/").unwrap()
    }

    fn next(uri: &str) -> Result<Option<Place>, PageError> {
        let page = json!({"items": [], "links": {"next": {"uri": uri, "method": "GET"}}});
        Page::read(&api(), page.to_string().as_bytes()).map(|page| page.next)
    }

    fn read(items: &Value) -> Result<Page, PageError> {
        Page::read(&api(), json!({"items": items}).to_string().as_bytes())
    }

    #[test]
    fn the_next_page_is_of_the_same_api() {
        for uri in ["/customers?size=2", "/v1/customers?size=2", "https://api.example/partner/v1/customers?size=2"] {
            let place = next(uri).unwrap().unwrap();
            assert_eq!(place.url, "https://api.example/partner/v1/customers?size=2", "{uri}");
            assert_eq!(Place::stored(&api(), &place.text()), Some(place));
        }
        for uri in [
            "https://evil.example/partner/v1/customers",
            "http://api.example/partner/v1/customers",
            "https://api.example:8443/partner/v1/customers",
            "https://api.example@evil.example/partner/v1/customers",
            "https://me@api.example/partner/v1/customers",
            "//evil.example/partner/v1/customers",
            "/\\evil.example/partner/v1/customers",
            "/../../../elsewhere",
            "https://api.example/elsewhere",
            "customers",
            "",
        ] {
            assert_eq!(next(uri), Err(PageError::Elsewhere), "{uri}");
        }
        let elsewhere = Place { url: "https://evil.example/partner/v1/customers".to_owned(), token: None };
        assert_eq!(Place::stored(&api(), &elsewhere.text()), None);
        assert_eq!(Place::stored(&api(), ""), Some(Place::first(&api())));
    }

    #[test]
    fn a_list_goes_on_with_the_field_that_it_names() {
        let of = |value: &str| {
            let headers = json!([{"key": "Other", "value": "x"}, {"key": "MS-ContinuationToken", "value": value}]);
            let page = json!({"items": [], "links": {"next": {"uri": "/customers", "headers": headers}}});
            Page::read(&api(), page.to_string().as_bytes()).map(|page| page.next.unwrap().field().unwrap().1)
        };
        assert_eq!(of("abc").unwrap(), "abc");
        assert_eq!(of("a\r\nb").unwrap_err(), PageError::Malformed);
        assert_eq!(of(&"x".repeat(5000)).unwrap_err(), PageError::Malformed);
    }

    #[test]
    fn customers_are_those_with_a_tenant() {
        let items = json!([
            {"id": CUSTOMER, "companyProfile": {"companyName": "Alpine\u{0} Ski House"}},
            {"id": "../../x"}, {"id": null}, {},
        ]);
        let page = read(&items).unwrap();
        assert_eq!(page.customers, [(CUSTOMER.to_lowercase(), "Alpine Ski House".to_owned())]);
        assert_eq!(page.odd, 3);
    }

    #[test]
    fn a_page_that_is_none_or_too_large_is_refused() {
        assert_eq!(read(&json!(vec![json!({}); 5001])), Err(PageError::TooLarge));
        for odd in ["", "[]", "{}", r#"{"items":7}"#, r#"{"items":[{"id":7}]}"#] {
            assert_eq!(Page::read(&api(), odd.as_bytes()), Err(PageError::Malformed), "{odd}");
        }
    }
}
