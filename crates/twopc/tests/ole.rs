//! Oblivious linear evaluation and share conversion, over both fields.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use algebra::Gf128;
use proptest::prelude::*;
use support::{cots, rng, run};
use twopc::Error;
use twopc::channel::Channel;
use twopc::ole::{self, OleField, P256Base, Role};

fn encoded<F: OleField>(element: F) -> Vec<u8> {
    let mut bytes = Vec::new();
    element.write(&mut bytes);
    bytes
}

/// Products, factors, sums.
type Parts<F> = [Vec<F>; 3];

/// Products of random inputs come out as additive shares, and sums turn into products and back.
fn products_and_conversions<F: OleField + Send + Sync>(seed: u64) {
    let mut source = rng(seed);
    let xs: Vec<F> = (0..3).map(|_| F::random(&mut source)).collect();
    let ys: Vec<F> = (0..3).map(|_| F::random(&mut source)).collect();
    let (mut sender, mut receiver) = cots(9 * F::BITS, seed);
    let side = |role: Role,
                oles: Vec<ole::Ole<F>>,
                inputs: &[F],
                channel: &mut dyn Channel,
                seed: u64|
     -> Parts<F> {
        let products = ole::multiply(role, oles[..3].to_vec(), inputs, channel).unwrap();
        let factors =
            ole::to_multiplicative(role, oles[3..6].to_vec(), inputs, channel, &mut rng(seed)).unwrap();
        let sums = ole::multiply(role, oles[6..].to_vec(), &factors, channel).unwrap();
        [products, factors, sums]
    };
    let (left, right) = run(
        |channel| {
            let oles = ole::send(9, &mut sender, channel, &mut rng(seed + 1)).unwrap();
            side(Role::Sender, oles, &xs, channel, seed + 2)
        },
        |channel| {
            let oles = ole::receive(9, &mut receiver, channel, &mut rng(seed + 3)).unwrap();
            side(Role::Receiver, oles, &ys, channel, seed + 4)
        },
    );
    for i in 0..3 {
        assert_eq!(encoded(left[0][i] + right[0][i]), encoded(xs[i] * ys[i]), "seed {seed}");
        assert_eq!(encoded(left[1][i] * right[1][i]), encoded(xs[i] + ys[i]), "seed {seed}");
        assert_eq!(encoded(left[2][i] + right[2][i]), encoded(xs[i] + ys[i]), "seed {seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn over_the_binary_field(seed: u32) {
        products_and_conversions::<Gf128>(u64::from(seed));
    }

    #[test]
    fn over_the_base_field_of_p256(seed: u32) {
        products_and_conversions::<P256Base>(u64::from(seed));
    }

    #[test]
    fn p256_elements_are_what_their_bits_say(seed: u32) {
        let element = P256Base::random(&mut rng(u64::from(seed)));
        let sum = element.bits().iter().enumerate().fold(P256Base::ZERO, |sum, (i, &bit)| {
            sum + P256Base::select(bit, P256Base::power_of_two(i))
        });
        prop_assert_eq!(element, sum);
        prop_assert_eq!(P256Base::from_be_bytes(&element.to_be_bytes()), Some(element));
        let one = element * element.inverse().unwrap();
        prop_assert_eq!(one.bits().iter().filter(|&&bit| bit).count(), 1);
    }
}

#[test]
fn an_element_that_is_not_below_the_prime_is_refused() {
    assert!(P256Base::read(&[0xff; 32]).is_none());
    let mut prime = twopc::message::pack(&P256Base::modulus_bits());
    assert!(P256Base::read(&prime).is_none());
    prime[0] -= 1;
    assert!(P256Base::read(&prime).is_some());
}

#[test]
fn a_sum_of_zero_is_refused() {
    let (mut sender, mut receiver) = cots(256, 5);
    let share = P256Base::random(&mut rng(6));
    let (_, refused) = run(
        |channel| {
            let oles = ole::send(1, &mut sender, channel, &mut rng(7)).unwrap();
            ole::to_multiplicative(Role::Sender, oles, &[share], channel, &mut rng(8)).map(|_| ())
        },
        |channel| {
            let oles = ole::receive(1, &mut receiver, channel, &mut rng(9)).unwrap();
            let negated = [P256Base::ZERO - share];
            ole::to_multiplicative(Role::Receiver, oles, &negated, channel, &mut rng(10)).map(|_| ())
        },
    );
    assert_eq!(refused, Err(Error::Cheating { what: "a shared sum is zero" }));
}
