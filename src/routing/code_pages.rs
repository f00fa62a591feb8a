//! The characters that Windows replaces by ASCII ones where a code page lacks them (its "best fit").
//!
//! The data is Microsoft's, from the `WindowsBestFit` tables that Unicode publishes and from ICU's tables of the same code
//! pages: all ANSI, OEM, ISO and Macintosh code pages of Windows that contain ASCII. Left out are the national variants of
//! ISO 646 (20105 to 20108), T.61 and private characters, and characters that Unicode's NFKD turns into the same letter.
//! A letter that no page replaces has the replacement of its other case, or the two would no longer fold alike.

use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::RandomState;

/// The replacements of code pages that agree.
#[derive(Debug)]
pub(super) struct Page(HashMap<char, char, RandomState>);

impl Page {
    /// The replacement of a character. Letters are in lower case.
    pub(super) fn fit(&self, char: char) -> Option<char> {
        self.0.get(&char).or_else(|| SHARED_FITS.0.get(&char)).copied()
    }
}

/// All groups of code pages.
pub(super) fn pages() -> &'static [Page] {
    &PAGE_FITS
}

/// Whether code pages replace a character, and whether they all replace it by the same one.
pub(super) fn replaces(char: char) -> Option<bool> {
    if char.is_ascii() {
        None
    } else if PAGE_FITS.iter().any(|page| page.0.contains_key(&char)) {
        Some(false)
    } else {
        SHARED_FITS.0.contains_key(&char).then_some(true)
    }
}

/// The delimiters of a path that code pages make of a character, each once; mostly none.
pub(super) fn delimiters(char: char) -> &'static [char] {
    DELIMITERS.get(&char).map_or(&[], Vec::as_slice)
}

static DELIMITERS: LazyLock<HashMap<char, Vec<char>, RandomState>> = LazyLock::new(|| {
    let mut all: HashMap<char, Vec<char>, RandomState> = HashMap::default();
    for (char, fit) in PAGE_FITS.iter().chain([&*SHARED_FITS]).flat_map(|page| &page.0) {
        let known = all.get(char).is_some_and(|fits| fits.contains(fit));
        if is_delimiter(*fit) && !known {
            all.entry(*char).or_default().push(*fit);
        }
    }
    all
});

fn is_delimiter(char: char) -> bool {
    matches!(char, '/' | '\\' | '.' | ';' | '?' | '#') || char.is_ascii_control()
}

static SHARED_FITS: LazyLock<Page> = LazyLock::new(|| read(SHARED));

static PAGE_FITS: LazyLock<Vec<Page>> = LazyLock::new(|| PAGES.iter().map(|words| read(words)).collect());

/// Reads words: an ASCII character, and those that it replaces.
fn read(words: &str) -> Page {
    let pairs = words.split(' ').filter_map(|word| {
        let mut chars = word.chars();
        let fit = chars.next()?;
        Some(chars.map(move |char| (char, fit)))
    });
    Page(pairs.flatten().collect())
}

/// The replacements on which all code pages agree that have any.
const SHARED: &str = "\x06║ \x07∙⋅・ \x08╣◘ \x0a╠ \x14¶ \x15§ \x16\u{2c9}\u{304}\u{305} \x1f▼ !¡ǃ \"¨\u{308}\u{30e}“”″❝❞〝〞〟 %٪‰ \
    '\u{2bb}\u{2bc}\u{2c8}˙’′❛❜ (⌠ )⌡ *∗ +±†‡┐├┤┼╓╕╖╪╫ ,¸\u{327} -¬∓─│╧╨▀█░▒▓ /⁄∕ 0\u{660} 1¼½\u{661} 2\u{662} \
    3\u{663} 4\u{664} 5\u{665} 6\u{666} 7\u{667} 8\u{668}∞ 9\u{669} :։∶ <«‹≫\u{2329}〈 =≡≤≥ >»›\u{232a}〉》 ?¿ [〚 \\₩ \
    ^˄\u{2c6}\u{2c7}˘\u{302}\u{306}\u{30c}⌃ _\u{2cd}\u{331}\u{332}\u{30fc} aÆæΑα bƀɃ c¢© dÐĐđƉɖΔδ eΕεℇ℮ fƑƒɸΦφ \
    gǤǥɡΓγꞬ hĦħҺһ iıƗɨ kĸ l£ŁłƚȽ₤ nŊŋ∩ o°ØøŒœƟɵΩω\u{2126}∅ pΠπ₧℘ r® sßƩʃΣσ∑ tŦŧƫƮʈΘΤθτ™ uµΜμ v√✓ x× zƵƶ |¦ǀ∣❘ \
    ~˜\u{303}∼≈ \x7f⌂";

/// The others, by groups of code pages whose replacements don't contradict each other.
const PAGES: [&str; 13] = [
    // 720, 737, 860, 874, 949, 1255, 1256, 1257, 1258, 1361, 10003, 20269, 20949, 51949.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07•․ \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f¤☼ \x10► \x11◄ \x12↕ \
     \x13‼ \x16¯▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„ '\u{2b9}‘ ,‚ .… /´\u{2ca}\u{301} 3¾ \
     \\Š∖ ]〛 _\u{ad}‐‑–—‗− `\u{2cb}\u{300}‵ dð o\u{20dd}〇 tÞþ y¥ |š",
    // 861, 865.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07•․… \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f¤☼ \x10► \x11◄ \x12↕ \
     \x13‼ \x16¯▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„ '\u{2b9}‘‚‵ -‐‑–— /´\u{2ca}\u{301} \
     3¾ \\∖ ]〛 _\u{ad}‗− `\u{2cb}\u{300} dð o\u{20dd}〇 tÞþ y¥",
    // 437, 862, 28603.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07• \x09\u{20dd}○〇 \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f¤☼ \x10► \x11◄ \
     \x12↕ \x13‼ \x16▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba} '´\u{2b9}\u{2ca}\u{301} ,‚„ \
     -\u{ad}‐‑–—− .… \\∖ ]〛 _¯¾Þþ‗ `\u{2cb}\u{300}‘‵ dð",
    // 863.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07•․… \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f☼ \x10► \x11◄ \x12↕ \
     \x13‼ \x16\u{ad}▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2b9}„ '\u{2ba}‘‚‵ -‐‑–— 3¹ \\∖ ]〛 _− \
     `\u{2cb}\u{300} dð o\u{20dd}〇 tÞþ y¥",
    // 775, 852, 936, 51936.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07·•․… \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f☼ \x10► \x11◄ \x12↕ \
     \x13‼ \x16▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„‵ '\u{2b9}‘‚ -\u{ad}‐‑–—− 3¾ \\∖ ]〛 \
     `\u{2cb}\u{300} cè eð tÞþ y¥",
    // 857, 932, 10001, 51932.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07•․… \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f☼ \x10► \x11◄ \x12↕ \
     \x13‼ \x16▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„‵ '\u{2b9}‘‚ -\u{ad}‐‑–—− \\¥∖ \
     `\u{2cb}\u{300} dð tÞþ }〛",
    // 850, 858, 950, 10002.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07•․ \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f☼ \x10► \x11◄ \x12↕ \x13‼ \
     \x16▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„ '\u{2cb}\u{300}‘‚ -\u{ad}‐‑–—− .… /∖ 9⁸ ]〛 \
     eð o\u{20dd}〇 tÞþ",
    // 1250, 1251, 1253, 20127, 28591, 28592, 28593, 28594, 28595, 28596, 28597, 28598, 28599, 38598.
    "!‼ \"\u{2ba}„ $¤ '\u{2b9}‘ +┴╬♀ ,‚ -\u{ad}‐‑–—↔−┌┘╒╔╛╜╝▄▬ .·•… /´ 0○◙☼ 3¾ <←◄ =═ >→►♂ \\∖ ]〛 ^↑▲ \
     `\u{2cb}\u{300}‵ dð♪♫ l∟└╘╙╚ o☺☻ t┬╤╥╦ v↓ y¥ |↕↨",
    // 1254.
    "!‼ \"\u{2ba} '\u{2b9} +┴╬♀ -‐‑↔−┌┘╔╝▄▬ 0₁○◙☼ <◄ =═〛 >►♂ \\∖ ^↑▲ `\u{2cb}\u{300}‵ d♪♫ l∟└╚ o☺☻ t┬╦ v↓ |↕↨",
    // 855, 1252.
    "\x01☺ \x02☻ \x07·• \x09○ \x0a◙ \x0b♂ \x0c♀ \x0f☼ \x10► \x11◄ \x12↕ \x13‼ \x16▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \
     \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„ '\u{2b9}‘‚ +┌└┘╒╔╗╘╙╚╛╜╝╬ -‐‑–—−┬┴═╤╥╦╩ :… =‗ \\∖ ]〛 _▄ `\u{2cb}\u{300}‵ d♪♫ \
     \x7f♠♣♥♦",
    // 866, 20866, 21866.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07• \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f☼ \x10► \x11◄ \x12↕ \x13‼ \
     \x16▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"„ '‘‚ -\u{ad}–— :…",
    // 869.
    "\x01☺ \x02☻ \x03♥ \x04♦ \x05♣ \x06♠ \x07• \x09○ \x0a◙ \x0b♂ \x0c♀ \x0d♪ \x0e♫ \x0f☼ \x10► \x11◄ \x12↕ \x13‼ \
     \x16–—▬ \x17↨ \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"„ :… o¤ y¥",
    // 864, 28605.
    "\x01☺ \x02♪ \x03♫ \x04☼ \x05═ \x07╬ \x09╦ \x0b╩ \x0c╗ \x0d╔ \x0e╚ \x0f╝ \x10► \x11◄ \x12↕ \x13‼ \x16▬ \x17↨ \
     \x18↑ \x19↓ \x1a→ \x1b← \x1c∟ \x1d↔ \x1e▲ \"\u{2ba}„ '\u{2b9}‘ ,‚ -‐‑–— .•… `\u{2cb}\u{300}‵ tŨũ",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_has_its_own_replacements() {
        let fits = |char| pages().iter().filter_map(|page| page.fit(char)).collect::<std::collections::BTreeSet<_>>();
        for (char, expected) in [
            ('¥', "\\y"),
            ('₩', "\\"),
            ('´', "'/"),
            ('∕', "/"),
            ('∖', "/\\"),
            ('‰', "%"),
            ('¿', "?"),
            ('•', "\u{7}."),
            ('Ð', "d"),
            ('ð', "de"),
            ('∞', "8"),
        ] {
            assert_eq!(fits(char), expected.chars().collect(), "{char}");
        }
        assert_eq!((replaces('客'), replaces('a'), replaces('ω')), (None, None, Some(true)));
    }
}
