//! Base oblivious transfer over Ristretto: the endemic OT of Masny and Rindal (2019/706).
//!
//! The receiver knows the discrete logarithm of one of two points, and the hash that ties the points to each
//! other keeps it from knowing both; the sender cannot tell which. Keys come out random. A malicious party can
//! bias its own keys (that is what "endemic" means), which is harmless where they serve as one-time pads.

use curve25519_dalek::Scalar;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::IsIdentity;
use rand::CryptoRng;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConditionallySelectable};
use zeroize::Zeroizing;

use crate::channel::Channel;
use crate::error::Error;
use crate::message::{recv_array, recv_exact};

/// Runs `count` OTs as the sender, who learns both keys of each.
///
/// # Errors
/// [`Error`] if the channel broke or the peer's points do not decode.
pub(crate) fn send(
    count: usize,
    channel: &mut dyn Channel,
    rng: &mut impl CryptoRng,
) -> Result<Vec<[u128; 2]>, Error> {
    let secret = Zeroizing::new(Scalar::random(rng));
    let public = RistrettoPoint::mul_base(&secret).compress();
    channel.send(public.as_bytes())?;
    channel.flush()?;
    let points = recv_exact(channel, 64 * count, "base OT points")?;
    points
        .as_chunks::<64>()
        .0
        .iter()
        .enumerate()
        .map(|(i, pair)| {
            let pair = [&pair[..32], &pair[32..]].map(CompressedRistretto::from_slice);
            let [Ok(zero), Ok(one)] = pair else { return Err(MALFORMED) };
            let points = [(zero, one), (one, zero)];
            let mut keys = [0; 2];
            for (b, (own, other)) in points.into_iter().enumerate() {
                let point = own.decompress().ok_or(MALFORMED)? + hash_to_group(i, &other);
                keys[b] = key(i, b as u8, &public, &(*secret * point));
            }
            Ok(keys)
        })
        .collect()
}

/// Runs one OT per choice bit as the receiver, who learns the chosen key of each.
///
/// # Errors
/// [`Error`] if the channel broke or the peer's point does not decode.
pub(crate) fn receive(
    choices: &[bool],
    channel: &mut dyn Channel,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u128>, Error> {
    let mut message = Vec::with_capacity(64 * choices.len());
    let mut secrets = Zeroizing::new(Vec::with_capacity(choices.len()));
    for (i, &choice) in choices.iter().enumerate() {
        let choice = Choice::from(u8::from(choice));
        let secret = Scalar::random(rng);
        let other = RistrettoPoint::random(rng);
        let own = RistrettoPoint::mul_base(&secret) - hash_to_group(i, &other.compress());
        let zero = RistrettoPoint::conditional_select(&own, &other, choice);
        let one = RistrettoPoint::conditional_select(&other, &own, choice);
        message.extend_from_slice(zero.compress().as_bytes());
        message.extend_from_slice(one.compress().as_bytes());
        secrets.push(secret);
    }
    channel.send(&message)?;
    channel.flush()?;
    let public = CompressedRistretto(recv_array(channel, "base OT public key")?);
    let point = public.decompress().filter(|point| !point.is_identity()).ok_or(MALFORMED)?;
    let keys = secrets.iter().zip(choices).enumerate();
    Ok(keys.map(|(i, (secret, &choice))| key(i, u8::from(choice), &public, &(secret * point))).collect())
}

const MALFORMED: Error = Error::Malformed { what: "base OT point" };

fn hash_to_group(index: usize, point: &CompressedRistretto) -> RistrettoPoint {
    let hash = Sha512::new()
        .chain_update(b"mpcstats/twopc/base-ot/point")
        .chain_update((index as u64).to_le_bytes())
        .chain_update(point.as_bytes());
    RistrettoPoint::from_uniform_bytes(&hash.finalize().into())
}

fn key(index: usize, choice: u8, public: &CompressedRistretto, shared: &RistrettoPoint) -> u128 {
    let hash = Sha256::new()
        .chain_update(b"mpcstats/twopc/base-ot/key")
        .chain_update((index as u64).to_le_bytes())
        .chain_update([choice])
        .chain_update(public.as_bytes())
        .chain_update(shared.compress().as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    digest[..16].iter().rev().fold(0, |block, &byte| block << 8 | u128::from(byte))
}
