//! Reading a list, and what may be wrong with it.

use std::collections::HashSet;

use super::json::{Entry, entries};
use super::registered::{Account, Registered};
use super::table::{Cell, Fault, Row, Table};

/// How many accounts a list may have.
const MAX_ACCOUNTS: usize = 1_000_000;

const EXPORT: &str = "export the list again: Microsoft Graph's `userRegistrationDetails` has it";

/// Why a list can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListError {
    /// It is in no encoding that is known.
    #[error("it is not UTF-8: save it as UTF-8")]
    Encoding,
    /// Something in it is wrong.
    #[error("line {line}, column {column}: {message}: {fix}")]
    Malformed {
        /// Its line, from 1.
        line: usize,
        /// Its character in the line, from 1.
        column: usize,
        /// What is wrong.
        message: String,
        /// What to do.
        fix: &'static str,
    },
    /// It is too long.
    #[error("it has more than {MAX_ACCOUNTS} accounts: split it by tenant")]
    TooLong,
    /// An entry of a JSON list is wrong.
    #[error("entry {number}: {message}: {fix}")]
    Entry {
        /// Its number, from 1.
        number: usize,
        /// What is wrong.
        message: String,
        /// What to do.
        fix: &'static str,
    },
}

impl From<Fault> for ListError {
    fn from(Fault { line, column, message, fix }: Fault) -> Self {
        Self::Malformed { line, column, message, fix }
    }
}

/// Reads a list: JSON as Microsoft Graph writes it, or CSV with a first row of names.
///
/// # Errors
///
/// If it is neither, or lacks what makes a true share.
pub(crate) fn read(bytes: &[u8]) -> Result<Registered, ListError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ListError::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with(['{', '[']) { json(text, MAX_ACCOUNTS) } else { csv(text, MAX_ACCOUNTS) }
}

/// The columns that count, by their places.
#[derive(Debug, Default)]
struct Columns {
    registered: Option<usize>,
    capable: Option<usize>,
    enabled: Option<usize>,
    user_type: Option<usize>,
    administrator: Option<usize>,
    id: Option<usize>,
    name: Option<usize>,
}

impl Columns {
    /// By the names of the first row: Graph's, and what admin centers make of them. Case and spaces don't matter.
    fn of(row: &Row<'_>) -> Result<Self, Fault> {
        let mut columns = Self::default();
        for (place, cell) in row.cells.iter().enumerate() {
            let plain = |char: &char| char.is_alphanumeric();
            let name: String = cell.text.chars().filter(plain).collect::<String>().to_lowercase();
            let column = match name.as_str() {
                "ismfaregistered" | "mfaregistered" | "multifactorauthenticationregistered" => &mut columns.registered,
                "ismfacapable" | "mfacapable" | "multifactorauthenticationcapable" => &mut columns.capable,
                "accountenabled" | "enabled" => &mut columns.enabled,
                "usertype" => &mut columns.user_type,
                "isadmin" | "admin" => &mut columns.administrator,
                "id" | "objectid" | "userid" => &mut columns.id,
                "userprincipalname" | "upn" => &mut columns.name,
                _ => continue,
            };
            if column.replace(place).is_some() {
                let message = format!("the column `{}` is there twice", cell.text);
                return Err(at(row.line, cell.column, message, "remove one of the two"));
            }
        }
        if columns.registered.or(columns.capable).is_none() {
            let message = "no column says whether an account has MFA registered".to_owned();
            return Err(at(row.line, 1, message, "add the column `isMfaRegistered` (or `isMfaCapable`)"));
        }
        if columns.id.or(columns.name).is_none() {
            let message = "no column names the account".to_owned();
            return Err(at(row.line, 1, message, "add the column `userPrincipalName` or `id`"));
        }
        Ok(columns)
    }
}

fn csv(text: &str, most: usize) -> Result<Registered, ListError> {
    let mut table = Table::new(text);
    let Some(head) = table.next_row()? else {
        return Err(at(1, 1, "the list is empty".to_owned(), EXPORT).into());
    };
    let columns = Columns::of(&head)?;
    let (all_taken_as_enabled, by_capability) = (columns.enabled.is_none(), columns.registered.is_none());
    let mut all = Registered { all_taken_as_enabled, by_capability, ..Registered::default() };
    let mut seen = HashSet::new();
    while let Some(row) = table.next_row()? {
        if row.cells.len() != head.cells.len() {
            let message = format!("the row has {} cells, and the first row {}", row.cells.len(), head.cells.len());
            return Err(at(row.line, 1, message, EXPORT).into());
        }
        let name = [columns.id, columns.name].into_iter().flatten().filter_map(|place| row.cells.get(place));
        let Some(name) = name.into_iter().find(|cell| !cell.text.is_empty()) else {
            return Err(at(row.line, 1, "the account has no name".to_owned(), EXPORT).into());
        };
        if !seen.insert(name.text.to_lowercase()) {
            let message = format!("the account `{}` is listed twice", name.text);
            return Err(at(row.line, name.column, message, "list each account once").into());
        }
        if seen.len() > most {
            return Err(ListError::TooLong);
        }
        if !all.add(account(&columns, &row)?) {
            let place = columns.registered.or(columns.capable).and_then(|place| row.cells.get(place));
            let message = "an enabled account without a word on its MFA".to_owned();
            return Err(at(row.line, place.map_or(1, |cell| cell.column), message, "write `true` or `false`").into());
        }
    }
    Ok(all)
}

fn account(columns: &Columns, row: &Row<'_>) -> Result<Account, Fault> {
    let cell = |place: Option<usize>| place.and_then(|place| row.cells.get(place));
    let flag = |place: Option<usize>| cell(place).map_or(Ok(None), |cell| flag(row.line, cell));
    Ok(Account {
        registered: flag(columns.registered.or(columns.capable))?,
        // A row that doesn't say it counts: nobody leaves the share unseen.
        enabled: flag(columns.enabled)?.unwrap_or(true),
        is_guest: cell(columns.user_type).map(|cell| is_guest(&cell.text)),
        is_administrator: columns
            .administrator
            .map(|_| flag(columns.administrator).map(|is| is == Some(true)))
            .transpose()?,
    })
}

/// Whether a type of user is a guest's. Members of old directories have none.
fn is_guest(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("guest")
}

/// A cell that says yes or no; `None` if it is empty.
fn flag(line: usize, cell: &Cell<'_>) -> Result<Option<bool>, Fault> {
    match cell.text.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" | "capable" | "registered" | "enabled" => Ok(Some(true)),
        "false" | "no" | "0" | "not capable" | "not registered" | "disabled" => Ok(Some(false)),
        _ => {
            let message = format!("`{}` is neither yes nor no", cell.text);
            Err(at(line, cell.column, message, "write `true` or `false`"))
        }
    }
}

fn json(text: &str, most: usize) -> Result<Registered, ListError> {
    let wrong = |error: serde_json::Error| ListError::Malformed {
        line: error.line(),
        column: error.column(),
        message: error.to_string(),
        fix: "write all accounts into one list, as Microsoft Graph does: `{\"value\": […]}`",
    };
    let entries = entries(text).map_err(wrong)?;
    if entries.len() > most {
        return Err(ListError::TooLong);
    }
    let says = |part: fn(&Entry) -> bool| entries.iter().any(part);
    let says_enabled = says(|entry| entry.account_enabled.is_some());
    let says_registered = says(|entry| entry.is_mfa_registered.is_some());
    let (says_type, says_admin) = (says(|entry| entry.user_type.is_some()), says(|entry| entry.is_admin.is_some()));
    let mut all = Registered {
        all_taken_as_enabled: !says_enabled,
        by_capability: !says_registered && !entries.is_empty(),
        ..Registered::default()
    };
    let mut seen = HashSet::new();
    for (at, entry) in entries.iter().enumerate() {
        let wrong = |message: String, fix| ListError::Entry { number: at + 1, message, fix };
        let Some(name) = entry.id.as_ref().or(entry.user_principal_name.as_ref()).filter(|name| !name.is_empty())
        else {
            return Err(wrong("the account has neither `id` nor `userPrincipalName`".to_owned(), EXPORT));
        };
        if !seen.insert(name.to_lowercase()) {
            return Err(wrong(format!("the account `{name}` is listed twice"), "list each account once"));
        }
        let account = Account {
            registered: if says_registered { entry.is_mfa_registered } else { entry.is_mfa_capable },
            enabled: entry.account_enabled.unwrap_or(true),
            is_guest: says_type.then(|| entry.user_type.as_deref().is_some_and(is_guest)),
            is_administrator: says_admin.then_some(entry.is_admin == Some(true)),
        };
        if !all.add(account) {
            return Err(wrong("an enabled account without `isMfaRegistered`".to_owned(), EXPORT));
        }
    }
    Ok(all)
}

fn at(line: usize, column: usize, message: String, fix: &'static str) -> Fault {
    Fault { line, column, message, fix }
}

#[cfg(test)]
mod tests {
    use super::super::registered::Part;
    use super::*;

    fn problem(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn exports_of_graph_and_of_admin_centers_are_read() {
        let graph = "id,userPrincipalName,userType,isAdmin,isMfaRegistered,isMfaCapable,accountEnabled,methodsRegistered\r\n\
                     1,a@x,member,True,True,True,True,\"phone,fido2\"\r\n2,b@x,guest,False,False,False,True,\r\n\
                     3,c@x,member,False,,,False,\r\n";
        let portal = "\u{feff}User principal name;User type;Multifactor authentication capable;Is admin\r\n\
                      a@x;Member;Capable;Yes\r\nb@x;Guest;Not Capable;No\r\n";
        let json = r#"{"@odata.context": "x", "value": [
            {"id": "1", "userPrincipalName": "a@x", "userType": "member", "isAdmin": true, "isMfaRegistered": true},
            {"id": "2", "userType": "guest", "isAdmin": false, "isMfaRegistered": false, "methodsRegistered": []}]}"#;
        for (text, disabled, assumed, capability) in
            [(graph, 1, false, false), (portal, 0, true, true), (json, 0, true, false)]
        {
            let all = read(text.as_bytes()).unwrap();
            assert_eq!(all.enabled, Part { accounts: 2, registered: 1 }, "{text}");
            assert_eq!(all.guests, Some(Part { accounts: 1, registered: 0 }), "{text}");
            assert_eq!(all.administrators, Some(Part { accounts: 1, registered: 1 }), "{text}");
            assert_eq!((all.disabled, all.all_taken_as_enabled, all.by_capability), (disabled, assumed, capability));
        }
    }

    #[test]
    fn a_list_that_does_not_say_who_is_a_guest_or_an_administrator_has_no_such_share() {
        let all = read(b"upn,isMfaRegistered\na,true\n").unwrap();
        assert_eq!((all.guests, all.administrators), (None, None));
        let all = read(br#"[{"id": "1", "isMfaCapable": true}]"#).unwrap();
        assert_eq!((all.guests, all.enabled.percent(), all.by_capability), (None, Some(100), true));
        assert_eq!(read(br#"{"value": []}"#).unwrap().enabled.percent(), None);
    }

    #[test]
    fn a_wrong_list_is_refused_with_the_place_and_the_fix() {
        let cases = [
            ("", "line 1, column 1: the list is empty: export"),
            (
                "upn,enabled\na,true\n",
                "line 1, column 1: no column says whether an account has MFA registered: add the",
            ),
            ("isMfaRegistered\ntrue\n", "line 1, column 1: no column names the account: add"),
            ("upn,UPN,isMfaRegistered\n", "line 1, column 5: the column `UPN` is there twice: remove"),
            ("upn,isMfaRegistered\na,vielleicht\n", "line 2, column 3: `vielleicht` is neither yes nor no: write"),
            ("upn,isMfaRegistered\na,\n", "line 2, column 3: an enabled account without a word on its MFA: write"),
            ("upn,isMfaRegistered\na,true\nA,true\n", "line 3, column 1: the account `A` is listed twice: list"),
            ("upn,isMfaRegistered\na\n", "line 2, column 1: the row has 1 cells, and the first row 2: export"),
            ("upn,isMfaRegistered\n,true\n", "line 2, column 1: the account has no name: export"),
            ("upn,isMfaRegistered\n\"a,true\n", "line 2, column 1: the quoted cell doesn't end: export"),
            ("{\"value\": [\n{\"id\": 1}]}", "line "),
            ("[{\"id\": \"1\"}]", "entry 1: an enabled account without `isMfaRegistered`: export"),
            ("[{\"isMfaRegistered\": true}]", "entry 1: the account has neither `id` nor `userPrincipalName`: export"),
            ("{\"value\": [], \"@odata.nextLink\": \"https://x\"}", "this is one page of several"),
        ];
        for (text, expected) in cases {
            let found = problem(text);
            assert!(found.contains(expected), "{text}: {found}");
        }
        assert_eq!(read(b"u\0p\0n\0\xff\xfe").unwrap_err(), ListError::Encoding);
    }

    #[test]
    fn a_list_of_too_many_accounts_is_refused() {
        let list = "id,isMfaRegistered\n1,true\n2,true\n";
        assert_eq!(csv(list, 1), Err(ListError::TooLong));
        assert!(csv(list, 2).is_ok());
        let list = r#"[{"id": "1", "isMfaRegistered": true}, {"id": "2", "isMfaRegistered": true}]"#;
        assert_eq!(json(list, 1), Err(ListError::TooLong));
    }
}
