//! Oblivious transfer: what it delivers, and what happens to those who tamper with it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use proptest::prelude::*;
use support::{Tampering, cots, rng, run};
use twopc::Error;
use twopc::channel::Channel;
use twopc::ot::{CotReceiver, CotSender, MAX_COTS, receive_random, send_random};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn correlations_hold_and_bits_are_balanced(seed in any::<u32>(), count in 1usize..5000) {
        let (mut sender, mut receiver) = cots(count, u64::from(seed));
        let keys = sender.take(count).unwrap();
        let macs = receiver.take(count).unwrap();
        let mut ones = 0;
        for (key, mac) in keys.iter().zip(&macs) {
            let bit = mac & 1;
            ones += bit as usize;
            prop_assert_eq!(mac ^ key, sender.delta() * bit);
        }
        let distance = ones.abs_diff(count / 2) as f64;
        prop_assert!(distance < 6.0 * (count as f64).sqrt() / 2.0 + 1.0, "{ones} of {count}");
    }

    #[test]
    fn random_transfers_deliver_the_chosen_key(seed in any::<u32>(), choices in prop::collection::vec(any::<bool>(), 1..300)) {
        let count = choices.len();
        let (mut sender, mut receiver) = cots(count, u64::from(seed));
        let (pairs, chosen) = run(
            |channel| send_random(count, "test", &mut sender, channel).unwrap(),
            |channel| receive_random(&choices, "test", &mut receiver, channel).unwrap(),
        );
        for ((pair, key), choice) in pairs.iter().zip(&chosen).zip(&choices) {
            prop_assert_eq!(&pair[usize::from(*choice)], key);
            prop_assert_ne!(&pair[usize::from(!*choice)], key);
        }
    }
}

#[test]
fn several_extensions_go_on_where_the_last_ended() {
    let (sender, receiver) = run(
        |channel| {
            let mut sender = CotSender::setup(u128::MAX / 3, channel, &mut rng(1)).unwrap();
            sender.extend(200, channel).unwrap();
            sender.extend(300_000, channel).unwrap();
            sender
        },
        |channel| {
            let mut receiver = CotReceiver::setup(channel, &mut rng(2)).unwrap();
            receiver.extend(200, channel).unwrap();
            receiver.extend(300_000, channel).unwrap();
            receiver
        },
    );
    let (mut sender, mut receiver) = (sender, receiver);
    assert_eq!(sender.left(), receiver.left());
    let count = sender.left();
    let keys = sender.take(count).unwrap();
    let macs = receiver.take(count).unwrap();
    assert!(keys.iter().zip(&macs).all(|(key, mac)| mac ^ key == sender.delta() * (mac & 1)));
    let mut sorted = keys;
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), count, "keys repeat");
}

/// The receiver's messages: base OT public key, 16 trees of two messages, then corrections, check, digest.
const TREES: std::ops::Range<usize> = 1..33;

fn tampered(nth: usize, byte: usize) -> Result<(), Error> {
    let (sender, _) = run(
        |channel| {
            let mut sender = CotSender::setup(0xdead_beef << 90 | 0xf00d << 3, channel, &mut rng(3))?;
            sender.extend(1000, channel)
        },
        |channel| {
            let mut channel = Tampering::new(channel, nth, byte);
            let mut receiver = CotReceiver::setup(&mut channel, &mut rng(4))?;
            receiver.extend(1000, &mut channel)
        },
    );
    sender
}

#[test]
fn a_receiver_with_inconsistent_trees_is_caught() {
    // The digest of every tree covers all leaves: any flipped bit in it is seen.
    for tree in TREES.step_by(2) {
        assert_eq!(tampered(tree + 1, 5), Err(Error::Cheating { what: "punctured tree" }));
    }
    // A flipped correction is seen whenever the sender uses it: of the two of a level, it uses one.
    for level in 0..8 {
        let caught = (0..2).filter(|side| tampered(1, 16 * (2 * level + side) + 3).is_err()).count();
        assert!(caught >= 1, "level {level}");
    }
}

#[test]
fn a_receiver_with_inconsistent_bits_is_caught() {
    // 1000 bits make 8 blocks and one more to hide them; each of 15 corrections has 9 blocks of 16 bytes.
    for group in 0..15 {
        let byte = (group * 9 + group % 9) * 16 + group;
        let result = tampered(33, byte);
        let hole = (0xdead_beef_u128 << 90 | 0xf00d << 3 | 1) >> (8 * (group + 1)) & 0xff;
        if hole == 0 {
            // The correction meets a zero part of delta: a selective failure that tells the receiver just that.
            assert_eq!(result, Ok(()));
        } else {
            assert_eq!(result, Err(Error::Cheating { what: "OT extension consistency" }));
        }
    }
}

#[test]
fn a_receiver_that_lies_in_the_check_is_caught() {
    for nth in [34, 35] {
        assert_eq!(tampered(nth, 7), Err(Error::Cheating { what: "OT extension consistency" }));
    }
}

#[test]
fn a_key_that_is_no_point_is_refused() {
    let (sender, ()) = run(
        |channel| CotSender::setup(1, channel, &mut rng(5)).map(|_| ()),
        |channel| {
            channel.send(&[0xff; 32]).unwrap();
            channel.flush().unwrap();
            let _ = channel.recv(1 << 20);
        },
    );
    assert_eq!(sender, Err(Error::Malformed { what: "base OT point" }));
}

#[test]
fn requests_are_capped_and_pools_run_dry() {
    let (mut sender, mut receiver) = cots(1, 9);
    let (mut channel, _peer) = net::memory::pair();
    assert!(matches!(sender.extend(MAX_COTS + 1, &mut channel), Err(Error::TooMany { .. })));
    assert!(matches!(receiver.extend(MAX_COTS + 1, &mut channel), Err(Error::TooMany { .. })));
    assert!(matches!(sender.take(129), Err(Error::Exhausted { .. })));
    assert!(matches!(receiver.take(129), Err(Error::Exhausted { .. })));
}
