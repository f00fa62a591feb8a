//! What a page of the report is asked for, and the links that ask for something else.

use std::fmt::Display;

use serde::Serialize;
use url::form_urlencoded::{Serializer, parse};

use crate::report::Asked;

/// The fields that narrow a report, in the order of their labels.
const FILTERS: [(&str, &str); 5] =
    [("issuer", "Issuer"), ("tenant", "Tenant"), ("application", "Application"), ("route", "Route"), ("user", "User")];

/// The fields of a query, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

/// A filter in force.
#[derive(Debug, Serialize)]
pub(super) struct Filter {
    label: &'static str,
    name: &'static str,
    value: String,
    /// The page without it.
    without: String,
}

impl Fields {
    /// Reads a query; `None` if it isn't one of a page. A form sends empty fields, which say nothing.
    pub(super) fn read(query: &str) -> Option<Self> {
        let mut fields = Self::default();
        for (name, value) in parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let known = matches!(&*name, "from" | "to" | "mfa") || FILTERS.iter().any(|(filter, _)| *filter == name);
            if !known || fields.get(&name).is_some() {
                return None;
            }
            fields.0.push((name.into_owned(), value.into_owned()));
        }
        fields.asked()?;
        Some(fields)
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The same for the report; `None` if a day is none.
    pub(super) fn asked(&self) -> Option<Asked> {
        let day = |name: &str| self.get(name).map(|text| text.parse().ok()).map_or(Some(None), |day| day.map(Some));
        let text = |name: &str| self.get(name).map(str::to_owned);
        Some(Asked {
            from: day("from")?,
            to: day("to")?,
            issuer: text("issuer"),
            tenant: text("tenant"),
            application: text("application"),
            route: text("route"),
            user: text("user"),
            most_users: None,
        })
    }

    /// The same fields, with others set.
    pub(super) fn with(&self, changes: &[(&str, &dyn Display)]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name)).cloned();
        let set = changes.iter().map(|(name, value)| ((*name).to_owned(), value.to_string()));
        Self(kept.chain(set).filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The address of a path with these fields.
    pub(super) fn at(&self, path: &str) -> String {
        if self.0.is_empty() {
            return path.to_owned();
        }
        let query = Serializer::new(String::new()).extend_pairs(&self.0).finish();
        // A path may have a field of its own already.
        let mark = if path.contains('?') { "&" } else { "?" };
        format!("{path}{mark}{query}")
    }

    /// The filters in force.
    pub(super) fn filters(&self, path: &str) -> Vec<Filter> {
        let set = |(name, label): (&'static str, &'static str)| {
            let value = crate::pages::short(self.get(name)?).into_owned();
            Some(Filter { label, name, value, without: self.with(&[(name, &"")]).at(path) })
        };
        FILTERS.into_iter().filter_map(set).collect()
    }

    /// The filters as fields of a form.
    pub(super) fn hidden(&self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, _)| name != "from" && name != "to").cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_strictly_and_empty_fields_say_nothing() {
        let fields = Fields::read("from=2026-11-01&to=&tenant=a%26b").unwrap();
        assert_eq!(fields.asked().unwrap().tenant.as_deref(), Some("a&b"));
        assert_eq!(fields.at("/x"), "/x?from=2026-11-01&tenant=a%26b");
        assert_eq!(
            fields.with(&[("tenant", &""), ("user", &"<u>")]).at("/x?a=b"),
            "/x?a=b&from=2026-11-01&user=%3Cu%3E"
        );
        for wrong in ["from=x", "tenant=a&tenant=b", "who=me"] {
            assert!(Fields::read(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Fields::read("").unwrap().at("/x"), "/x");
    }
}
