//! What operators ask of vendors.

use http::StatusCode;
use mfa_gateway_core::token::is_guid;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::admin::posted::Question;
use crate::gateway::Notice;

/// The most customers that one request names.
const MOST: usize = 10_000;

/// The longest statement.
const LONGEST: usize = 4000;

/// For which customers something is wanted: all of a partner's, or these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct CustomersQuestion {
    /// The vendor's name.
    pub(in crate::admin) vendor: String,
    /// The partner's name.
    pub(in crate::admin) partner: String,
    /// Whether all customers are meant.
    #[serde(default)]
    pub(in crate::admin) all: bool,
    /// The tenants of those that are meant, otherwise.
    #[serde(default)]
    pub(in crate::admin) customers: Vec<String>,
    /// Whether a consent that is there is taken back and given again. It lacks for a moment.
    #[serde(default)]
    pub(in crate::admin) anew: bool,
}

/// Which partner's stored credentials are gone, and how that is proven.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct PurgedQuestion {
    /// The vendor's name.
    pub(in crate::admin) vendor: String,
    /// The partner's name.
    pub(in crate::admin) partner: String,
    /// How it is proven.
    pub(in crate::admin) how: String,
}

impl Question for CustomersQuestion {
    const UNREADABLE: &'static Notice = &Notice {
        status: StatusCode::BAD_REQUEST,
        code: "malformed_request",
        description: "The body does not say which customers of which partner are meant.",
        remedy: r#"Send `{"vendor": "…", "partner": "…", "all": true}`, or `customers` with at most 10,000 tenant ids in the place of `all`; to have a consent given again, also `"anew": true`."#,
    };

    const BESIDES: usize = 512 << 10;

    fn is_sound(&self) -> bool {
        // Neither all for lack of a list, nor a list that isn't looked at.
        self.all == self.customers.is_empty()
            && self.customers.len() <= MOST
            && self.customers.iter().all(|customer| is_guid(customer))
    }
}

impl Question for PurgedQuestion {
    const UNREADABLE: &'static Notice = &Notice {
        status: StatusCode::BAD_REQUEST,
        code: "malformed_request",
        description: "The body does not say which partner's credentials are gone, or how that is proven.",
        remedy: r#"Send `{"vendor": "…", "partner": "…", "how": "…"}`, where `how` has at most 4,000 characters."#,
    };

    fn is_sound(&self) -> bool {
        let how = self.how.trim();
        let is_text = |char: char| !char.is_control() || matches!(char, '\n' | '\t');
        !how.is_empty() && how.chars().count() <= LONGEST && how.chars().all(is_text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(text: &str) -> bool {
        serde_json::from_str::<CustomersQuestion>(text).is_ok_and(|question| question.is_sound())
    }

    #[test]
    fn all_customers_are_meant_only_where_it_is_said() {
        assert!(sound(r#"{"vendor":"v","partner":"p","all":true}"#));
        assert!(sound(r#"{"vendor":"v","partner":"p","customers":["4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04"]}"#));
        for odd in [
            r#"{"vendor":"v","partner":"p"}"#,
            r#"{"vendor":"v","partner":"p","all":false}"#,
            r#"{"vendor":"v","partner":"p","customers":[]}"#,
            r#"{"vendor":"v","partner":"p","customers":["../x"]}"#,
            r#"{"vendor":"v","partner":"p","all":true,"customers":["4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04"]}"#,
            r#"{"vendor":"v","all":true}"#,
        ] {
            assert!(!sound(odd), "{odd}");
        }
    }
}
