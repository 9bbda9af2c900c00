//! Generators and hashes: known answers, stream positions, uniformity.
#![allow(missing_docs, reason = "tests document themselves by their names")]

use algebra::{Fp, Gf128, Prf, Prg, Transcript, hmac};

const KEY: [u8; 16] =
    [0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c];

#[test]
fn the_function_is_aes_128() {
    // FIPS 197, appendix B.
    let input = 0x3243_f6a8_885a_308d_3131_98a2_e037_0734_u128.swap_bytes();
    assert_eq!(Prf::new(&KEY).block(input), 0x3925_841d_02dc_09fb_dc11_8597_196a_0b32_u128.swap_bytes());
}

#[test]
fn bulk_outputs_are_the_single_ones() {
    let prf = Prf::new(&KEY);
    let start = u128::MAX - 20;
    let single: Vec<u128> = (0..300).map(|i| prf.block(start.wrapping_add(i))).collect();
    let mut bulk = vec![0; 300];
    prf.fill(start, &mut bulk);
    assert_eq!(bulk, single);
    assert_eq!(prf.elements::<Gf128>(start, 300), single.iter().map(|&b| Gf128::new(b)).collect::<Vec<_>>());
    for n in [0, 1, 63, 64, 65, 127, 128, 129, 128 * 300] {
        let bits = prf.bits(start, n);
        let expected = |i: usize| single[i / 128] >> (i % 128) & 1 == 1;
        assert!(bits.iter().enumerate().all(|(i, bit)| bit == expected(i)));
        assert_eq!(bits.len(), n);
    }
}

#[test]
fn the_stream_does_not_depend_on_how_it_is_drawn() {
    let mut whole = vec![0; 40];
    Prg::new(&KEY).fill(&mut whole);
    let mut prg = Prg::new(&KEY);
    let mut bytes = vec![0; 16 * 20 - 3];
    prg.fill_bytes(&mut bytes);
    let expected: Vec<u8> = whole.iter().flat_map(|block| block.to_le_bytes()).collect();
    assert_eq!(bytes, expected[..bytes.len()]);
    assert_eq!(prg.block(), whole[20]);
    assert_eq!(prg.element::<Gf128>(), Gf128::new(whole[21]));
    let elements = prg.elements::<Fp>(3);
    assert_eq!(elements, whole[22..25].iter().map(|&b| Fp::new(b & Fp::MODULUS)).collect::<Vec<_>>());
}

#[test]
fn permutations_are_uniform() {
    // 120 classes of n = 5, 200 draws each: chi-square with 119 degrees of freedom exceeds 203 once in 10^6.
    let mut prg = Prg::new(&KEY);
    let mut counts = std::collections::HashMap::new();
    for _ in 0..24_000 {
        *counts.entry(prg.permutation(5)).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 120);
    let statistic: f64 = counts.values().map(|&n| (f64::from(n) - 200.0).powi(2) / 200.0).sum();
    assert!(statistic < 203.0, "chi-square {statistic}");
}

#[test]
fn permutations_are_permutations() {
    for n in [0, 1, 2, 3, 1000] {
        let mut places = Prg::new(&KEY).permutation(n);
        places.sort_unstable();
        assert!(places.iter().map(|&i| i as usize).eq(0..n));
    }
}

#[test]
fn hmac_is_hmac_sha_256() {
    // RFC 4231, test case 1, whose key of 20 bytes is padded with zeros as HMAC pads it.
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let tag = hmac(&key, b"Hi There");
    assert_eq!(tag[..8], [0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53]);
}

#[test]
fn transcripts_separate_their_parts() {
    let digest = |parts: &[(&str, &[u8])]| {
        let mut transcript = Transcript::new("test");
        for (label, message) in parts {
            transcript.append(label, message);
        }
        transcript.digest()
    };
    assert_ne!(digest(&[("a", b"bc")]), digest(&[("ab", b"c")]));
    assert_ne!(digest(&[("a", b"b"), ("c", b"")]), digest(&[("a", b"bc")]));
    assert_ne!(digest(&[]), Transcript::new("other").digest());
    assert_eq!(digest(&[("a", b"b")]), digest(&[("a", b"b")]));
}

#[test]
fn challenges_follow_the_transcript() {
    let mut first = Transcript::new("test");
    let mut second = first.clone();
    assert_eq!(first.challenge("r"), second.challenge("r"));
    assert_ne!(first.challenge("r"), second.clone().challenge("s"));
    let before = second.clone().challenge("r");
    second.append_u64("n", 1);
    assert_ne!(second.challenge("r"), before);
    let mut again = Transcript::new("test");
    assert_ne!(again.challenge("r"), again.challenge("r"));
}
