//! A look at the tags of rendered HTML: which styles it has, and what the pages' policy forbids.
//!
//! It protects nobody: the policy does. It tells an operator beforehand what wouldn't work.

/// A tag that opens an element.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    /// Where the text after it begins.
    end: usize,
}

/// The contents of all `style` elements.
pub(super) fn styles(html: &str) -> impl Iterator<Item = &str> {
    tags(html).filter(|tag| tag.name == "style").filter_map(|tag| {
        let rest = html.get(tag.end..)?;
        rest.get(..rest.to_ascii_lowercase().find("</style")?)
    })
}

/// What the pages' policy forbids, if there is something.
pub(super) fn forbidden(html: &str) -> Option<String> {
    tags(html).find_map(|tag| {
        if matches!(tag.name.as_str(), "script" | "iframe" | "object" | "embed" | "base" | "audio" | "video") {
            return Some(format!("a <{}>", tag.name));
        }
        let loads = |name: &str, value: &str| match (tag.name.as_str(), name) {
            (_, "src" | "srcset" | "poster" | "background") | ("link", "href") => !value.starts_with("data:"),
            _ => false,
        };
        tag.attributes.iter().find_map(|(name, value)| match name.as_str() {
            "style" => Some("a style attribute".to_owned()),
            name if name.starts_with("on") => Some(format!("the attribute {name}")),
            name if loads(name, value) => Some(format!("a <{}> that loads something", tag.name)),
            _ => None,
        })
    })
}

fn tags(html: &str) -> impl Iterator<Item = Tag> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(found) = html.get(at..)?.find('<') {
            let start = at + found + 1;
            let rest = html.get(start..)?;
            at = start;
            if rest.starts_with("!--") {
                at = rest.find("-->").map_or(html.len(), |end| start + end);
            } else if rest.starts_with(|char: char| char.is_ascii_alphabetic()) {
                let tag = read(rest, start);
                at = tag.end;
                // The text of a style isn't markup.
                if tag.name == "style" {
                    let after = html.get(at..)?.to_ascii_lowercase();
                    at = after.find("</style").map_or(html.len(), |end| at + end);
                }
                return Some(tag);
            }
        }
        None
    })
}

/// Reads a tag after its `<`, which stands before `start`.
fn read(rest: &str, start: usize) -> Tag {
    let mut tag = Tag::default();
    let (mut quote, mut word, mut after_equals, mut quoted) = (None, String::new(), false, false);
    let mut words: Vec<(String, bool)> = Vec::new();
    let mut end = rest.len();
    for (index, char) in rest.char_indices() {
        match (quote, char) {
            (Some(open), char) if char == open => quote = None,
            (None, '>') => {
                end = index + 1;
                break;
            }
            (None, '"' | '\'') if after_equals && word.is_empty() => (quote, quoted) = (Some(char), true),
            (None, '=') if !after_equals => {
                if !word.is_empty() {
                    words.push((std::mem::take(&mut word), false));
                }
                (after_equals, quoted) = (true, false);
            }
            (None, char) if char.is_ascii_whitespace() || (char == '/' && !after_equals) => {
                // Blanks may stand around the equals sign.
                if !word.is_empty() || after_equals && quoted {
                    words.push((std::mem::take(&mut word), after_equals));
                    after_equals = false;
                }
            }
            (_, char) => word.push(char),
        }
    }
    words.push((word, after_equals));
    for (word, is_value) in words {
        match tag.attributes.last_mut() {
            Some((_, value)) if is_value => *value = word,
            _ if word.is_empty() => {}
            _ if tag.name.is_empty() => tag.name = word.to_ascii_lowercase(),
            _ => tag.attributes.push((word.to_ascii_lowercase(), String::new())),
        }
    }
    tag.end = start + end;
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_with_their_attributes() {
        let html =
            "<!-- <i> --><A  href = \"/a>b\" hidden class='x y' data-n=3><br/>&lt;b&gt;<style>a > b { }</style >";
        let found: Vec<_> = tags(html).map(|tag| (tag.name, tag.attributes)).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            found[0],
            ("a".to_owned(), vec![pair("href", "/a>b"), pair("hidden", ""), pair("class", "x y"), pair("data-n", "3")])
        );
        assert_eq!(found[1].0, "br");
        assert_eq!(styles(html).collect::<Vec<_>>(), ["a > b { }"]);
    }

    #[test]
    fn what_browsers_would_ignore_is_named() {
        for (html, what) in [
            ("<p><SCRIPT src=a></SCRIPT>", "a <script>"),
            ("<p onclick=\"a()\">", "the attribute onclick"),
            ("<p style='color: red'>", "a style attribute"),
            ("<img src=\"https://example.com/logo.png\" alt=''>", "a <img> that loads something"),
            ("<link rel=stylesheet href=/style.css>", "a <link> that loads something"),
        ] {
            assert_eq!(forbidden(html).as_deref(), Some(what), "{html}");
        }
        assert_eq!(
            forbidden("<p title='a onclick=b'>onclick=\"a\" <img src=\"data:image/png;base64,AA\" alt=\"\">"),
            None
        );
    }
}
