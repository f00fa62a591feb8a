//! Exceptions as text for a terminal.

use std::fmt::{Error, Write};

use serde_json::{Value, json};

use super::table::table as columns;
use crate::visible::visible;

fn shown(value: &Value) -> String {
    visible(value.as_str().unwrap_or_default()).into_owned()
}

/// A list.
pub(super) fn table(document: &Value) -> Result<String, Error> {
    let rows = document["exceptions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        return Ok("no exception\n".to_owned());
    }
    let heads = ["ID", "STATE", "OWNER", "FOR", "ENDS", "DUE"].map(str::to_owned);
    let lines: Vec<_> = std::iter::once(heads).chain(rows.iter().map(cells)).collect();
    let mut text = columns(&lines, [false; 6], "");
    if let Some(next) = document["next"].as_str() {
        writeln!(text, "\nthere may be more: --after {}", visible(next))?;
    }
    Ok(text)
}

fn cells(row: &Value) -> [String; 6] {
    let by_configuration = if row["origin"] == json!("configuration") { " (by configuration)" } else { "" };
    let late = if row["overdue"] == json!(true) { " (late)" } else { "" };
    let matched = [("application", "application"), ("user", "user")]
        .into_iter()
        .filter_map(|(member, label)| Some(format!("{label} {}", visible(row[member].as_str()?))));
    [
        shown(&row["id"]),
        format!("{}{by_configuration}", shown(&row["state"])),
        shown(&row["owner"]),
        matched.collect::<Vec<_>>().join(", "),
        shown(&row["ends"]),
        format!("{}{late}", shown(&row["due"])),
    ]
}

/// An exception with its steps.
pub(super) fn detail(document: &Value) -> Result<String, Error> {
    let one = &document["exception"];
    let mut text = String::new();
    let members = [
        ("id", "id"),
        ("origin", "origin"),
        ("state", "state"),
        ("ground", "ground"),
        ("owner", "owner"),
        ("reason", "reason"),
        ("ticket", "ticket"),
        ("software", "software"),
        ("purchaseOrder", "purchase order"),
        ("application", "application"),
        ("user", "user"),
        ("tenant", "tenant"),
        ("issuer", "issuer"),
        ("starts", "begins"),
        ("ends", "ends"),
        ("due", "answer due"),
    ];
    for (member, label) in members {
        if one[member].is_string() {
            writeln!(text, "{label:<14} {}", shown(&one[member]))?;
        }
    }
    if let Some(routes) = one["routes"].as_array() {
        writeln!(text, "{:<14} {}", "routes", routes.iter().map(shown).collect::<Vec<_>>().join(", "))?;
    }
    if let Some(version) = one["version"].as_i64() {
        writeln!(text, "{:<14} {version}", "version")?;
    }
    if let Some(count) = one["used"]["count"].as_i64() {
        let last = one["used"]["last"].as_str().map(|day| format!(", last on {}", visible(day))).unwrap_or_default();
        writeln!(text, "{:<14} {count} times{last}", "used")?;
    }
    for step in document["steps"].as_array().into_iter().flatten() {
        let by = &step["by"];
        let person = [&by["name"], &by["tenant"]].map(shown).into_iter().filter(|text| !text.is_empty());
        let person = person.collect::<Vec<_>>().join(" of ");
        writeln!(text, "\n{}. {} {} by {person}", step["number"], shown(&step["at"]), shown(&step["step"]))?;
        writeln!(text, "   {}\n   {}", shown(&step["shown"]), shown(&step["reason"]))?;
    }
    for (at, file) in document["evidence"].as_array().into_iter().flatten().enumerate() {
        let before = if at == 0 { "\n" } else { "" };
        let [kind, name] = [&file["kind"], &file["name"]].map(shown);
        writeln!(text, "{before}evidence {}: {kind}, {name}, {} bytes", file["number"], file["size"])?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_shows_what_people_wrote_and_does_nothing_of_it() {
        let evil = "a\u{1b}[31m\nb\u{202e}";
        let one = json!({
            "id": "granted-a", "origin": "granted", "state": "requested", "owner": evil, "user": evil, "reason": evil,
            "ends": "2026-12-20T00:00:00.000Z", "due": "2026-12-03T23:00:00.000Z", "overdue": true, "routes": [evil],
        });
        let step =
            json!({"number": 1, "at": "t", "step": "requested", "shown": evil, "reason": evil, "by": {"name": evil}});
        let files = json!([{"number": 1, "kind": "other", "name": evil, "size": 3}]);
        let list = table(&json!({"exceptions": [one.clone()], "next": "1.a"})).unwrap();
        let all = detail(&json!({"exception": one, "steps": [step], "evidence": files})).unwrap();
        for text in [&list, &all] {
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        }
        assert!(list.contains("(late)") && list.contains("--after 1.a") && list.lines().count() == 4, "{list}");
        assert!(all.contains("1. t requested by") && all.contains("evidence 1: other"), "{all}");
        assert_eq!(table(&json!({"exceptions": [], "next": null})).unwrap(), "no exception\n");
    }
}
