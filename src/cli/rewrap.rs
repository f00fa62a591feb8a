//! `rewrap`: has the first of `consent_keys` seal every consent of a running gateway.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::given::{DEFAULT_CONFIG, yes_or_no};
use super::print::{print, print_json};
use super::running::Running;
use crate::visible::visible;

#[derive(Debug, clap::Args)]
pub(super) struct Rewrap {
    /// The configuration file of the gateway.
    #[arg(long, short, env = "MFA_GATEWAY_CONFIG", value_name = "FILE", default_value = DEFAULT_CONFIG)]
    pub(super) config: PathBuf,
    #[command(flatten)]
    pub(super) running: Running,
    /// Changes nothing, and says which key files may go.
    #[arg(long, env = "MFA_GATEWAY_REWRAP_CHECK", value_parser = yes_or_no)]
    pub(super) check: bool,
    /// Prints JSON instead of text.
    #[arg(long, env = "MFA_GATEWAY_REWRAP_JSON", value_parser = yes_or_no)]
    pub(super) json: bool,
}

/// Asks the gateway. The exit code is 0 if the first key seals every consent, else 1.
///
/// # Errors
///
/// If the gateway can't be asked.
pub(super) async fn rewrap(args: Rewrap) -> anyhow::Result<ExitCode> {
    let Rewrap { config, running, check, json } = &args;
    let response = running.post(config, "/consents/rewrap", &json!({"check": check})).await?;
    let document = &response.document;
    if *json {
        print_json(document)?;
    } else if response.status == 200 {
        print(&told(document))?;
    } else {
        print(&format!("{}\n", visible(&response.trouble())))?;
    }
    let done = response.status == 200 && is_done(document);
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_done(document: &Value) -> bool {
    document["due"] == json!(0) && document["sealed"].as_array().is_some_and(Vec::is_empty)
}

fn told(document: &Value) -> String {
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let text = |value: &Value| visible(value.as_str().unwrap_or_default()).into_owned();
    let sealed = document["sealed"].as_array().map(Vec::as_slice).unwrap_or_default();
    let [rewrapped, current, due] = ["rewrapped", "current", "due"].map(|name| count(&document[name]));
    let counts =
        format!("rewrapped: {rewrapped}, already current: {current}, due: {due}, can't be opened: {}\n", sealed.len());
    let keys = document["keys"].as_array().map(Vec::as_slice).unwrap_or_default();
    let keys = keys.iter().enumerate().map(|(at, key)| {
        let (id, seals) = (text(&key["id"]), count(&key["consents"]));
        let may_go = if at > 0 && seals == 0 { "; its file may go once every replica has this list" } else { "" };
        format!("key {} of consent_keys ({id}): seals {seals}{may_go}\n", at + 1)
    });
    let sealed = sealed.iter().map(|one| {
        let (consent, key) = (text(&one["consent"]), text(&one["key"]));
        format!(
            "{consent}: the key {key} sealed it, which is none of consent_keys, or the record is damaged; put that key's file \
             back, or give the consent again\n"
        )
    });
    std::iter::once(counts).chain(keys).chain(sealed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_go_only_if_it_seals_nothing_and_is_not_the_first() {
        let keys = json!([{"id": "0a", "consents": 0}, {"id": "0b", "consents": 1}, {"id": "0c", "consents": 0}]);
        let document = json!({"keys": keys, "rewrapped": 0, "current": 0, "due": 1, "sealed": []});
        let text = told(&document);
        let may_go: Vec<_> = text.lines().filter(|line| line.contains("may go")).collect();
        assert!(may_go.len() == 1 && may_go[0].contains("(0c)"), "{text}");
        assert!(!is_done(&document) && !is_done(&json!({})));
    }

    #[test]
    fn a_consent_that_no_key_opens_is_named_with_its_key() {
        let sealed = json!([{"consent": "ni\u{1b}ghtly", "key": "0d"}]);
        let document = json!({"keys": [], "rewrapped": 1, "current": 2, "due": 0, "sealed": sealed});
        let text = told(&document);
        assert!(text.contains("ghtly: the key 0d sealed it") && !text.contains('\u{1b}'), "{text}");
        assert!(!is_done(&document));
    }
}
