//! The masked sum: exact, and uniform for a uniform mask however its gates are tampered with.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::HashSet;
use std::convert::Infallible;

use circuit::arith::masked;
use circuit::bits::{from_u64, to_u64};
use circuit::{Backend, Clear};
use proptest::prelude::*;

const WIDTH: usize = 4;

/// Evaluates in the clear, but adds an error to every AND gate whose turn comes in the pattern: all that a cheating
/// party can do, since it sends one bit a gate.
struct Faulty {
    pattern: u64,
    gate: u32,
}

impl Backend for Faulty {
    type Wire = bool;
    type Error = Infallible;

    fn constant(&mut self, bit: bool) -> bool {
        bit
    }

    fn xor(&mut self, a: &bool, b: &bool) -> bool {
        a ^ b
    }

    fn not(&mut self, a: &bool) -> bool {
        !a
    }

    fn and(&mut self, pairs: &[(bool, bool)]) -> Result<Vec<bool>, Infallible> {
        let gate = |(a, b): &(bool, bool)| {
            self.gate += 1;
            (a & b) ^ (self.pattern.rotate_right(self.gate) & 1 == 1)
        };
        Ok(pairs.iter().map(gate).collect())
    }
}

fn add<B: Backend<Wire = bool, Error = Infallible>>(x: u64, masks: [u64; 2], backend: &mut B) -> [u64; 3] {
    let [first, second] = masks.map(|mask| from_u64(mask, WIDTH));
    let masked = masked::add(&from_u64(x, WIDTH), [&first, &second], backend).unwrap();
    [to_u64(&masked.sum), masked.saved.into(), masked.carried.into()]
}

#[test]
fn the_masked_sum_is_exact() {
    for x in 0..1 << WIDTH {
        for first in 0..1 << WIDTH {
            for second in 0..1 << WIDTH {
                let [sum, saved, carried] = add(x, [first, second], &mut Clear::default());
                assert_eq!(
                    x + first + second,
                    sum + ((saved + carried) << WIDTH),
                    "{x} + {first} + {second}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_masked_sum_stays_a_bijection_of_each_mask_under_any_errors(pattern: u64, x in 0u64..16, other in 0u64..16) {
        for arrange in [|mask, other| [mask, other], |mask, other| [other, mask]] {
            let sums: HashSet<u64> = (0..1 << WIDTH)
                .map(|mask| add(x, arrange(mask, other), &mut Faulty { pattern, gate: 0 })[0])
                .collect();
            prop_assert_eq!(sums.len(), 1 << WIDTH);
        }
    }
}
