//! What an anchor must be, so that hidden bytes around it cannot change what it means.
//!
//! The verifier sees an anchor and nothing of the bytes before it. The anchor proves structure only if it can
//! stand nowhere inside a JSON string: a server writes a quote inside a string as `\"`, so text with a bare
//! quote in the right place forces one reading. The test is mechanical: starting *inside* a string, the
//! anchor must run into something that no JSON text contains; starting *outside*, it must not.

use super::field::Written;

/// Where a JSON text stands between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between tokens, or inside a bare number or word of which `word` bytes have been read.
    Outside { last: u8 },
    /// Inside a string; `fresh` right after the opening quote.
    Inside { fresh: bool },
    /// Inside a string, after a backslash.
    Escaped,
}

/// Reads `text` from `state`; `None` if no JSON text continues so.
fn read(mut state: State, text: &str) -> Option<State> {
    for byte in text.bytes() {
        state = step(state, byte)?;
    }
    Some(state)
}

fn step(state: State, byte: u8) -> Option<State> {
    match state {
        State::Escaped => matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u')
            .then_some(State::Inside { fresh: false }),
        State::Inside { .. } => match byte {
            b'"' => Some(State::Outside { last: b'"' }),
            b'\\' => Some(State::Escaped),
            0..0x20 => None,
            _ => Some(State::Inside { fresh: false }),
        },
        State::Outside { last } => outside(last, byte),
    }
}

/// The token rules that need one byte of memory: which byte may follow `last` outside of a string.
fn outside(last: u8, byte: u8) -> Option<State> {
    let blank = |b: u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t');
    let opens = |b: u8| matches!(b, b'{' | b'[' | b',' | b':');
    // Blanks are looked through: they keep the last byte that was not blank.
    if blank(byte) {
        return Some(State::Outside { last });
    }
    let allowed = match byte {
        // A value or a key begins only after structure that opens a place for it.
        b'"' | b'{' | b'[' => opens(last),
        b',' => !opens(last),
        b'}' => last != b'[' && last != b',' && last != b':',
        b']' => last != b'{' && last != b',' && last != b':',
        b':' => last == b'"',
        // The letters of true, false and null, and the bytes of numbers.
        b'0'..=b'9'
        | b'-'
        | b'+'
        | b'.'
        | b'e'
        | b'E'
        | b'a'
        | b'f'
        | b'l'
        | b'n'
        | b'r'
        | b's'
        | b't'
        | b'u' => last != b'"' && last != b'}' && last != b']',
        _ => false,
    };
    allowed.then_some(if byte == b'"' {
        State::Inside { fresh: true }
    } else {
        State::Outside { last: byte }
    })
}

/// Why a text cannot be an anchor; says what to do.
pub(crate) fn check(anchor: &str, at_start: bool) -> Result<(), &'static str> {
    if !anchor.is_ascii() {
        return Err("an anchor is ASCII text");
    }
    let starts: &[u8] = if at_start { b"," } else { b"{[,:\"}]0e" };
    if !starts.iter().any(|&last| read(State::Outside { last }, anchor).is_some()) {
        return Err("no JSON text contains this anchor; it must begin outside of a string");
    }
    if at_start {
        return Ok(());
    }
    if !matches!(anchor.as_bytes().first(), Some(b'{' | b'[' | b',' | b':' | b'}' | b']')) {
        return Err(
            "an anchor begins with one of { [ , : } ] so that no hidden backslash can precede a quote",
        );
    }
    if read(State::Inside { fresh: false }, anchor).is_some() {
        return Err("this text could stand inside a JSON string, where a user may have written it; \
                    include a key with its quotes and what stands before it, such as ,\"free\":\"");
    }
    Ok(())
}

/// How the value that follows `anchor` is written, or why none can follow.
pub(crate) fn value_after(anchor: &str) -> Result<Written, &'static str> {
    let bytes = anchor.as_bytes();
    let before = |n: usize| bytes.len().checked_sub(n).and_then(|i| bytes.get(i)).copied();
    // Any start that the checker accepted ends alike: only the outside reading survives.
    let end = b"{[,:\"}]0e".iter().find_map(|&last| read(State::Outside { last }, anchor));
    match (end, before(1), before(2)) {
        (Some(State::Inside { fresh: true }), Some(b'"'), Some(b':' | b'[')) => Ok(Written::Quoted),
        (Some(State::Outside { .. }), Some(b':' | b'['), _) => Ok(Written::Bare),
        _ => Err(
            "the anchor before a field ends with : or [ or with one of them and the value's opening quote, \
                  so that the window cannot begin in the middle of a value",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_that_force_structure_pass() {
        for anchor in [r#"{"asset":"ETH","free":""#, r#","uid":"#, r#"},"b":[""#, r#","ok":true,"x":"#] {
            assert_eq!(check(anchor, false), Ok(()), "{anchor}");
        }
    }

    #[test]
    fn anchors_that_fit_into_a_string_fail() {
        for anchor in ["free", r#"free":""#, r#""free":""#, ", ", ":", r#",""#, "{free:"] {
            assert!(check(anchor, false).is_err(), "{anchor}");
        }
    }

    #[test]
    fn a_field_starts_where_a_value_starts() {
        assert_eq!(value_after(r#"{"free":""#), Ok(Written::Quoted));
        assert_eq!(value_after(r#","uid":"#), Ok(Written::Bare));
        assert!(value_after(r#","uid":1"#).is_err());
        assert!(value_after(r#","free":"1"#).is_err());
        assert!(value_after(r#","free""#).is_err());
    }
}
