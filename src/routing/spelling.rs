//! How servers transform the letters of a path, beyond RFC 3986.

use std::collections::{BTreeSet, HashSet};

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

use super::code_pages::{Page, delimiters, pages, replaces};

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMBINING: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();

/// How many characters are replaced alone. A path with more has more readings than may be, and is refused: this many
/// already have 512 combinations.
const MAX_ALONE: usize = 9;

/// A text without regard to letter case: Unicode's full case folding, and `ı` as `i`. Some letters reach that by way of
/// their lower case (`ẞ`), others by way of their upper case (`ſ`).
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase().to_uppercase().to_lowercase() }
}

/// What servers make of the letters that ASCII lacks. First, their form without accents and characters of no width, by
/// compatibility (Unicode's NFKD); then the same with Windows' best fit, for each group of code pages that differs.
pub(super) fn plain_forms(text: &str) -> Vec<String> {
    let mut forms: Vec<String> = vec![text.chars().flat_map(parts).collect()];
    let replaced = text.chars().filter(|char| !char.is_ascii()).flat_map(|char| parts(char).chain([char]));
    let (mut any, mut disputed) = (false, BTreeSet::new());
    for (char, agreed) in replaced.filter_map(|char| Some((char, replaces(char)?))) {
        any = true;
        if !agreed {
            disputed.insert(char);
        }
    }
    // A long text is only converted for pages that differ in what they make of it.
    let mut known = HashSet::new();
    let mut differs = |page: &&Page| known.insert(disputed.iter().map(|char| page.fit(*char)).collect::<Vec<_>>());
    for page in pages().iter().filter(|page| any && differs(page)) {
        let form = fitted(text, page);
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    // A page may keep one character beside another that it makes a delimiter of: each of those is also replaced alone.
    let delimits = |char: &char| !char.is_ascii() && !delimiters(*char).is_empty();
    for char in text.chars().filter(delimits).collect::<BTreeSet<_>>().into_iter().take(MAX_ALONE) {
        forms.extend(delimiters(char).iter().map(|fit| text.replace(char, fit.encode_utf8(&mut [0; 4]))));
    }
    forms
}

/// All forms of a text that servers may compare with another's, without regard to letter case.
pub(super) fn folded_forms(text: &str) -> Vec<String> {
    let mut forms = vec![fold(text)];
    if !text.is_ascii() {
        forms.extend(plain_forms(text).iter().map(|form| fold(form)));
        forms.sort_unstable();
        forms.dedup();
    }
    forms
}

fn fitted(text: &str, page: &Page) -> String {
    let mut form = String::with_capacity(text.len());
    for char in text.chars() {
        match page.fit(char) {
            Some(fit) => form.push(fit),
            None => form.extend(parts(char).map(|part| page.fit(part).unwrap_or(part))),
        }
    }
    form
}

/// The letters of a character's compatibility decomposition.
fn parts(char: char) -> impl Iterator<Item = char> {
    let is_mark = |char: &char| !char.is_ascii() && (COMBINING.get_u8(*char) != 0 || has_no_width(*char));
    let stop = |char| if matches!(char, '\u{3002}' | '\u{ff61}') { '.' } else { char };
    NFKD.normalize_iter([char].into_iter()).filter(move |char| !is_mark(char)).map(stop)
}

/// Whether a character has no width (Unicode's `Default_Ignorable_Code_Point`): many servers drop it.
fn has_no_width(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a segment may be the short name (8.3) that Windows gives to a long one: some of its first letters, a tilde and a
/// number, and perhaps an extension. Both are folded.
pub(super) fn may_abbreviate(short: &str, long: &str) -> bool {
    let (name, extension) = short.split_once('.').unwrap_or((short, ""));
    let Some((base, number)) = name.split_once('~') else { return false };
    let has_form = (1..=6).contains(&base.len())
        && (1..=6).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && extension.len() <= 3;
    // For many similar names, Windows keeps only two letters and replaces the others.
    has_form && (!long.is_ascii() || base.bytes().zip(long.bytes()).take(2).all(|(one, other)| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(text: &str) -> Vec<String> {
        plain_forms(text).iter().map(|form| fold(form)).collect()
    }

    #[test]
    fn letters_fold_alike_in_every_case() {
        for (one, other) in [
            ("ẞ", "ss"),
            ("ß", "ss"),
            ("ſ", "s"),
            ("\u{212a}", "k"),
            ("ı", "i"),
            ("ﬁ", "fi"),
            ("ΛΌΓΟΣ", "λόγοσ"),
            ("Å", "å"),
        ] {
            assert_eq!(fold(one), fold(other), "{one}");
        }
    }

    #[test]
    fn forms_of_one_letter_have_a_form_in_common() {
        for text in ["CAFÉ", "cafe\u{301}", "café", "ｃａｆｅ", "𝐜afé", "c\u{200b}afe", "caƒε"] {
            assert!(forms(text).contains(&"cafe".to_owned()), "{text}");
        }
        assert_eq!(forms("ﬁLE ② İŞ"), ["file 2 is"]);
        assert_eq!(forms("客户"), ["客户"]);
        assert!(forms("αδμιɡһ√∩∞ ℘∼‐").contains(&"adu\u{3b9}ghvn8 p~-".to_owned()));
    }

    #[test]
    fn a_code_page_replaces_all_letters_or_none() {
        let forms = forms("¥¿ð");
        assert!(forms.contains(&"\\?d".to_owned()) && forms.contains(&"y?e".to_owned()), "{forms:?}");
        assert!(!forms.contains(&"\\?e".to_owned()), "{forms:?}");
    }

    #[test]
    fn a_code_page_may_keep_what_others_replace_beside_a_delimiter() {
        for (text, expected) in [("¥∕", ["\\/", "\\∕", "y/", "¥/"]), ("₩∕", ["\\/", "\\∕", "₩/", "\\/"])]
        {
            let forms = forms(text);
            for form in expected {
                assert!(forms.contains(&form.to_owned()), "{form}: {forms:?}");
            }
        }
    }

    #[test]
    fn short_names_stand_for_long_ones_that_begin_alike() {
        for short in ["admini~1", "ad~1", "ad1b2c~1", "admini~12.htm", "a~1"] {
            assert!(may_abbreviate(short, "administration"), "{short}");
        }
        for other in ["admin", "users~1", "~1", "admini~", "admini~x", "administ~1", "ad~1.html", "admini~1/x"] {
            assert!(!may_abbreviate(other, "administration"), "{other}");
        }
    }
}
