//! Three parties as threads of this process, each with an open session: for tests and for simulators.

use std::sync::Arc;
use std::thread;

use rep3::executor::Inline;
use rep3::network::{Network, NetworkError, Party, Step};
use rep3::{Abort, BatchLimits, Config, Session};

use crate::memory;

/// A computation by three parties in one process.
#[derive(Clone, Debug)]
pub struct World {
    seed: u64,
    limits: BatchLimits,
}

impl World {
    /// A world whose nonces and channel secrets follow from a seed, so that a run can be replayed.
    pub fn new(seed: u64) -> Self {
        Self { seed, limits: BatchLimits::default() }
    }

    /// The same world, verifying in batches of this size.
    pub fn with_limits(mut self, limits: BatchLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs a program at all three parties over an in-memory network and returns what each came to.
    pub fn run<T: Send>(
        &self,
        program: impl Fn(&mut Session) -> Result<T, Abort> + Sync,
    ) -> [Result<T, Abort>; 3] {
        let networks = memory::three_with(std::time::Duration::from_mins(1), self.seed);
        self.run_over(networks.map(|network| Box::new(network) as Box<dyn Network>), program)
    }

    /// Runs a program over these networks, those of parties 0, 1 and 2.
    pub fn run_over<T: Send>(
        &self,
        networks: [Box<dyn Network>; 3],
        program: impl Fn(&mut Session) -> Result<T, Abort> + Sync,
    ) -> [Result<T, Abort>; 3] {
        let program = &program;
        thread::scope(|scope| {
            let parties = networks.map(|network| {
                let me = network.me();
                let party = scope.spawn(move || program(&mut self.open(network)?));
                (me, party)
            });
            parties.map(|(me, party)| party.join().unwrap_or_else(|_| Err(panicked(me))))
        })
    }

    fn open(&self, network: Box<dyn Network>) -> Result<Session, Abort> {
        let config = Config { sid: [7; 32], program: [8; 32], inputs: [9; 32] };
        let mut nonce = [network.me().index() as u8; 32];
        nonce[..8].copy_from_slice(&self.seed.to_le_bytes());
        Ok(Session::open(network, Arc::new(Inline), &config, nonce)?.with_limits(self.limits))
    }
}

/// What a party whose thread panicked looks like to its caller.
fn panicked(me: Party) -> Abort {
    let step = Step("panic");
    Abort { step, batch: 0, cause: NetworkError::Closed { peer: me, step }.into() }
}
