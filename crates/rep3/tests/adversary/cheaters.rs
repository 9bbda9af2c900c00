//! Parties that compute wrongly and prove accordingly: their messages fit together, but not the shares.

use std::time::Duration;

use algebra::Fp;
use net::tamper::{Fate, Tamper, on};
use net::world::World;
use rep3::network::{Network, Party};
use rep3::{BitShare, FieldShare, and, mul};

use crate::program::{Fixture, Inputs, assert_safe, run_with};

const PATIENT: Duration = Duration::from_mins(1);

/// Changes what a party computes on.
type Lie = fn(&mut Inputs);

/// Ways to compute on something else than what was shared.
const LIES: [(&str, Lie); 7] = [
    ("own component of a bit", |inputs| inputs.x.own.set(3, !inputs.x.own.get(3))),
    ("next component of a bit", |inputs| inputs.x.next.set(69, !inputs.x.next.get(69))),
    ("the other operand", |inputs| inputs.y.own.set(0, !inputs.y.own.get(0))),
    ("own component of an element", |inputs| inputs.a.own[5] += Fp::from(1)),
    ("next component of an element", |inputs| inputs.b.next[69] += Fp::from(1)),
    ("a bit of a number to convert", |inputs| {
        let bit = &mut inputs.numbers.bits[7].own;
        bit.set(1, !bit.get(1));
    }),
    ("a bit of a number to convert in bulk", |inputs| {
        let bit = &mut inputs.numbers.bits[15].next;
        bit.set(40, !bit.get(40));
    }),
];

#[test]
fn computing_on_other_shares_is_rejected_before_anything_of_it_is_opened() {
    let fixture = Fixture::new();
    for cheater in Party::ALL {
        for (name, lie) in LIES {
            let mut shares = fixture.shares.clone();
            lie(&mut shares[cheater.index()]);
            let watch = Tamper::new();
            let results = run_with(&shares, &watch, 3, PATIENT);
            let name = format!("{cheater} changes {name}");
            assert_safe(&name, &fixture, &results, cheater);
            for honest in [cheater.left(), cheater.right()] {
                assert!(results[honest.index()].is_err(), "{name}: {honest} did not notice");
                // The first batch is opened rightly if the lie comes later; the second never is.
                let openings = watch.count(on().step("open").from(honest));
                assert!(openings <= 2, "{name}: {honest} opened what was not verified");
            }
        }
    }
}

#[test]
fn a_cheater_alone_learns_of_the_rejection_from_nothing_but_verdicts() {
    // What honest parties send must not depend on whether the cheater's guess about a secret was right: a wrong
    // message is rejected whatever the shares are, so that both runs stop at the same step.
    let fixture = Fixture::new();
    let steps = |bit: usize| {
        let mut shares = fixture.shares.clone();
        let own = &mut shares[1].x.own;
        own.set(bit, !own.get(bit));
        let watch = Tamper::new();
        run_with(&shares, &watch, 4, PATIENT).map(|result| result.unwrap_err().step)
    };
    let first = steps(0);
    for bit in 1..10 {
        assert_eq!(steps(bit), first);
    }
}

/// A gate and a product of one row each, whose components are these three.
fn smallest_batch(components: [u8; 3], tamper: &Tamper) -> [bool; 3] {
    let networks = tamper.wrap(net::memory::three_with(PATIENT, 5));
    let networks = networks.map(|network| Box::new(network) as Box<dyn Network>);
    let results = World::new(5).run_over(networks, |session| {
        let me = session.party();
        let [own, next] = [me, me.right()].map(|party| components[party.index()]);
        let bits = |byte: u8| algebra::Bits::repeat(byte & 1 == 1, 1);
        let bit = BitShare { own: bits(own), next: bits(next) };
        let element =
            FieldShare { own: vec![Fp::from(u64::from(own))], next: vec![Fp::from(u64::from(next))] };
        let results = (and(&bit, &bit, session)?, mul(&element, &element, session)?);
        session.verify(results).map(|_| ())
    });
    results.map(|result| result.is_ok())
}

/// A right verifier knows `v` and guesses `u`: the component of the inputs that it does not have. It adds something to
/// what it discloses of `v`, and that times its guess of the folded `u` to its claim. Were `u` not masked, the left
/// verifier would accept if and only if the guess was right, and so tell it. Here the guess is that all is zero.
#[test]
fn a_right_verifier_does_not_learn_from_the_verdict_whether_it_guessed_the_missing_component() {
    for liar in Party::ALL {
        // The liar discloses to the left verifier of the party on its own left.
        let (prover, verifier) = (liar.left(), liar.right());
        for missing in [0, 1] {
            let mut components = [1; 3];
            components[prover.index()] = missing;
            assert_eq!(smallest_batch(components, &Tamper::new()), [true; 3]);
            for field in [0, 32] {
                let to_verifier = on().step("verify/masked").from(liar).to(verifier);
                let tamper = Tamper::new().rule(to_verifier, move |message| {
                    message.bytes[field] ^= 1;
                    Fate::Deliver
                });
                let accepted = smallest_batch(components, &tamper);
                assert_eq!(tamper.met(), 1);
                assert_eq!(
                    accepted, [false; 3],
                    "{liar} guessed that the component is zero; it is {missing}"
                );
            }
        }
    }
}
