//! The punctured tree under the OT extension: one party knows all leaves of a GGM tree, the other all but one,
//! and the first does not know which.
//!
//! Built level by level from one OT a level, with the consistency check of SoftSpoken OT (2022/192, section 6.1):
//! a tree owner who sends inconsistent corrections is caught unless it guesses where the hole is.

use aes::Aes128Enc;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::channel::Channel;
use crate::error::Error;
use crate::message::{recv_array, recv_blocks, send_blocks};

/// A length-tripling pseudorandom generator: AES keyed with the seed.
fn expand(seed: u128) -> [u128; 3] {
    let cipher = Aes128Enc::new(&seed.to_le_bytes().into());
    std::array::from_fn(|i| {
        let mut block = (i as u128).to_le_bytes().into();
        cipher.encrypt_block(&mut block);
        u128::from_le_bytes(block.into())
    })
}

fn children(level: &[u128]) -> Vec<u128> {
    level
        .iter()
        .flat_map(|&seed| {
            let [left, right, _] = expand(seed);
            [left, right]
        })
        .collect()
}

/// Sums over the even (left) and over the odd (right) nodes of a level.
fn sums(level: &[u128]) -> [u128; 2] {
    level.as_chunks::<2>().0.iter().fold([0; 2], |[l, r], [left, right]| [l ^ left, r ^ right])
}

/// Splits leaves into the seeds that are used and the digest parts that are checked.
fn finish(leaves: &[u128]) -> (Vec<u128>, Vec<[u128; 2]>) {
    leaves
        .iter()
        .map(|&leaf| {
            let [seed, a, b] = expand(leaf);
            (seed, [a, b])
        })
        .unzip()
}

fn digest(parts: &[[u128; 2]]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"mpcstats/twopc/tree");
    for block in parts.as_flattened() {
        hash.update(block.to_le_bytes());
    }
    hash.finalize().into()
}

/// Grows a tree from `root`, with one key pair a level (top first), and returns all its seeds.
///
/// # Errors
/// [`Error::Channel`] if the channel is broken.
pub(crate) fn grow(root: u128, keys: &[[u128; 2]], channel: &mut dyn Channel) -> Result<Vec<u128>, Error> {
    let mut level = vec![root];
    let mut message = Vec::with_capacity(2 * keys.len() + 2);
    for pair in keys {
        level = children(&level);
        let [left, right] = sums(&level);
        message.extend([left ^ pair[0], right ^ pair[1]]);
    }
    let (seeds, parts) = finish(&level);
    message.extend(parts.iter().fold([0; 2], |sum, part| [sum[0] ^ part[0], sum[1] ^ part[1]]));
    send_blocks(channel, &message)?;
    channel.send(&digest(&parts))?;
    Ok(seeds)
}

/// Receives the tree with the hole at leaf `hole`; `keys[j]` is the OT key for the side *away* from the hole at
/// level `j`, top first. Returns the seeds, with zero in the hole.
///
/// # Errors
/// [`Error::Cheating`] if the tree is inconsistent; [`Error::Channel`], [`Error::Malformed`].
pub(crate) fn receive(hole: usize, keys: &[u128], channel: &mut dyn Channel) -> Result<Vec<u128>, Error> {
    let depth = keys.len();
    let message = recv_blocks(channel, 2 * depth + 2, "punctured tree")?;
    let expected: [u8; 32] = recv_array(channel, "punctured tree digest")?;
    let (corrections, [a, b]) =
        message.split_last_chunk::<2>().ok_or(Error::Malformed { what: "punctured tree" })?;
    let mut level = vec![0];
    for (j, &key) in keys.iter().enumerate() {
        // `level` has garbage at the parent of the hole; both its children are overwritten.
        let parent = hole >> (depth - j);
        let side = (hole >> (depth - 1 - j) & 1) ^ 1;
        level = children(&level);
        level[2 * parent] = 0;
        level[2 * parent + 1] = 0;
        level[2 * parent + side] = corrections[2 * j + side] ^ key ^ sums(&level)[side];
    }
    let (mut seeds, mut parts) = finish(&level);
    seeds[hole] = 0;
    parts[hole] = [0; 2];
    parts[hole] = parts.iter().fold([*a, *b], |sum, part| [sum[0] ^ part[0], sum[1] ^ part[1]]);
    if bool::from(digest(&parts).ct_eq(&expected)) {
        Ok(seeds)
    } else {
        Err(Error::Cheating { what: "punctured tree" })
    }
}
