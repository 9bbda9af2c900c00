//! Opening a session: fresh keys for each pair of parties, confirmed before anything depends on them.

use algebra::hmac;
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Config, Traffic};
use crate::abort::{Abort, Cause};
use crate::network::{Network, NetworkError, Party, Step};
use crate::prss::{Key, Prss};

const NONCE: Step = Step("session/nonce");
const CONFIRM: Step = Step("session/confirm");

/// The secrets of one pair.
struct PairKeys {
    prss: Zeroizing<[u8; 16]>,
    confirm: Zeroizing<[u8; 32]>,
}

/// Exchanges nonces, derives both keys of this party and checks that the peers derived the same.
pub(super) fn derive_keys(
    network: &mut dyn Network,
    config: &Config,
    nonce: [u8; 32],
    traffic: &mut Traffic,
) -> Result<Prss, Abort> {
    let me = network.me();
    let (left, right) = (me.left(), me.right());
    let sent = [(left, nonce.to_vec()), (right, nonce.to_vec())];
    let [from_left, from_right] = exchange(network, NONCE, sent, traffic)?;
    let own = pair_keys(&network.channel_secret(left), [&from_left, &nonce], config, me)?;
    let next = pair_keys(&network.channel_secret(right), [&nonce, &from_right], config, right)?;

    let confirm = |key: &PairKeys, sender: Party| hmac(&key.confirm, &[sender.index() as u8]);
    let sent = [(left, confirm(&own, me).to_vec()), (right, confirm(&next, me).to_vec())];
    let [from_left, from_right] = exchange(network, CONFIRM, sent, traffic)?;
    for (key, peer, got) in [(&own, left, &from_left), (&next, right, &from_right)] {
        if !bool::from(confirm(key, peer).ct_eq(got)) {
            return Err(abort(CONFIRM, Cause::KeyConfirmation(peer)));
        }
    }
    Ok(Prss { own: Key::new(&own.prss), next: Key::new(&next.prss) })
}

/// Key `k_j`, of `P_{j-1}` and `P_j`, whose nonces come in this order.
fn pair_keys(secret: &[u8; 32], nonces: [&[u8]; 2], config: &Config, j: Party) -> Result<PairKeys, Abort> {
    let info = [
        &b"mpcstats/rep3/v1"[..],
        &[j.index() as u8],
        nonces[0],
        nonces[1],
        &config.sid[..],
        &config.program[..],
        &config.inputs[..],
    ]
    .concat();
    let mut keys = PairKeys { prss: Zeroizing::default(), confirm: Zeroizing::default() };
    let mut output = Zeroizing::new([0; 48]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(&info, &mut output[..])
        .map_err(|_| abort(CONFIRM, Cause::KeyConfirmation(j)))?;
    keys.prss.copy_from_slice(&output[..16]);
    keys.confirm.copy_from_slice(&output[16..]);
    Ok(keys)
}

/// Sends 32 bytes to each neighbour and receives as much from each: left first.
fn exchange(
    network: &mut dyn Network,
    step: Step,
    messages: [(Party, Vec<u8>); 2],
    traffic: &mut Traffic,
) -> Result<[Vec<u8>; 2], Abort> {
    let peers = [messages[0].0, messages[1].0];
    let run = || -> Result<[Vec<u8>; 2], NetworkError> {
        for (peer, message) in messages {
            traffic.count(step, message.len());
            network.send(peer, step, message)?;
        }
        network.flush()?;
        traffic.wait();
        Ok([network.recv(peers[0], step, 32)?, network.recv(peers[1], step, 32)?])
    };
    run().map_err(|error| abort(step, error.into()))
}

fn abort(step: Step, cause: Cause) -> Abort {
    Abort { step, batch: 0, cause }
}
