//! Sessions: killed at every message, never resumed, and only between parties that mean the same.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use net::tamper::{Fate, Tamper, on};
use rep3::executor::Inline;
use rep3::network::Party;
use rep3::{Abort, Cause, Config, Session};

use crate::program::{Fixture, assert_safe};

const PATIENT: Duration = Duration::from_mins(1);

#[test]
fn a_party_killed_at_any_message_leaves_the_others_right_or_aborted() {
    let fixture = Fixture::new();
    let watch = Tamper::new();
    assert!(fixture.run(&watch, 1, PATIENT).iter().all(Result::is_ok));
    for victim in Party::ALL {
        let total = watch.count(on().from(victim));
        for last in 0..total {
            let sent = Arc::new(AtomicUsize::new(0));
            let tamper = Tamper::new().rule(on().from(victim), move |_| {
                if sent.fetch_add(1, Ordering::Relaxed) < last { Fate::Deliver } else { Fate::Cut }
            });
            let results = fixture.run(&tamper, 1, PATIENT);
            let name = format!("{victim} killed at message {last} of {total}");
            assert_safe(&name, &fixture, &results, victim);
            let aborted = [victim.left(), victim.right()].iter().any(|p| results[p.index()].is_err());
            assert!(aborted, "{name}: nobody noticed");
        }
    }
}

#[test]
fn after_an_abort_a_session_sends_nothing_more() {
    let fixture = Fixture::new();
    let tamper = Tamper::new().flip(on().step("and").from(Party::P1).nth(0), 0);
    let watched = tamper.clone();
    let networks = tamper.wrap(net::memory::three());
    let networks = networks.map(|n| Box::new(n) as Box<dyn rep3::network::Network>);
    let counts = Mutex::new(Vec::new());
    let results = net::world::World::new(1).run_over(networks, |session| {
        let inputs = &fixture.shares[session.party().index()];
        rep3::and(&inputs.x, &inputs.y, session)?;
        let first = session.verify_pending().expect_err("the batch is rejected");
        let before = watched.count(on().from(session.party()));
        for _ in 0..3 {
            let again = rep3::and(&inputs.x, &inputs.y, session).expect_err("the session is dead");
            assert_eq!(again.cause, Cause::Dead);
            assert!(session.verify_pending().is_err(), "what is pending can never be verified");
        }
        let after = watched.count(on().from(session.party()));
        counts.lock().unwrap().push((before, after));
        Err::<(), Abort>(first)
    });
    assert!(results.iter().all(|result| result.as_ref().is_err_and(|abort| abort.step.0 != "panic")));
    assert!(counts.lock().unwrap().iter().all(|(before, after)| before == after));
}

/// Opens sessions with one configuration and nonce for each party.
fn open_sessions(configs: [Config; 3], nonces: [[u8; 32]; 3]) -> [Result<Session, Abort>; 3] {
    let networks = net::memory::three();
    std::thread::scope(|scope| {
        let parties = networks.into_iter().zip(configs).zip(nonces).map(|((network, config), nonce)| {
            scope.spawn(move || Session::open(Box::new(network), Arc::new(Inline), &config, nonce))
        });
        let parties: Vec<_> = parties.collect();
        let mut results = parties.into_iter().map(|party| party.join().unwrap());
        std::array::from_fn(|_| results.next().unwrap())
    })
}

const CONFIG: Config = Config { sid: [1; 32], program: [2; 32], inputs: [3; 32] };

#[test]
fn parties_that_mean_different_things_do_not_start() {
    let nonces = [[1; 32], [2; 32], [3; 32]];
    assert!(open_sessions([CONFIG, CONFIG, CONFIG], nonces).iter().all(Result::is_ok));
    let others = [
        Config { sid: [9; 32], ..CONFIG },
        Config { program: [9; 32], ..CONFIG },
        Config { inputs: [9; 32], ..CONFIG },
    ];
    for other in others {
        for odd in 0..3 {
            let mut configs = [CONFIG, CONFIG, CONFIG];
            configs[odd] = other.clone();
            for result in open_sessions(configs, nonces) {
                let cause = result.map(|_| ()).unwrap_err().cause;
                assert!(matches!(cause, Cause::KeyConfirmation(_) | Cause::Network(_)), "{cause}");
            }
        }
    }
}

#[test]
fn a_session_opened_again_masks_its_messages_afresh() {
    // Were it otherwise, the receiver could subtract the messages of two runs on different data.
    let fixture = Fixture::new();
    let messages = |seed: u64| {
        let watch = Tamper::new();
        assert!(fixture.run(&watch, seed, PATIENT).iter().all(Result::is_ok));
        let sent = watch.sent().into_iter().filter(|m| m.step.0 == "mul" || m.step.0 == "and");
        sent.map(|message| message.bytes).collect::<Vec<_>>()
    };
    let (first, second) = (messages(1), messages(2));
    assert_eq!(first.len(), second.len());
    assert!(first.iter().zip(&second).all(|(a, b)| a != b));
}

/// Were a message not part of its sender's challenges, the sender could know its random weights first, and choose errors
/// that cancel.
#[test]
fn challenges_depend_on_what_was_sent_to_either_side() {
    let (random, zeros) = (Fixture::new(), Fixture::zeros());
    // The same seed gives the same keys, hence the same salts.
    let digests = |fixture: &Fixture| {
        let watch = Tamper::new();
        assert!(fixture.run(&watch, 1, PATIENT).iter().all(Result::is_ok));
        let digest = |party, step, batch| {
            let sent = watch.sent().into_iter().filter(|m| m.from == party && m.step.0 == step);
            sent.map(|message| message.bytes[..32].to_vec()).nth(batch).unwrap()
        };
        // To the right party, what went left; to the left one, what went right: in the first batch, votes only.
        let of = |party| [digest(party, "verify/digests", 0), digest(party, "verify/shares", 1)];
        Party::ALL.map(of)
    };
    assert_eq!(digests(&random), digests(&random));
    for (one, other) in digests(&random).as_flattened().iter().zip(digests(&zeros).as_flattened()) {
        assert_ne!(one, other);
    }
}
