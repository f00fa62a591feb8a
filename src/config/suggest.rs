//! Suggestions for an unknown word.

/// How many words a text lists. A file can have thousands of names, and as many problems with them.
const MOST_LISTED: usize = 50;

/// "did you mean …?" for the nearest word, else all of them.
pub(super) fn suggest(word: &str, known: &[&str]) -> String {
    // Letter case counts least.
    let nearest = known.iter().map(|one| {
        let in_small = distance(&word.to_lowercase(), &one.to_lowercase());
        (in_small, distance(word, one), *one)
    });
    match nearest.min() {
        Some((distance, _, one)) if distance <= 1 + one.len() / 4 => format!("did you mean `{one}`?"),
        _ => one_of(known),
    }
}

/// The same where nothing is near.
pub(super) fn one_of(known: &[&str]) -> String {
    match known.len() {
        0 => "remove it".to_owned(),
        count if count > MOST_LISTED => format!("write one of the {count} that the file has"),
        _ => format!("write one of {}", quoted(known)),
    }
}

/// The words, as a text lists them.
pub(super) fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// The edit distance of Levenshtein.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, char) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (place, theirs) in other.iter().enumerate() {
            let substituted = diagonal + usize::from(char != *theirs);
            diagonal = row[place + 1];
            row[place + 1] = substituted.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}
