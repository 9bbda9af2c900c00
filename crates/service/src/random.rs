//! Randomness, injected like time: so that a simulation that went wrong can be run again.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use zeroize::Zeroizing;

/// A source of randomness.
pub trait Random: Send + Sync {
    /// 32 bytes that nobody can guess, and that never come again.
    fn seed(&self) -> Zeroizing<[u8; 32]>;

    /// A generator of its own for one use.
    fn generator(&self) -> StdRng {
        StdRng::from_seed(*self.seed())
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(rand::random())
    }
}

/// Randomness that follows from a number, for simulations: whoever knows the number knows it all.
#[derive(Debug)]
pub struct SeededRandom(Mutex<StdRng>);

impl SeededRandom {
    /// The randomness of this number.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.lock().unwrap_or_else(PoisonError::into_inner).random())
    }
}
