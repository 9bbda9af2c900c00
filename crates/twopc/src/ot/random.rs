//! Random OT: correlated OT whose correlation is hashed away.

use super::{CotReceiver, CotSender};
use crate::channel::Channel;
use crate::error::Error;
use sha2::{Digest, Sha256};

/// Both random keys of `count` OTs. `domain` must differ between calls of one session.
///
/// # Errors
/// [`Error::Exhausted`] if too few correlations are left; [`Error`] if the channel broke.
pub fn send_random(
    count: usize,
    domain: &str,
    cots: &mut CotSender,
    channel: &mut dyn Channel,
) -> Result<Vec<[[u8; 32]; 2]>, Error> {
    let delta = cots.delta();
    let keys = cots.send(count, channel)?;
    Ok(keys
        .iter()
        .enumerate()
        .map(|(i, &key)| [hash(domain, i, key), hash(domain, i, key ^ delta)])
        .collect())
}

/// The chosen random key of each OT.
///
/// # Errors
/// As [`send_random`].
pub fn receive_random(
    choices: &[bool],
    domain: &str,
    cots: &mut CotReceiver,
    channel: &mut dyn Channel,
) -> Result<Vec<[u8; 32]>, Error> {
    let macs = cots.receive(choices, channel)?;
    Ok(macs.iter().enumerate().map(|(i, &mac)| hash(domain, i, mac)).collect())
}

fn hash(domain: &str, index: usize, block: u128) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"mpcstats/twopc/random-ot")
        .chain_update((domain.len() as u64).to_le_bytes())
        .chain_update(domain)
        .chain_update((index as u64).to_le_bytes())
        .chain_update(block.to_le_bytes())
        .finalize()
        .into()
}
