//! Messages of known shape: every receive names the exact length, so a peer never chooses an allocation.

use crate::channel::Channel;
use crate::error::Error;

/// Hands over what is queued, then receives a message of exactly `len` bytes.
///
/// # Errors
/// [`Error::Malformed`] if the message has another length, [`Error::Channel`] if none came.
pub fn recv_exact(channel: &mut dyn Channel, len: usize, what: &'static str) -> Result<Vec<u8>, Error> {
    channel.flush()?;
    let message = channel.recv(len)?;
    if message.len() == len { Ok(message) } else { Err(Error::Malformed { what }) }
}

/// Receives a message of exactly `N` bytes.
///
/// # Errors
/// As [`recv_exact`].
pub fn recv_array<const N: usize>(channel: &mut dyn Channel, what: &'static str) -> Result<[u8; N], Error> {
    recv_exact(channel, N, what)?.try_into().map_err(|_| Error::Malformed { what })
}

/// Sends 128-bit blocks, little-endian.
///
/// # Errors
/// [`Error::Channel`] if the channel is broken.
pub fn send_blocks(channel: &mut dyn Channel, blocks: &[u128]) -> Result<(), Error> {
    let bytes: Vec<u8> = blocks.iter().flat_map(|block| block.to_le_bytes()).collect();
    Ok(channel.send(&bytes)?)
}

/// Receives exactly `count` blocks.
///
/// # Errors
/// As [`recv_exact`].
pub fn recv_blocks(channel: &mut dyn Channel, count: usize, what: &'static str) -> Result<Vec<u128>, Error> {
    let bytes = recv_exact(channel, 16 * count, what)?;
    Ok(bytes.as_chunks().0.iter().map(|chunk| u128::from_le_bytes(*chunk)).collect())
}

/// Sends bits, eight to a byte, the first in the lowest position.
///
/// # Errors
/// [`Error::Channel`] if the channel is broken.
pub fn send_bits(channel: &mut dyn Channel, bits: &[bool]) -> Result<(), Error> {
    Ok(channel.send(&pack(bits))?)
}

/// Receives exactly `count` bits.
///
/// # Errors
/// As [`recv_exact`]; also [`Error::Malformed`] if padding bits are not zero.
pub fn recv_bits(channel: &mut dyn Channel, count: usize, what: &'static str) -> Result<Vec<bool>, Error> {
    let bytes = recv_exact(channel, count.div_ceil(8), what)?;
    let mut bits = unpack(&bytes);
    if bits[count..].iter().any(|&bit| bit) {
        return Err(Error::Malformed { what });
    }
    bits.truncate(count);
    Ok(bits)
}

/// Packs bits into bytes, the first in the lowest position.
pub fn pack(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit))).collect()
}

/// Unpacks bytes into bits, the lowest position first.
pub fn unpack(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |i| byte >> i & 1 == 1)).collect()
}
