//! A source in words.

use std::fmt::Write as _;

use super::{BodyPart, Kind, Segment, Source, Visibility};

impl Source {
    /// Says what the source shows and hides.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        let mut line = |words: String| {
            let _infallible = writeln!(text, "{words}");
        };
        let definition = self.definition();
        line(format!("{}: {}", definition.name, definition.description));
        line(format!(
            "Asks {}:{} and expects status {}.",
            self.host(),
            self.port(),
            definition.response.status
        ));
        line("\nThe request, as everybody will see it (‹…› stays hidden):".to_owned());
        let request: String = self.request_layout().iter().map(segment).collect();
        for text in request.split("\r\n") {
            line(format!("  {text}"));
        }
        line("The response's body, from its first byte to its last:".to_owned());
        for part in self.body_layout() {
            line(match part {
                BodyPart::Anchor(text) => format!("  shown   {text}"),
                BodyPart::Skip(max) => format!("  hidden  up to {max} bytes"),
                BodyPart::Field(field, _) if field.visibility == Visibility::Disclosed => {
                    format!("  shown   {}, at most {} bytes", field.name, field.window)
                }
                BodyPart::Field(field, _) => {
                    format!("  hidden  {}, committed: exactly {} bytes", field.name, field.window)
                }
            });
        }
        line("\nThe fields:".to_owned());
        for field in self.fields() {
            let kind = match &field.kind {
                Kind::Decimal { scale, min, max } => format!(
                    "decimal number with {scale} digits after the point, {} to {}",
                    decimal(*min, *scale),
                    decimal(*max, *scale)
                ),
                Kind::Integer { min, max } => format!("whole number, {min} to {max}"),
                Kind::Boolean => "true or false".to_owned(),
                Kind::Category { categories } => format!("one of {}", categories.join(", ")),
                Kind::Text => "text".to_owned(),
            };
            let visibility = match field.visibility {
                Visibility::Private => "private",
                Visibility::Disclosed => "shown to everybody",
            };
            let unit = if field.unit.is_empty() { String::new() } else { format!(" {}", field.unit) };
            line(format!("  {}: {kind}{unit}; {visibility}. {}", field.name, field.description));
        }
        line(
            "\nBesides, everybody sees when the request was made and how long it and the response were,"
                .to_owned(),
        );
        line(
            "and where in them the shown bytes stand; lengths can say how many digits a hidden value has."
                .to_owned(),
        );
        text
    }
}

fn segment(segment: &Segment) -> String {
    match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Timestamp(10) => "1700000000".to_owned(),
        Segment::Timestamp(_) => "1700000000000".to_owned(),
        Segment::BodyLength => "…".to_owned(),
        Segment::Hidden { name, .. } => format!("‹{name}›"),
    }
}

/// A scaled integer as a decimal number.
fn decimal(value: i64, scale: u32) -> String {
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let fraction = fraction.trim_end_matches('0');
    let sign = if value < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}
