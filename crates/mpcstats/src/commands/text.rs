//! Text for a terminal: lines end between words.

use console::{Term, measure_text_width};

/// How many columns a terminal has; none if the text goes elsewhere.
pub fn columns(term: &Term) -> Option<usize> {
    term.is_term().then(|| term.size_checked()).flatten().map(|(_, columns)| usize::from(columns))
}

/// Sentences, none of whose lines is wider than the terminal, as far as words allow. Without one they stay as they are.
pub fn sentences(text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return text.to_owned() };
    let lines = text.split('\n').map(|line| {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        if measure_text_width(line) <= columns {
            return line.to_owned();
        }
        let words = line.split_whitespace().map(str::to_owned);
        format!("{indent}{}", broken(words, columns, "", &indent))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A command to copy, indented by two columns; it goes on in further lines as a shell allows.
pub fn command(words: impl IntoIterator<Item = String>, columns: Option<usize>) -> String {
    format!("  {}\n", broken(words.into_iter(), columns.unwrap_or(usize::MAX), " \\", "    "))
}

/// Words in lines: all but the last end in `end`, all but the first begin with `indent`, as wide as the first one's.
fn broken(words: impl Iterator<Item = String>, columns: usize, end: &str, indent: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words {
        let width = measure_text_width(&word);
        if column > 0 && indent.len() + column + 1 + width + end.len() > columns {
            text += &format!("{end}\n{indent}");
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text += &word;
        column += width;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_break_between_words() {
        let text = "The shared value is not the one\n  that the attestation commits to\nshort";
        let narrow = sentences(text, Some(20));
        assert_eq!(
            narrow,
            "The shared value is\nnot the one\n  that the\n  attestation\n  commits to\nshort"
        );
        assert!(narrow.lines().all(|line| line.len() <= 20), "{narrow}");
        assert_eq!(sentences(text, None), text, "what goes into a file stays as it is");
        assert_eq!(sentences("a-word-too-long here", Some(5)), "a-word-too-long\nhere");
    }

    #[test]
    fn a_broken_command_is_still_one() {
        let words = ["printf", "%s.", "one", "two", "three"].map(str::to_owned);
        for columns in [Some(1), Some(16), Some(80), None] {
            let text = command(words.clone(), columns);
            let said = std::process::Command::new("sh").args(["-c", &text]).output().expect("a shell");
            assert_eq!(String::from_utf8_lossy(&said.stdout), "one.two.three.", "{text}");
        }
    }
}
