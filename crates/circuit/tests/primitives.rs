//! Hashes and ciphers against RustCrypto, with their gate counts.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use circuit::{
    Clear, aes as aes128,
    arith::modular,
    bits, hmac, keccak,
    sha256::{self, State},
};
use proptest::prelude::*;
use sha2::Digest;

fn sha3_256(message: &[u8]) -> (Vec<u8>, Clear) {
    let mut clear = Clear::default();
    let digest = keccak::sha3_256(&bits::from_bytes(message), &mut clear).unwrap();
    (bits::to_bytes(&digest), clear)
}

#[test]
fn sha3_256_matches_rustcrypto_at_every_length_around_a_block() {
    for length in (0..=140).chain(270..275) {
        let message: Vec<u8> = (0..length).map(|i| (i * 7 + 3) as u8).collect();
        assert_eq!(sha3_256(&message).0, sha3::Sha3_256::digest(&message).as_slice(), "length {length}");
    }
}

#[test]
fn a_commitment_is_one_permutation() {
    let (_, gates) = sha3_256(&[0; 88]);
    assert_eq!((gates.ands, gates.layers), (38_400, 24));
    assert_eq!(sha3_256(&[0; 135]).1.ands, 38_400);
    assert_eq!(sha3_256(&[0; 136]).1.ands, 2 * 38_400);
}

#[test]
fn sha256_matches_rustcrypto_at_every_length_around_a_block() {
    for length in (0..=70).chain(118..130) {
        let message: Vec<u8> = (0..length).map(|i| (i * 11 + 5) as u8).collect();
        let digest = sha256::sha256(&bits::from_bytes(&message), &mut Clear::default()).unwrap();
        assert_eq!(bits::to_bytes(&digest), sha2::Sha256::digest(&message).as_slice(), "length {length}");
    }
}

#[test]
fn a_compression_has_22573_and_gates() {
    let mut clear = Clear::default();
    let state = State::initial(&mut clear);
    sha256::compress(&state, &[false; 512], &mut clear).unwrap();
    assert_eq!(clear.ands, 22_573);
}

#[test]
fn a_chaining_value_survives_its_byte_string() {
    let mut clear = Clear::default();
    let state: State<bool> = State::initial(&mut clear);
    let again = State::from_bytes(&state.to_bytes());
    assert_eq!(again.to_bytes(), state.to_bytes());
    assert_eq!(bits::to_bytes(&state.to_bytes())[..4], [0x6a, 0x09, 0xe6, 0x67]);
}

/// RFC 4231, test case 2.
#[test]
fn hmac_matches_its_rfc() {
    let mut clear = Clear::default();
    let key = hmac::Key::new(&bits::from_bytes(b"Jefe"), &mut clear).unwrap();
    let mac = key.mac(&bits::from_bytes(b"what do ya want for nothing?"), &mut clear).unwrap();
    let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(bits::to_bytes(&mac), unhex(expected));
    assert_eq!(clear.ands, 4 * 22_573);
}

/// The test vector for the TLS 1.2 pseudorandom function with SHA-256 that circulates on the IETF's TLS list.
#[test]
fn prf_matches_its_test_vector() {
    let secret = unhex("9bbe436ba940f017b17652849a71db35");
    let seed = [b"test label".to_vec(), unhex("a0ba9f936cda311827a6f796ffd5198c")].concat();
    let mut clear = Clear::default();
    let key = hmac::Key::new(&bits::from_bytes(&secret), &mut clear).unwrap();
    let output = hmac::prf(&key, &bits::from_bytes(&seed), 100, &mut clear).unwrap();
    let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a\
                    6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab\
                    4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701\
                    87347b66";
    assert_eq!(bits::to_bytes(&output), unhex(expected));
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn aes_has_the_published_gate_counts() {
    let mut clear = Clear::default();
    let schedule = aes128::schedule(&[false; 128], &mut clear).unwrap();
    assert_eq!((clear.ands, clear.layers), (1_280, 50));
    let mut clear = Clear::default();
    aes128::encrypt(&schedule, &[false; 128], &mut clear).unwrap();
    assert_eq!((clear.ands, clear.layers), (5_120, 50));
}

/// The prime of the curve P-256, little-endian.
const P256: [u64; 4] =
    [0xffff_ffff_ffff_ffff, 0x0000_0000_ffff_ffff, 0x0000_0000_0000_0000, 0xffff_ffff_0000_0001];

fn wide(limbs: [u64; 4]) -> Vec<bool> {
    limbs.iter().flat_map(|&limb| bits::from_u64(limb, 64)).collect()
}

/// Addition modulo `p` by schoolbook limbs, as the reference.
fn add_mod(a: [u64; 4], b: [u64; 4], p: [u64; 4]) -> [u64; 4] {
    let mut sum = [0; 4];
    let mut carry = 0u128;
    for i in 0..4 {
        carry += u128::from(a[i]) + u128::from(b[i]);
        sum[i] = carry as u64;
        carry >>= 64;
    }
    let mut reduced = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        let (low, first) = sum[i].overflowing_sub(p[i]);
        let (low, second) = low.overflowing_sub(u64::from(borrow));
        reduced[i] = low;
        borrow = first || second;
    }
    if carry == 1 || !borrow { reduced } else { sum }
}

fn below_p() -> impl Strategy<Value = [u64; 4]> {
    let edge = prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()];
    proptest::array::uniform4(edge).prop_map(|mut limbs| {
        // Anything whose top limb is below the prime's is below the prime.
        limbs[3] %= P256[3];
        limbs
    })
}

#[test]
fn modular_addition_at_its_edges() {
    let minus_one = [P256[0] - 1, P256[1], P256[2], P256[3]];
    for (a, b) in [(minus_one, minus_one), (minus_one, [1, 0, 0, 0]), (minus_one, [0; 4]), ([0; 4], [0; 4])] {
        let mut clear = Clear::default();
        let sum = modular::add(&wide(a), &wide(b), &wide(P256), &mut clear).unwrap();
        assert_eq!(sum, wide(add_mod(a, b, P256)));
        assert_eq!(clear.ands, 767);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn sha3_256_matches_rustcrypto(message in proptest::collection::vec(any::<u8>(), 0..300)) {
        let digest = sha3_256(&message).0;
        prop_assert_eq!(digest, sha3::Sha3_256::digest(&message).to_vec());
    }

    #[test]
    fn aes_matches_rustcrypto(key: [u8; 16], block: [u8; 16]) {
        let mut clear = Clear::default();
        let schedule = aes128::schedule(&bits::from_bytes(&key), &mut clear).unwrap();
        let out = aes128::encrypt(&schedule, &bits::from_bytes(&block), &mut clear).unwrap();
        let mut expected = block.into();
        aes::Aes128::new(&key.into()).encrypt_block(&mut expected);
        prop_assert_eq!(bits::to_bytes(&out), expected.to_vec());
    }

    #[test]
    fn modular_addition_matches(a in below_p(), b in below_p()) {
        let sum = modular::add(&wide(a), &wide(b), &wide(P256), &mut Clear::default()).unwrap();
        prop_assert_eq!(sum, wide(add_mod(a, b, P256)));
    }
}
