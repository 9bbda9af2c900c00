//! Proofs: true statements pass, false ones do not, and a prover who tampers is caught.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use circuit::{Backend, aes, bits, sha256};
use proptest::prelude::*;
use sha2::Digest;
use support::{Tampering, cots, rng, run};
use twopc::Error;
use twopc::quicksilver::{Proof, Prover, Verifier};

/// The prover knows a key whose cipher of a public block is this, and reveals the key's digest.
fn statement(proof: &mut impl Proof, key: &[u8], block: &[u8], cipher: &[u8]) -> Result<Vec<u8>, Error> {
    let key = proof.commit(128, || bits::from_bytes(key))?;
    let schedule = aes::schedule(&key, proof)?;
    let block = bits::constant_bytes(block, proof);
    let out = aes::encrypt(&schedule, &block, proof)?;
    proof.assert_equals(&out, &bits::from_bytes(cipher))?;
    let digest = sha256::sha256(&key, proof)?;
    let digest = proof.reveal(&digest)?;
    proof.finish()?;
    Ok(bits::to_bytes(&digest))
}

fn encrypt(key: &[u8; 16], block: &[u8; 16]) -> Vec<u8> {
    use ::aes::cipher::{BlockCipherEncrypt, KeyInit};
    let mut out = (*block).into();
    ::aes::Aes128Enc::new(&(*key).into()).encrypt_block(&mut out);
    out.to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn a_true_statement_is_accepted(key: [u8; 16], block: [u8; 16], seed: u32) {
        let cipher = encrypt(&key, &block);
        let (mut sender, mut receiver) = cots(40_000, u64::from(seed));
        let (proven, verified) = run(
            |channel| {
                let mut prover = Prover::new();
                statement(&mut prover.on(&mut receiver, channel), &key, &block, &cipher)
            },
            |channel| {
                let mut verifier = Verifier::new(&mut rng(7));
                statement(&mut verifier.on(&mut sender, channel), &[], &block, &cipher)
            },
        );
        let digest = sha2::Sha256::digest(key).to_vec();
        prop_assert_eq!(proven.unwrap(), digest.clone());
        prop_assert_eq!(verified.unwrap(), digest);
    }
}

/// What the verifier says if the prover's `nth` message is tampered with.
fn tampered(nth: usize, byte: usize) -> Result<Vec<u8>, Error> {
    let (key, block) = ([3; 16], [9; 16]);
    let cipher = encrypt(&key, &block);
    let (mut sender, mut receiver) = cots(40_000, 1);
    let (_, verified) = run(
        |channel| {
            let mut channel = Tampering::new(channel, nth, byte);
            let mut prover = Prover::new();
            statement(&mut prover.on(&mut receiver, &mut channel), &key, &block, &cipher)
        },
        |channel| {
            let mut verifier = Verifier::new(&mut rng(8));
            statement(&mut verifier.on(&mut sender, channel), &[], &block, &cipher)
        },
    );
    verified
}

#[test]
fn a_prover_that_changes_any_bit_is_caught() {
    // Messages: two of corrections (more than 16,384 bits), the sums, the digest of the openings.
    // Bytes 18 to 217 of the first are the inverses in AES's S-boxes.
    for (nth, byte) in
        [(0, 2), (0, 18), (0, 100), (0, 700), (1, 2), (1, 900), (2, 0), (2, 31), (3, 0), (3, 31)]
    {
        let result = tampered(nth, byte);
        assert_eq!(
            result,
            Err(Error::Cheating { what: "zero-knowledge proof" }),
            "message {nth}, byte {byte}"
        );
    }
}

#[test]
fn more_bits_than_the_statement_calls_for_are_refused() {
    let (mut sender, mut receiver) = cots(1000, 2);
    let (_, verified) = run(
        |channel| {
            let mut prover = Prover::new();
            let mut proof = prover.on(&mut receiver, channel);
            proof.commit(9, || vec![true; 9]).unwrap();
            proof.finish()
        },
        |channel| {
            let mut verifier = Verifier::new(&mut rng(9));
            let mut proof = verifier.on(&mut sender, channel);
            proof.commit(8, Vec::new)?;
            proof.finish()
        },
    );
    assert_eq!(verified, Err(Error::Malformed { what: "proof bits" }));
}

#[test]
fn a_false_statement_is_refused_by_the_prover_itself() {
    let (_, mut receiver) = cots(100, 3);
    let (mut channel, _peer) = net::memory::pair();
    let mut prover = Prover::new();
    let mut proof = prover.on(&mut receiver, &mut channel);
    let wires = proof.commit(1, || vec![true]).unwrap();
    assert_eq!(proof.assert_zero(&wires), Err(Error::FalseStatement));
}

#[test]
fn a_prover_that_claims_a_false_product_is_caught() {
    // The prover runs the statement "a AND b is one" over a = 1, b = 0 with the product's correction flipped:
    // its own view of the product becomes one, so that it notices nothing false.
    let (mut sender, mut receiver) = cots(1000, 4);
    let (_, verified) = run(
        |channel| {
            let mut channel = Tampering::new(channel, 0, 0);
            let mut prover = Prover::new();
            let mut proof = prover.on(&mut receiver, &mut channel);
            let wires = proof.commit(2, || vec![true, false]).unwrap();
            let product = proof.and_one(&wires[0], &wires[1]).unwrap();
            let _ = proof.reveal(&[product]).unwrap();
            proof.finish()
        },
        |channel| {
            let mut verifier = Verifier::new(&mut rng(10));
            let mut proof = verifier.on(&mut sender, channel);
            let wires = proof.commit(2, Vec::new)?;
            let product = proof.and_one(&wires[0], &wires[1])?;
            let bit = proof.reveal(&[product])?;
            proof.finish()?;
            Ok::<_, Error>(bit)
        },
    );
    assert!(verified.is_err(), "the verifier believed {verified:?}");
}

/// More AND gates than one challenge covers.
fn chain(proof: &mut impl Proof) -> Result<Vec<bool>, Error> {
    let mut state = proof.commit(512, || vec![true; 512])?;
    for _ in 0..600 {
        let rotated: Vec<_> =
            state.iter().cycle().skip(7).zip(&state).map(|(a, b)| (a.clone(), b.clone())).collect();
        let product = proof.and(&rotated)?;
        state = bits::xor(&state, &product, proof);
        state.rotate_left(1);
        state = bits::not(&state, proof);
    }
    let out = proof.reveal(&state)?;
    proof.finish()?;
    Ok(out)
}

#[test]
fn statements_longer_than_what_was_prepared_refill_and_pass_checks_on_the_way() {
    let (mut sender, mut receiver) = cots(10, 5);
    let (proven, verified) = run(
        |channel| chain(&mut Prover::new().on(&mut receiver, channel)),
        |channel| chain(&mut Verifier::new(&mut rng(11)).on(&mut sender, channel)),
    );
    assert_eq!(proven.unwrap(), verified.unwrap());
}
