//! How servers transform the letters of a path, beyond RFC 3986.

use icu_normalizer::DecomposingNormalizerBorrowed;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;

const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMBINING: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();

/// Windows drops dots and spaces at the end of a file's name, and many frameworks drop the spaces around one; Windows
/// also reads the text after a colon as a stream of the file. `None` if there is nothing to drop.
pub(super) fn trim_segments(path: &str) -> Option<String> {
    if !path.contains(|char: char| matches!(char, '.' | ':') || char.is_whitespace()) {
        return None;
    }
    let at_the_end = |char: char| char == '.' || char.is_whitespace();
    let name = |segment: &str| {
        segment.split_once(':').map_or(segment, |(name, _)| name).trim_end_matches(at_the_end).trim_start().to_owned()
    };
    // Some names become empty, and many servers drop empty segments.
    let mut trimmed =
        path.split('/').map(name).filter(|name| !name.is_empty()).fold(String::new(), |path, name| path + "/" + &name);
    if trimmed.is_empty() || path.ends_with('/') {
        trimmed.push('/');
    }
    (trimmed != path).then_some(trimmed)
}

/// Whether a server might turn a character into a delimiter, by compatibility normalisation (Unicode's NFKC: small
/// forms, leaders, signs such as `℀`) or by Windows' best fit, or drop it from between two because it has no width
/// (Unicode's `Default_Ignorable_Code_Point`).
pub(super) fn normalises_to_delimiter(char: char) -> bool {
    let delimits = |char| {
        matches!(
            char,
            '.' | '/'
                | '\\'
                | '?'
                | '#'
                | ';'
                | '%'
                | '\u{37e}'
                | '\u{66a}'
                | '\u{2044}'
                | '\u{2215}'
                | '\u{2216}'
                | '\u{3002}'
                | '\u{ff61}'
        )
    };
    let has_no_width = matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    );
    let is_full_width = ('\u{ff01}'..='\u{ff5e}').contains(&char);
    // Windows maps box-drawing characters to `+`, `-` and others.
    let is_of_box = ('\u{2500}'..='\u{257f}').contains(&char);
    !char.is_ascii()
        && (has_no_width || is_full_width || is_of_box || NFKD.normalize_iter([char].into_iter()).any(delimits))
}

/// A path's form under the laxest comparisons: without regard to letter case and to everything that [`plain`] removes.
pub(super) fn fold(path: &str) -> String {
    if path.is_ascii() { path.to_ascii_lowercase() } else { fold_plain(&plain(path)) }
}

/// The same for a path that is [`plain`].
pub(super) fn fold_plain(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    // Upper case first: some letters have no lower case and the same upper case as another.
    path.to_uppercase().to_lowercase()
}

/// A text without regard to the composition of its letters, to accents, and to forms that are equivalent by
/// compatibility (Unicode's NFKD) or by Windows' best fit.
pub(super) fn plain(text: &str) -> String {
    let is_mark = |char: &char| COMBINING.get_u8(*char) != 0;
    NFKD.normalize_iter(text.chars()).filter(|char| !is_mark(char)).map(best_fit).collect()
}

/// The ASCII character that Windows substitutes for one that its code page lacks (Microsoft's best fit for
/// Windows-1252), where NFKD leaves that unchanged. Letters have both cases, whichever of them Windows maps, or they
/// would no longer fold alike.
fn best_fit(char: char) -> char {
    match char {
        'Α' | 'α' => 'a',
        'ƀ' | 'Ƀ' => 'b',
        'Đ' | 'đ' | 'Ð' | 'ð' | 'Δ' | 'δ' => 'd',
        'Ε' | 'ε' | 'Ɛ' | 'ɛ' | '℮' => 'e',
        'Φ' | 'φ' => 'f',
        'Ǥ' | 'ǥ' | 'Γ' | 'γ' | 'ɡ' | 'Ɡ' => 'g',
        'Ħ' | 'ħ' | 'Һ' | 'һ' => 'h',
        'ı' | 'Ɨ' | 'ɨ' => 'i',
        'Ł' | 'ł' | 'ƚ' | 'Ƚ' => 'l',
        '∩' => 'n',
        'Ø' | 'ø' | 'Ɵ' | 'ɵ' | 'Ω' | 'ω' => 'o',
        'Π' | 'π' | '℘' | '₧' => 'p',
        'Σ' | 'σ' | 'ς' => 's',
        'Ŧ' | 'ŧ' | 'ƫ' | 'Ʈ' | 'ʈ' | 'Θ' | 'θ' | 'Τ' | 'τ' => 't',
        '√' => 'v',
        'Ƶ' | 'ƶ' => 'z',
        '∞' => '8',
        'ǃ' => '!',
        'ʹ' | 'ʼ' | 'ˈ' | '′' => '\'',
        '∗' => '*',
        '‐' | '−' => '-',
        '։' | '∶' => ':',
        '≡' | '≤' | '≥' => '=',
        'ˍ' | '▄' => '_',
        '∼' | '≈' => '~',
        other => other,
    }
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

    #[test]
    fn forms_of_one_letter_fold_to_it() {
        for text in ["CAFÉ", "cafe\u{301}", "café", "ｃａｆｅ", "𝐜afé", "caﬀe".replace('ﬀ', "f").as_str()]
        {
            assert_eq!(fold(text), "cafe", "{text}");
        }
        assert_eq!(fold("ﬁLE ② Łódź ıŞ ſ ß"), "file 2 lodz is s ss");
        assert_eq!(fold("客户"), "客户");
        assert_eq!(fold("αδmιɡһ√∩∞ ℘∼‐"), "admιghvn8 p~-");
        assert_eq!(fold("ΛΌΓΟΣ ΘΩΦ"), fold("λόγος θωφ"));
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
