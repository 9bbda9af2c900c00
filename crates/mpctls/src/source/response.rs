//! The response's layout: anchors, fields and skips, checked against the rules that make them mean something.

use super::anchor;
use super::definition::{Definition, Element};
use super::{Field, SourceError, Written};

/// The longest stretch that may be skipped, in bytes.
const MAX_SKIP: u32 = 1 << 20;

/// One checked stretch of the response's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text that must be there, shown.
    Anchor(String),
    /// A field's value.
    Field(Field, Written),
    /// At most so many bytes.
    Skip(usize),
}

/// Checks the layout.
pub(crate) fn layout(definition: &Definition) -> Result<Vec<Part>, SourceError> {
    let refuse = |why: String| Err(SourceError::Response(why));
    let mut parts: Vec<Part> = Vec::new();
    for element in &definition.response.body {
        let part = match (element, parts.last()) {
            (Element::Anchor(text), last) => {
                if matches!(last, Some(Part::Anchor(_) | Part::Field(..))) {
                    return refuse(format!("the anchor {text:?} must follow a skip or begin the body"));
                }
                if text.is_empty() || text.len() > 1024 {
                    return refuse("an anchor has 1 to 1024 bytes".into());
                }
                anchor::check(text, last.is_none())
                    .map_err(|why| SourceError::Response(format!("anchor {text:?}: {why}")))?;
                Part::Anchor(text.clone())
            }
            (Element::Field(name), Some(Part::Anchor(text))) => {
                let Some(field) = definition.fields.iter().find(|field| field.name == *name) else {
                    return refuse(format!("the field {name} is not defined"));
                };
                if parts.iter().any(|part| matches!(part, Part::Field(other, _) if other.name == *name)) {
                    return refuse(format!("the field {name} is taken twice"));
                }
                let written = anchor::value_after(text)
                    .map_err(|why| SourceError::Response(format!("anchor {text:?}: {why}")))?;
                if !field.may_be(written) {
                    return refuse(format!(
                        "the field {name} cannot be written {}",
                        if written == Written::Quoted { "between quotes" } else { "without quotes" }
                    ));
                }
                Part::Field(field.clone(), written)
            }
            (Element::Field(name), _) => return refuse(format!("the field {name} must follow an anchor")),
            (Element::Skip(_), Some(Part::Skip(_))) => return refuse("two skips follow each other".into()),
            (Element::Skip(max), _) if *max == 0 || *max > MAX_SKIP => {
                return refuse(format!("a skip has 1 to {MAX_SKIP} bytes"));
            }
            (Element::Skip(max), _) => Part::Skip(*max as usize),
        };
        parts.push(part);
    }
    for field in &definition.fields {
        if !parts.iter().any(|part| matches!(part, Part::Field(taken, _) if taken.name == field.name)) {
            return refuse(format!("the field {} is nowhere in the body", field.name));
        }
    }
    if definition.fields.is_empty() {
        return refuse("a source takes at least one field".into());
    }
    Ok(parts)
}
