//! Shared booleans, or some that everybody knows.

use algebra::Bits;
use rep3::{Abort, BitShare, Session, layer};
use std::rc::Rc;

/// A boolean column, or one boolean.
#[derive(Clone)]
pub enum Boolean {
    /// Shared.
    Shared(Rc<BitShare>),
    /// Known to everybody.
    Public(Rc<Bits>),
}

impl Boolean {
    /// From a share.
    pub fn shared(share: BitShare) -> Self {
        Self::Shared(Rc::new(share))
    }

    /// From bits that everybody knows.
    pub fn public(bits: Bits) -> Self {
        Self::Public(Rc::new(bits))
    }

    /// How many booleans there are.
    pub fn rows(&self) -> usize {
        match self {
            Self::Shared(share) => share.len(),
            Self::Public(bits) => bits.len(),
        }
    }

    /// The bits, if everybody knows them.
    pub fn known(&self) -> Option<&Bits> {
        if let Self::Public(bits) = self { Some(bits) } else { None }
    }

    /// As a share.
    pub fn share(&self, session: &Session) -> BitShare {
        match self {
            Self::Shared(share) => (**share).clone(),
            Self::Public(bits) => BitShare::public(bits, session.party()),
        }
    }

    /// The boolean repeated in `rows` rows, if it is one.
    pub fn spread(&self, rows: usize) -> Self {
        if self.rows() == rows {
            return self.clone();
        }
        let all = vec![0; rows];
        match self {
            Self::Shared(share) => Self::shared(share.gather(&all)),
            Self::Public(bits) => Self::public(bits.gather(&all)),
        }
    }

    /// The opposite.
    pub fn not(&self, session: &Session) -> Self {
        match self {
            Self::Shared(share) => Self::shared(share.not(session.party())),
            Self::Public(bits) => Self::public(!&**bits),
        }
    }

    /// Both, row by row, if that takes no gate: if one of them is known to everybody.
    pub fn and_freely(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Public(a), Self::Public(b)) => Some(Self::public(&**a & &**b)),
            (Self::Shared(share), Self::Public(bits)) | (Self::Public(bits), Self::Shared(share)) => {
                Some(Self::shared(share.and_public(bits)))
            }
            (Self::Shared(_), Self::Shared(_)) => None,
        }
    }

    /// Either and not both, row by row.
    pub fn xor(&self, other: &Self, session: &Session) -> Self {
        match (self, other) {
            (Self::Public(a), Self::Public(b)) => Self::public(&**a ^ &**b),
            _ => Self::shared(self.share(session).xor(&other.share(session))),
        }
    }
}

/// Both of each pair, row by row, all in one round.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn and(pairs: &[(Boolean, Boolean)], session: &mut Session) -> Result<Vec<Boolean>, Abort> {
    let mut results: Vec<_> = pairs.iter().map(|(left, right)| left.and_freely(right)).collect();
    let mut gates = Vec::new();
    for ((left, right), result) in pairs.iter().zip(&results) {
        if let (Boolean::Shared(left), Boolean::Shared(right), None) = (left, right, result) {
            gates.push((&**left, &**right));
        }
    }
    let products = layer(&gates, session)?;
    for (result, product) in results.iter_mut().filter(|result| result.is_none()).zip(products) {
        *result = Some(Boolean::shared(product));
    }
    Ok(results.into_iter().flatten().collect())
}
