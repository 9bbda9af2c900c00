//! Every message of every party, changed in every way.

use std::collections::BTreeSet;
use std::time::Duration;

use net::tamper::{Fate, Message, Tamper, on};
use rep3::network::Party;

use crate::program::{Fixture, assert_safe, honest_openings};

const PATIENT: Duration = Duration::from_mins(1);

/// The name and place of a message: step, sender, receiver, occurrence.
type Place = (&'static str, Party, Party, usize);

/// A change to a message.
type Change = fn(&mut Vec<u8>);

/// All messages of an honest run, in order.
fn script(fixture: &Fixture) -> Vec<Message> {
    let watch = Tamper::new();
    for result in fixture.run(&watch, 1, PATIENT) {
        assert!(fixture.is_right(&result.expect("honest parties do not abort")));
    }
    watch.sent()
}

/// The first and the last message of each step on each link.
fn places(script: &[Message]) -> Vec<Place> {
    let all = script.iter().map(|m| (m.step.0, m.from, m.to, m.occurrence)).collect::<BTreeSet<_>>();
    let last = |place: &Place| !all.contains(&(place.0, place.1, place.2, place.3 + 1));
    all.iter().filter(|place| place.3 == 0 || last(place)).copied().collect()
}

/// Runs with one message changed; asserts safety and returns whether every honest party was right after all.
fn attack(
    name: &str,
    fixture: &Fixture,
    place: Place,
    mut change: impl FnMut(&mut Vec<u8>) + Send + 'static,
) -> bool {
    let (step, from, to, occurrence) = place;
    let select = on().step(step).from(from).to(to).nth(occurrence);
    let tamper = Tamper::new().rule(select, move |message| {
        change(&mut message.bytes);
        Fate::Deliver
    });
    let results = fixture.run(&tamper, 1, PATIENT);
    let name = format!("{name} in {step} from {from} to {to}, number {occurrence}");
    assert!(tamper.met() > 0, "{name}: the message was never sent");
    assert_safe(&name, fixture, &results, from);
    let right = [from.left(), from.right()].iter().all(|party| results[party.index()].is_ok());
    if let Some(allowed) = openings_before(step, occurrence).filter(|_| !right) {
        assert!(honest_openings(&tamper, from) <= allowed, "{name}: opened before all verdicts");
    }
    right
}

/// How many messages of openings the honest parties may have sent by the verdicts that this message goes before and that
/// it must reach. (A verdict itself may go wrong to one party only: the other one holds all three.)
fn openings_before(step: &str, occurrence: usize) -> Option<usize> {
    let first_batch = match step {
        "input/commitments" | "input/accepted" => true,
        "and" | "mul" | "verify/shares" | "verify/digests" | "verify/challenges" | "verify/masked" => {
            occurrence == 0
        }
        "inject" | "open/masked" | "shuffle/first" | "shuffle/second" => false,
        _ => return None,
    };
    // Each of the two opens the first batch to both others.
    Some(if first_batch { 0 } else { 4 })
}

#[test]
fn every_kind_of_message_is_attacked() {
    let steps: BTreeSet<_> = places(&script(&Fixture::new())).into_iter().map(|place| place.0).collect();
    let expected = [
        "and",
        "inject",
        "input/accepted",
        "input/commitments",
        "mul",
        "open",
        "open/masked",
        "seal",
        "session/confirm",
        "session/nonce",
        "shuffle/first",
        "shuffle/second",
        "verify/challenges",
        "verify/digests",
        "verify/masked",
        "verify/shares",
        "verify/verdict",
    ];
    assert!(steps.iter().eq(expected.iter()), "{steps:?}");
}

#[test]
fn a_flipped_bit_in_any_message_aborts_or_changes_nothing() {
    let fixture = Fixture::new();
    let mut void = Vec::new();
    for place in places(&script(&fixture)) {
        for offset in [0usize, 7, 1 << 20] {
            let right = attack("a flipped bit", &fixture, place, move |bytes| {
                let at = offset.min(bytes.len().saturating_sub(1));
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1;
                }
            });
            if right {
                void.push(place.0);
            }
        }
    }
    // Nothing that the parties send is without consequence but a vote about an input, which excludes it.
    assert!(void.iter().all(|step| *step == "input/commitments"), "void: {void:?}");
}

/// Whether honest parties abort must not tell a cheater whether what it guessed of a secret is right. Here everything
/// is zero that it does not know, and it guesses just that: a changed bit is the error of a wrong value *and* of a
/// right one.
#[test]
fn whether_a_flipped_bit_aborts_does_not_depend_on_secrets() {
    let (random, zeros) = (Fixture::new(), Fixture::zeros());
    let aborts = |fixture: &Fixture, (step, from, to, occurrence): Place, offset: usize| {
        let select = on().step(step).from(from).to(to).nth(occurrence);
        let results = fixture.run(&Tamper::new().flip(select, offset), 1, PATIENT);
        assert_safe("a flipped bit among zeros", fixture, &results, from);
        [from.left(), from.right()].map(|party| results[party.index()].is_err())
    };
    for place in places(&script(&random)) {
        for offset in [0, 16, 32] {
            let (guessed_wrong, guessed_right) =
                (aborts(&random, place, offset), aborts(&zeros, place, offset));
            assert_eq!(guessed_wrong, guessed_right, "{place:?}, byte {offset}");
        }
    }
}

#[test]
fn another_value_swapped_rows_and_malformed_encodings_abort() {
    let fixture = Fixture::new();
    let changes: [(&str, Change); 5] = [
        ("one added to an element", |bytes| {
            if let Some(element) = bytes.first_chunk_mut::<16>() {
                *element = u128::from_le_bytes(*element).wrapping_add(1).to_le_bytes();
            } else {
                bytes[0] = bytes[0].wrapping_add(1);
            }
        }),
        ("two rows swapped", |bytes| {
            let half = bytes.len() / 2 / 16 * 16;
            if half > 0 {
                let (low, high) = bytes.split_at_mut(half);
                low[..16].swap_with_slice(&mut high[..16]);
            } else {
                bytes.reverse();
            }
        }),
        ("a second encoding of zero", |bytes| {
            let length = bytes.len().min(16);
            let p = ((1u128 << 127) - 1).to_le_bytes();
            bytes[..length].copy_from_slice(&p[..length]);
        }),
        ("all ones", |bytes| bytes.fill(0xff)),
        ("all zeros", |bytes| bytes.fill(0)),
    ];
    for place in places(&script(&fixture)) {
        for (name, change) in changes {
            attack(name, &fixture, place, change);
        }
    }
}

#[test]
fn messages_of_another_length_abort() {
    let fixture = Fixture::new();
    for place in places(&script(&fixture)) {
        assert!(!attack("truncated", &fixture, place, |bytes| bytes.truncate(bytes.len() - 1)));
        assert!(!attack("extended", &fixture, place, |bytes| bytes.push(0)));
        assert!(!attack("emptied", &fixture, place, Vec::clear));
    }
}

#[test]
fn a_message_replayed_from_an_earlier_batch_aborts_or_changes_nothing() {
    let fixture = Fixture::new();
    let script = script(&fixture);
    for place in places(&script).into_iter().filter(|place| place.3 > 0) {
        let earlier = |m: &&Message| (m.step.0, m.from, m.to, m.occurrence) == (place.0, place.1, place.2, 0);
        let old = script.iter().find(earlier).unwrap().bytes.clone();
        let stale = move |bytes: &mut Vec<u8>| {
            let length = bytes.len();
            bytes.clear();
            bytes.extend(old.iter().cycle().take(length));
        };
        // An early verdict is of this kind: that of the batch before.
        assert!(!attack("replayed from an earlier batch", &fixture, place, stale));
    }
}

#[test]
fn a_message_replayed_from_another_session_aborts_or_changes_nothing() {
    let fixture = Fixture::new();
    let watch = Tamper::new();
    let results = fixture.run(&watch, 2, PATIENT);
    assert!(results.iter().all(Result::is_ok));
    let other = watch.sent();
    for place in places(&other) {
        let same = |m: &&Message| (m.step.0, m.from, m.to, m.occurrence) == place;
        let old = other.iter().find(same).unwrap().bytes.clone();
        let right =
            attack("replayed from another session", &fixture, place, move |bytes| bytes.clone_from(&old));
        // The same inputs are voted for in both sessions; everything else is masked afresh.
        assert!(!right || place.0.starts_with("input/"), "{place:?}");
    }
}

#[test]
fn lost_messages_and_cut_links_abort() {
    let fixture = Fixture::new();
    for (step, from, to, occurrence) in places(&script(&fixture)) {
        let select = on().step(step).from(from).to(to).nth(occurrence);
        let tamper = Tamper::new().rule(select, |_| Fate::Cut);
        let results = fixture.run(&tamper, 1, PATIENT);
        assert_safe("cut", &fixture, &results, from);
        assert!(results[to.index()].is_err(), "{to} missed {step} and did not notice");
    }
}

#[test]
fn a_lost_message_of_any_kind_aborts() {
    let fixture = Fixture::new();
    // Long enough for a busy machine or not: who waits for a message that never comes cannot be right.
    let patience = Duration::from_millis(100);
    for (step, from, to, occurrence) in places(&script(&fixture)).into_iter().filter(|place| place.3 == 0) {
        let select = on().step(step).from(from).to(to).nth(occurrence);
        let results = fixture.run(&Tamper::new().rule(select, |_| Fate::Drop), 1, patience);
        assert_safe("lost", &fixture, &results, from);
        assert!(results[to.index()].is_err(), "{to} missed {step} and did not notice");
    }
}
