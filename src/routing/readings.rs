//! The readings of a path: what servers are known to make of it, in any order and combination.
//!
//! They are found by applying every known step to the path, then to each result, until nothing new comes. So no order of
//! steps has to be foreseen. The number and length of readings are limited; a path that exceeds the limits is refused.

use std::collections::HashSet;
use std::fmt;

use foldhash::fast::RandomState;

use super::encoding::decoded;
use super::rule::PathRule;
use super::spelling::{fold, plain_forms};

/// The most readings of one path, and the most bytes that they and their duplicates have.
const MAX_READINGS: usize = 256;
const MAX_BYTES: usize = 32 << 10;

/// A reading of a path by some server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) text: String,
    pub(super) steps: Steps,
}

/// The steps that lead to a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Steps(u16);

/// One step of a server's normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Percent-encoded bytes are decoded.
    Decode,
    /// Letter case is ignored. Applied to letters that ASCII lacks; all others are compared without case anyway.
    Case,
    /// Letters become plain ones.
    Letters,
    /// A backslash is a slash.
    Backslash,
    /// Empty segments are dropped.
    Merge,
    /// Parameters are cut off.
    Parameters,
    /// The path ends at a question mark, number sign or control character.
    Cut,
    /// Control characters are dropped.
    Controls,
    /// Whitespace around segments is dropped.
    Whitespace,
    /// Dots and whitespace at the end of segments are dropped.
    Dots,
    /// A segment ends at a colon: on Windows, a stream of the file follows.
    Colon,
    /// A plus sign is a space, as in forms.
    Plus,
    /// A slash at the end is dropped or added.
    Slash,
    /// A long name has a short one, as on Windows.
    ShortName,
}

/// Makes the readings that a step leads to; none if it changes nothing.
type Apply = fn(&str) -> Vec<String>;

impl Step {
    const APPLIED: [(Self, Apply); 12] = [
        (Self::Decode, |text| changed(text, decoded(text).into_owned())),
        (Self::Case, |text| if text.is_ascii() { Vec::new() } else { changed(text, fold(text)) }),
        (Self::Letters, |text| if text.is_ascii() { Vec::new() } else { plain_forms(text) }),
        (Self::Backslash, |text| changed_if(text, '\\', |text| text.replace('\\', "/"))),
        (Self::Merge, merged),
        (Self::Parameters, without_parameters),
        (Self::Cut, |text| text.split_once(delimits).map(|(before, _)| before.to_owned()).into_iter().collect()),
        (Self::Controls, |text| changed(text, text.replace(|char: char| char.is_ascii_control(), ""))),
        (Self::Whitespace, |text| by_segment(text, str::trim)),
        (Self::Dots, |text| by_segment(text, |name| name.trim_end_matches(|c: char| c == '.' || c.is_whitespace()))),
        (Self::Colon, |text| by_segment(text, |name| name.split_once(':').map_or(name, |(name, _)| name))),
        (Self::Plus, |text| changed_if(text, '+', |text| text.replace('+', " "))),
    ];

    const fn words(self) -> &'static str {
        match self {
            Self::Decode => "decoded",
            Self::Case => "without regard to letter case",
            Self::Letters => "in plain letters",
            Self::Backslash => "with backslashes as slashes",
            Self::Merge => "without empty segments",
            Self::Parameters => "without parameters",
            Self::Cut => "cut at a delimiter",
            Self::Controls => "without control characters",
            Self::Whitespace => "without whitespace around names",
            Self::Dots => "without dots at the end of names",
            Self::Colon => "cut at a colon",
            Self::Plus => "with + as a space",
            Self::Slash => "with or without a slash at the end",
            Self::ShortName => "with short names for long ones",
        }
    }
}

impl Steps {
    /// These and one more.
    pub(super) fn and(self, step: Step) -> Self {
        Self(self.0 | 1 << step as u16)
    }

    /// Whether one of them is one that only names with a colon or a plus sign have.
    pub(super) fn is_lax(self) -> bool {
        self.0 & (1 << Step::Colon as u16 | 1 << Step::Plus as u16) != 0
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = Step::APPLIED.iter().map(|(step, _)| *step).chain([Step::Slash, Step::ShortName]);
        let taken = all.filter(|step| self.0 & 1 << *step as u16 != 0).map(Step::words);
        f.write_str(&taken.collect::<Vec<_>>().join(", "))
    }
}

/// All readings of a path, itself first; or the rule that one of them breaks, and the reading.
pub(super) fn readings(raw: &str) -> Result<Vec<Reading>, (PathRule, Reading)> {
    let mut readings = vec![Reading { text: raw.to_owned(), steps: Steps::default() }];
    let mut known: HashSet<String, RandomState> = HashSet::default();
    known.insert(raw.to_owned());
    let (mut at, mut bytes) = (0, raw.len());
    while let Some(Reading { text, steps }) = readings.get(at).cloned() {
        for (step, apply) in Step::APPLIED {
            for text in apply(&text) {
                bytes += text.len();
                let reading = Reading { text, steps: steps.and(step) };
                if bytes > MAX_BYTES || readings.len() >= MAX_READINGS {
                    return Err((PathRule::Readings, reading));
                }
                if reading.text.split('/').any(|segment| matches!(segment, "." | "..")) {
                    return Err((PathRule::DotSegment, reading));
                }
                if known.insert(reading.text.clone()) {
                    readings.push(reading);
                }
            }
        }
        at += 1;
    }
    Ok(readings)
}

fn changed(text: &str, to: String) -> Vec<String> {
    if text == to { Vec::new() } else { vec![to] }
}

fn changed_if(text: &str, has: char, change: fn(&str) -> String) -> Vec<String> {
    if text.contains(has) { vec![change(text)] } else { Vec::new() }
}

fn delimits(char: char) -> bool {
    matches!(char, '?' | '#') || char.is_ascii_control()
}

fn by_segment(text: &str, change: fn(&str) -> &str) -> Vec<String> {
    if text.split('/').all(|segment| change(segment).len() == segment.len()) {
        return Vec::new();
    }
    vec![text.split('/').map(change).collect::<Vec<_>>().join("/")]
}

/// Keeps a slash at the end.
fn merged(text: &str) -> Vec<String> {
    if !text.contains("//") {
        return Vec::new();
    }
    let names = text.split('/').filter(|name| !name.is_empty());
    let mut merged = names.fold(String::new(), |merged, name| merged + "/" + name);
    if text.ends_with('/') {
        merged.push('/');
    }
    vec![merged]
}

/// Some servers cut each segment, others the whole path.
fn without_parameters(text: &str) -> Vec<String> {
    let Some((before, _)) = text.split_once(';') else { return Vec::new() };
    let mut cut = by_segment(text, |segment| segment.split_once(';').map_or(segment, |(name, _)| name));
    cut.push(before.to_owned());
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(raw: &str) -> Result<Vec<String>, PathRule> {
        let texts = |readings: Vec<Reading>| readings.into_iter().map(|reading| reading.text).collect();
        readings(raw).map(texts).map_err(|(rule, _)| rule)
    }

    #[test]
    fn steps_combine_in_any_order() {
        for (raw, reading) in [
            ("/v1/%41;x/b", "/v1/A/b"),
            ("/v1%C2%A5admin", "/v1/admin"),
            ("/v1%E2%82%A9admin", "/v1/admin"),
            ("/%EF%BC%85%34%31", "/A"),
            ("/a+/b%23c", "/a/b"),
            ("/a;x%3Fy/b", "/a"),
            ("/a%2541", "/aA"),
            ("/x:y./z", "/x/z"),
            ("/.../a", "/a"),
            ("/%E1%BA%9E", "/ss"),
            ("/a%C2%B4b", "/a/b"),
        ] {
            assert!(texts(raw).unwrap().contains(&reading.to_owned()), "{raw}: {:?}", texts(raw));
        }
    }

    #[test]
    fn a_path_with_a_dot_segment_in_any_reading_is_refused() {
        for raw in [
            "/a/..;x/b",
            "/a/.%C2%AD./b",
            "/a/%EF%BC%8E./b",
            "/a/%E2%80%A5/b",
            "/a%C2%A5..%C2%A5b",
            "/a/..:x",
            "/a/..%23",
        ] {
            assert_eq!(texts(raw), Err(PathRule::DotSegment), "{raw}");
        }
        assert_eq!(texts("/v1/.../x").unwrap(), ["/v1/.../x", "/v1//x", "/v1/x"]);
    }

    #[test]
    fn the_number_and_length_of_readings_are_limited() {
        let path = ["/a+:;x..%23%C2%A5%20b."; 400].concat();
        assert_eq!(texts(&path), Err(PathRule::Readings));
        assert!(texts(&"/%E0%B8%81".repeat(800)).is_ok());
        // As many characters that become delimiters alone as are replaced, and many more.
        assert_eq!(texts("/x║╣◘╠¶§▼¿₩"), Err(PathRule::Readings));
        assert_eq!(texts("/x║╣◘╠¶§▼¿₩⁄∕☺☻♥♦♣♠•○◙♂♀♪♫¤☼►◄↕‼¯▬↨↑↓→←∟↔▲´…¥∖"), Err(PathRule::Readings));
        assert!(texts("/x¿₩∕").is_ok());
    }
}
