//! Time, injected: so that a simulation can run hours in milliseconds and replay them.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A source of the time.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Seconds since 1970.
    fn now(&self) -> u64 {
        self.now_ms() / 1000
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

/// Simulated time: tokio's, which a test can pause, counted from a fixed start.
#[derive(Clone, Debug)]
pub struct SimulatedClock(Arc<(tokio::time::Instant, u64)>);

impl SimulatedClock {
    /// A clock that reads `start` (Unix seconds) now.
    pub fn new(start: u64) -> Self {
        Self(Arc::new((tokio::time::Instant::now(), start * 1000)))
    }
}

impl Clock for SimulatedClock {
    fn now_ms(&self) -> u64 {
        self.0.1 + self.0.0.elapsed().as_millis() as u64
    }
}
