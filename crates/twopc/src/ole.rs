//! Oblivious linear evaluation: additive shares of a product of two secrets, one of each party (Gilboa, CRYPTO
//! 1999), and conversions between sums and products.
//!
//! Made ahead of time over random values, then spent on real ones at the price of one field element each way.
//! Secure against parties that follow the protocol. A sender of the underlying OTs that deviates adds an error
//! which depends on bits of the receiver's random value; whoever uses this checks the result (2023/964 does it
//! by running everything twice with the roles swapped).

mod field;

pub use field::{OleField, P256Base};

use rand::CryptoRng;

use crate::channel::Channel;
use crate::error::Error;
use crate::message::recv_exact;
use crate::ot::{CotReceiver, CotSender, receive_random, send_random};

/// One party's part of a random OLE: `input` of one times `input` of the other is the sum of the `share`s.
#[derive(Clone, Copy)]
pub struct Ole<F> {
    input: F,
    share: F,
}

/// Which part a party takes in a conversion. They differ in who multiplies last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The sender of the OTs.
    Sender,
    /// The receiver of the OTs.
    Receiver,
}

/// OLEs that one call may make.
pub const MAX_OLES: usize = 1 << 12;

fn capped(count: usize) -> Result<(), Error> {
    if count <= MAX_OLES {
        Ok(())
    } else {
        Err(Error::TooMany { what: "OLEs", requested: count, limit: MAX_OLES })
    }
}

/// Makes random OLEs as the sender of the OTs.
///
/// # Errors
/// [`Error`] if the channel broke or too few correlations are left; [`Error::TooMany`].
pub fn send<F: OleField>(
    count: usize,
    cots: &mut CotSender,
    channel: &mut dyn Channel,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Ole<F>>, Error> {
    capped(count)?;
    let pads = send_random(count * F::BITS, F::NAME, cots, channel)?;
    let mut message = Vec::with_capacity(count * F::BITS * F::BYTES);
    let oles = pads
        .chunks(F::BITS)
        .map(|pads| {
            let input = F::random(rng);
            let mut share = F::ZERO;
            for (i, pair) in pads.iter().enumerate() {
                let [zero, one] = pair.each_ref().map(F::from_hash);
                (zero - one + input).write(&mut message);
                share = share - zero * F::power_of_two(i);
            }
            Ole { input, share }
        })
        .collect();
    channel.send(&message)?;
    channel.flush()?;
    Ok(oles)
}

/// Makes random OLEs as the receiver of the OTs.
///
/// # Errors
/// As [`send`].
pub fn receive<F: OleField>(
    count: usize,
    cots: &mut CotReceiver,
    channel: &mut dyn Channel,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Ole<F>>, Error> {
    capped(count)?;
    let inputs: Vec<F> = (0..count).map(|_| F::random(rng)).collect();
    let choices: Vec<bool> = inputs.iter().flat_map(F::bits).collect();
    let pads = receive_random(&choices, F::NAME, cots, channel)?;
    let message = recv_exact(channel, count * F::BITS * F::BYTES, "OLE")?;
    let mut offsets = message.chunks(F::BYTES);
    let mut choices = choices.into_iter();
    inputs
        .into_iter()
        .zip(pads.chunks(F::BITS))
        .map(|(input, pads)| {
            let mut share = F::ZERO;
            for (i, ((pad, offset), choice)) in pads.iter().zip(&mut offsets).zip(&mut choices).enumerate() {
                let offset = F::read(offset).ok_or(Error::Malformed { what: "OLE" })?;
                share = share + (F::from_hash(pad) + F::select(choice, offset)) * F::power_of_two(i);
            }
            Ok(Ole { input, share })
        })
        .collect()
}

/// Spends random OLEs: additive shares of the products of my `inputs` with the peer's.
///
/// # Errors
/// [`Error`] if the channel broke or the peer's message is malformed.
pub fn multiply<F: OleField>(
    role: Role,
    oles: Vec<Ole<F>>,
    inputs: &[F],
    channel: &mut dyn Channel,
) -> Result<Vec<F>, Error> {
    if oles.len() != inputs.len() {
        return Err(Error::Exhausted { what: "OLEs" });
    }
    let mine: Vec<F> = inputs.iter().zip(&oles).map(|(&input, ole)| input - ole.input).collect();
    send_elements(&mine, channel)?;
    let theirs = recv_elements::<F>(inputs.len(), channel)?;
    // With a, b random, ab = α + β and u = x - a, v = y - b known: xy = (α + a v) + (β + u y).
    let shares = oles.iter().zip(inputs).zip(theirs);
    Ok(shares
        .map(|((ole, &input), difference)| match role {
            Role::Sender => ole.share + ole.input * difference,
            Role::Receiver => ole.share + input * difference,
        })
        .collect())
}

/// From additive to multiplicative shares (2023/964, section 5). Refuses a sum of zero.
///
/// # Errors
/// [`Error`] if the channel broke or the peer's message is malformed; [`Error::Cheating`] if a sum is zero, which
/// only a peer that knows my share can bring about.
pub fn to_multiplicative<F: OleField>(
    role: Role,
    oles: Vec<Ole<F>>,
    shares: &[F],
    channel: &mut dyn Channel,
    rng: &mut impl CryptoRng,
) -> Result<Vec<F>, Error> {
    let zero = Error::Cheating { what: "a shared sum is zero" };
    match role {
        Role::Receiver => {
            // x r = α + β; the peer adds y r to its β and sends it: (x + y) r is mine.
            let mine = multiply(role, oles, shares, channel)?;
            let theirs = recv_elements::<F>(shares.len(), channel)?;
            let products = mine.into_iter().zip(theirs).map(|(a, b)| a + b);
            products.map(|product| if product.is_zero() { Err(zero.clone()) } else { Ok(product) }).collect()
        }
        Role::Sender => {
            let blinds: Vec<F> = shares.iter().map(|_| F::random_nonzero(rng)).collect();
            let mine = multiply(role, oles, &blinds, channel)?;
            let sums: Vec<F> = mine
                .iter()
                .zip(shares)
                .zip(&blinds)
                .map(|((&a, &share), &blind)| a + share * blind)
                .collect();
            send_elements(&sums, channel)?;
            blinds.iter().map(|blind| blind.inverse().ok_or(zero.clone())).collect()
        }
    }
}

fn send_elements<F: OleField>(elements: &[F], channel: &mut dyn Channel) -> Result<(), Error> {
    let mut message = Vec::with_capacity(elements.len() * F::BYTES);
    for element in elements {
        element.write(&mut message);
    }
    channel.send(&message)?;
    Ok(channel.flush()?)
}

fn recv_elements<F: OleField>(count: usize, channel: &mut dyn Channel) -> Result<Vec<F>, Error> {
    let message = recv_exact(channel, count * F::BYTES, "field elements")?;
    message
        .chunks(F::BYTES)
        .map(|bytes| F::read(bytes).ok_or(Error::Malformed { what: "field element" }))
        .collect()
}
