//! Classes of bytes: what the notary has seen proven about bytes that stay hidden.
//!
//! Hidden bytes that could hold a line break could hide a second header line, a second request, or the end of
//! a response's head. So every hidden byte whose neighbourhood the verifier has to understand comes with a
//! zero-knowledge proof that it belongs to a class without such bytes. (Hidden bytes of a JSON body need no
//! class: anchors synchronise by themselves, see `source::anchor`.)

use circuit::Backend;
use serde::{Deserialize, Serialize};

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What may stand for itself in a URL or a form body: RFC 3986's unreserved characters and `%`.
    Url,
    /// What may stand in a header's value as one token: RFC 6265's cookie octets, that is, visible ASCII
    /// without quote, comma, semicolon and backslash.
    Token,
    /// Anything but control characters below 0x20: no line break, in particular.
    Line,
}

impl Class {
    /// The class as a list of inclusive ranges.
    const fn ranges(self) -> &'static [(u8, u8)] {
        match self {
            Self::Url => &[
                (b'%', b'%'),
                (b'-', b'.'),
                (b'0', b'9'),
                (b'A', b'Z'),
                (b'_', b'_'),
                (b'a', b'z'),
                (b'~', b'~'),
            ],
            Self::Token => &[(0x21, 0x21), (0x23, 0x2b), (0x2d, 0x3a), (0x3c, 0x5b), (0x5d, 0x7e)],
            Self::Line => &[(0x20, 0xff)],
        }
    }

    /// True if the class holds `byte`.
    pub fn contains(self, byte: u8) -> bool {
        self.ranges().iter().any(|&(low, high)| (low..=high).contains(&byte))
    }

    /// One wire a byte, 1 if the class holds it. `bytes` are eight wires each, least significant bit first.
    ///
    /// # Errors
    /// Whatever the backend reports.
    pub fn circuit<B: Backend>(
        self,
        backend: &mut B,
        bytes: &[[B::Wire; 8]],
    ) -> Result<Vec<B::Wire>, B::Error> {
        let mut held = vec![backend.constant(false); bytes.len()];
        for &(low, high) in self.ranges() {
            let above = at_least(backend, bytes, low)?;
            let below = match high.checked_add(1) {
                Some(next) => at_least(backend, bytes, next)?,
                None => vec![backend.constant(false); bytes.len()],
            };
            // `below` implies `above`, and ranges are disjoint: exclusive or is all it takes.
            for (held, (above, below)) in held.iter_mut().zip(above.iter().zip(&below)) {
                let inside = backend.xor(above, below);
                *held = backend.xor(held, &inside);
            }
        }
        Ok(held)
    }
}

/// One wire a byte: is it at least `bound`? Seven AND gates a byte at most, in as many layers.
fn at_least<B: Backend>(
    backend: &mut B,
    bytes: &[[B::Wire; 8]],
    bound: u8,
) -> Result<Vec<B::Wire>, B::Error> {
    // From the least significant bit: result = bit AND result where the bound has a 1, bit OR result where 0.
    let mut result: Vec<B::Wire> = vec![backend.constant(true); bytes.len()];
    let trivial = bound.trailing_zeros().min(8) as usize;
    for position in trivial..8 {
        let one = bound >> position & 1 == 1;
        if position == trivial {
            result = bytes.iter().map(|byte| byte[position].clone()).collect();
            continue;
        }
        let pairs: Vec<_> = bytes
            .iter()
            .zip(&result)
            .map(|(byte, result)| {
                if one {
                    (byte[position].clone(), result.clone())
                } else {
                    (backend.not(&byte[position]), backend.not(result))
                }
            })
            .collect();
        result = backend.and(&pairs)?;
        if !one {
            result = result.iter().map(|wire| backend.not(wire)).collect();
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::Clear;

    #[test]
    fn the_circuit_agrees_with_the_set_on_every_byte() {
        let bytes: Vec<[bool; 8]> = (0..=255u8).map(|b| std::array::from_fn(|i| b >> i & 1 == 1)).collect();
        for class in [Class::Url, Class::Token, Class::Line] {
            let held = class.circuit(&mut Clear::default(), &bytes).unwrap();
            for byte in 0..=255u8 {
                assert_eq!(held[byte as usize], class.contains(byte), "{class:?} {byte:#x}");
            }
        }
    }

    #[test]
    fn no_class_holds_what_could_end_a_line_and_no_request_class_a_quote() {
        for class in [Class::Url, Class::Token, Class::Line] {
            assert!(!class.contains(b'\r') && !class.contains(b'\n') && !class.contains(0));
        }
        for class in [Class::Url, Class::Token] {
            assert!(!class.contains(b'"') && !class.contains(b'\\') && !class.contains(b' '));
        }
    }
}
