//! Why bytes were refused.

/// Why bytes do not encode what they should. It tells where, never what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Too many or too few bytes.
    #[error("{got} bytes where {expected} were due")]
    Length {
        /// Bytes due.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// A field element encoded by a number that is not below the field's size.
    #[error("field element {index} is not in canonical form")]
    NotCanonical {
        /// Which element, counted from zero.
        index: usize,
    },
    /// A padding bit after the last bit is set.
    #[error("a padding bit is not zero")]
    Padding,
}
