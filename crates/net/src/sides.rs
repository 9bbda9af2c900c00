//! What a party has to do with its two neighbours, one of a kind for each.

use rep3::network::{NetworkError, Party, Step};

/// One thing for the party on the left and one for the party on the right.
pub(crate) struct Sides<T> {
    pub me: Party,
    pub left: T,
    pub right: T,
}

impl<T> Sides<T> {
    /// That of `peer`.
    ///
    /// # Errors
    /// [`NetworkError::Closed`] for a party that names itself.
    pub fn of(&mut self, peer: Party, step: Step) -> Result<&mut T, NetworkError> {
        if peer == self.me.left() {
            Ok(&mut self.left)
        } else if peer == self.me.right() {
            Ok(&mut self.right)
        } else {
            Err(NetworkError::Closed { peer, step })
        }
    }

    /// Flushes both, also if one fails, and names the peer of a failure.
    pub fn flush<E>(
        &mut self,
        flush: impl Fn(&mut T) -> Result<(), E>,
        error: impl Fn(E, Party, Step) -> NetworkError,
    ) -> Result<(), NetworkError> {
        let step = Step("flush");
        let left = flush(&mut self.left);
        let right = flush(&mut self.right);
        right.map_err(|failure| error(failure, self.me.right(), step))?;
        left.map_err(|failure| error(failure, self.me.left(), step))
    }
}
