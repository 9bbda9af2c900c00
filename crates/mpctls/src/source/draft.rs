//! Drafts: anchors proposed from a sample response, so that nobody writes them by hand.
//!
//! A field is named by a path: keys joined by dots, `[2]` for an element of a list, `[asset=ETH]` for the element
//! whose key has a value. The anchor is the shortest text before the value that passes the checker and appears
//! once.

use std::fmt::Write as _;
use std::ops::Range;

use super::field::Written;
use super::{SourceError, Visibility, anchor};

/// A field to draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The field's name.
    pub name: String,
    /// Where its value is.
    pub path: String,
    /// Who gets to see it.
    pub visibility: Visibility,
}

/// A drafted field: where its anchor and value stand in the sample.
struct Place<'a> {
    draft: &'a Draft,
    anchor: Range<usize>,
    value: Range<usize>,
    written: Written,
}

/// How much longer than the sample's a window is made, so that larger values fit.
const ROOM: usize = 8;

/// Proposes `[response]` and `[[fields]]` for a sample body.
///
/// # Errors
/// [`SourceError::Response`] if a path leads nowhere or no anchor can be found.
pub fn draft(body: &str, drafts: &[Draft]) -> Result<String, SourceError> {
    let refuse = |why: String| Err(SourceError::Response(why));
    let mut places = Vec::new();
    for draft in drafts {
        let value = Scanner { text: body, at: 0 }.find(&draft.path).ok_or_else(|| {
            SourceError::Response(format!("the path {} leads to no plain value in this sample", draft.path))
        })?;
        places.push(place(body, draft, value)?);
    }
    places.sort_by_key(|place| place.anchor.start);
    let mut layout = String::new();
    let mut at = 0;
    for place in &places {
        if place.anchor.start < at {
            return refuse(format!("the anchor of {} overlaps another field", place.draft.name));
        }
        if place.anchor.start > at {
            let _infallible = writeln!(layout, "  {{ skip = {} }},", generous(place.anchor.start - at));
        }
        let text = toml::Value::String(body[place.anchor.clone()].to_owned());
        let _infallible =
            writeln!(layout, "  {{ anchor = {text} }},\n  {{ field = \"{}\" }},", place.draft.name);
        at = match place.draft.visibility {
            Visibility::Private => place.value.start + window(place),
            Visibility::Disclosed => place.value.end + 1,
        };
        if at > body.len() {
            return refuse(format!("the window of {} would reach beyond the body's end", place.draft.name));
        }
    }
    let _infallible = writeln!(layout, "  {{ skip = {} }},", generous(body.len() - at));
    let mut out = format!("[response]\nbody = [\n{layout}]\n");
    for place in &places {
        out.push_str(&field(place, &body[place.value.clone()]));
    }
    Ok(out)
}

/// A skip with room for a response four times as long.
fn generous(length: usize) -> usize {
    (4 * length).max(256).next_power_of_two()
}

fn window(place: &Place<'_>) -> usize {
    place.value.len() + 1 + ROOM
}

/// Finds the anchor of a value.
fn place<'a>(body: &str, draft: &'a Draft, value: Range<usize>) -> Result<Place<'a>, SourceError> {
    let mut why = "there is no structure before it";
    for start in (value.start.saturating_sub(512)..value.start).rev() {
        let Some(text) = body.get(start..value.start) else { continue };
        if !matches!(text.as_bytes().first(), Some(b'{' | b'[' | b',' | b':' | b'}' | b']')) {
            continue;
        }
        match (anchor::check(text, start == 0), anchor::value_after(text)) {
            (Ok(()), Ok(written)) if body.matches(text).count() == 1 => {
                return Ok(Place { draft, anchor: start..value.start, value, written });
            }
            (Ok(()), Ok(_)) => why = "every text before it appears more than once",
            (Err(reason), _) | (_, Err(reason)) => why = reason,
        }
    }
    Err(SourceError::Response(format!("no anchor for {}: {why}", draft.name)))
}

/// A `[[fields]]` entry; the type is guessed from the sample.
fn field(place: &Place<'_>, value: &str) -> String {
    let visibility = match place.draft.visibility {
        Visibility::Private => "private",
        Visibility::Disclosed => "disclosed",
    };
    let number = value.parse::<f64>().is_ok();
    let kind = match value.split_once('.') {
        _ if matches!(value, "true" | "false") && place.written == Written::Bare => {
            "type = \"boolean\"".to_owned()
        }
        Some((_, fraction)) if number => {
            format!("type = \"decimal\"\nscale = {}\nmin = 0\nmax = {}", fraction.len(), room(place))
        }
        None if number => format!("type = \"integer\"\nmin = 0\nmax = {}", room(place)),
        _ if place.draft.visibility == Visibility::Disclosed => "type = \"text\"".to_owned(),
        _ => format!("type = \"category\"\ncategories = [{}]", toml::Value::String(value.to_owned())),
    };
    format!(
        "\n[[fields]]\nname = \"{}\"\nvisibility = \"{visibility}\"\n{kind}\nunit = \"\"\nwindow = {}\n",
        place.draft.name,
        window(place)
    )
}

/// The largest number that fits into the window, within what a source can name.
fn room(place: &Place<'_>) -> i64 {
    let digits = (window(place) - 2).min(15) as u32;
    10i64.pow(digits) - 1
}

/// Walks over a JSON text and keeps positions.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Where the value at `path` stands, without its quotes; `None` if it is not there or is a list or an object.
    fn find(&mut self, path: &str) -> Option<Range<usize>> {
        for step in steps(path)? {
            self.blanks();
            match step {
                Step::Key(key) => self.enter_key(key)?,
                Step::Index(index) => self.enter_index(index)?,
                Step::Where(key, value) => self.enter_where(key, value)?,
            }
        }
        self.blanks();
        let range = self.value()?;
        match self.text.as_bytes()[range.start] {
            b'{' | b'[' => None,
            b'"' => Some(range.start + 1..range.end - 1),
            _ => Some(range),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.blanks();
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    /// Steps over a value; its range.
    fn value(&mut self) -> Option<Range<usize>> {
        self.blanks();
        let mut stream =
            serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<serde::de::IgnoredAny>();
        stream.next()?.ok()?;
        let range = self.at..self.at + stream.byte_offset();
        self.at = range.end;
        Some(range)
    }

    fn string(&mut self) -> Option<&'a str> {
        let range = self.value()?;
        self.text[range].strip_prefix('"')?.strip_suffix('"')
    }

    fn enter_key(&mut self, wanted: &str) -> Option<()> {
        self.expect(b'{')?;
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            if key == wanted {
                return Some(());
            }
            self.value()?;
            self.expect(b',')?;
        }
    }

    fn enter_index(&mut self, index: usize) -> Option<()> {
        self.expect(b'[')?;
        for _ in 0..index {
            self.value()?;
            self.expect(b',')?;
        }
        Some(())
    }

    fn enter_where(&mut self, key: &str, value: &str) -> Option<()> {
        self.expect(b'[')?;
        loop {
            self.blanks();
            let start = self.at;
            let mut inside = Scanner { text: self.text, at: start };
            let found = inside.enter_key(key).and_then(|()| inside.value());
            if found.is_some_and(|range| self.text[range].trim_matches('"') == value) {
                return Some(());
            }
            self.value()?;
            self.expect(b',')?;
        }
    }
}

enum Step<'a> {
    Key(&'a str),
    Index(usize),
    Where(&'a str, &'a str),
}

fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut steps = Vec::new();
    for part in path.split('.').filter(|part| !part.is_empty() && *part != "$") {
        let (key, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if !key.is_empty() {
            steps.push(Step::Key(key));
        }
        while let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            steps.push(match inside.split_once('=') {
                Some((key, value)) => Step::Where(key, value),
                None => Step::Index(inside.parse().ok()?),
            });
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    Some(steps)
}
