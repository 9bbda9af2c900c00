#![allow(missing_docs, reason = "tests are named after what they show")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
//! Where shares enter and leave a session: provider inputs, stored columns, outputs for a consumer.

use algebra::{Bits, Fp, Prg};
use net::memory;
use net::tamper::{Tamper, on};
use net::world::World;
use rep3::network::{Network, Party};
use rep3::{
    Abort, Cause, Component, InputContext, PartyInput, SealError, Sealed, agree_on_inputs, combine,
    combine_bits, combine_field, deal_field, input_columns, open, seal, share_input,
};

const CONTEXT: InputContext<'static> = InputContext { session: &[1; 32], provider: &[2; 32] };
const LENGTH: usize = 56;

fn inputs(count: usize) -> (Vec<Vec<u8>>, Vec<[PartyInput; 3]>) {
    let mut prg = Prg::new(&[5; 16]);
    let values: Vec<Vec<u8>> = (0..count)
        .map(|_| {
            let mut value = vec![0; LENGTH];
            prg.fill_bytes(&mut value);
            value
        })
        .collect();
    let shares = values.iter().map(|value| share_input(value, CONTEXT, &mut prg)).collect();
    (values, shares)
}

/// Which inputs were accepted, and their columns.
type Accepted = Result<(Vec<bool>, Vec<Bits>), Abort>;

/// What a party does with a batch of inputs: check, agree, and open the columns of those accepted.
fn accept(batch: &[[PartyInput; 3]], seed: u64) -> [Accepted; 3] {
    World::new(seed).run(|session| {
        let me = session.party();
        let mine: Vec<&PartyInput> = batch.iter().map(|input| &input[me.index()]).collect();
        let checked: Vec<_> = mine.iter().map(|input| input.check(CONTEXT, LENGTH, me)).collect();
        let lists: Vec<_> =
            mine.iter().zip(&checked).map(|(i, good)| good.as_ref().map(|_| i.commitments)).collect();
        let accepted = agree_on_inputs(&lists, session)?;
        let kept: Vec<[Vec<u8>; 2]> =
            checked.into_iter().zip(&accepted).filter(|(_, good)| **good).filter_map(|(c, _)| c).collect();
        let columns = session.verify(input_columns(&kept, LENGTH))?;
        Ok((accepted, open(&columns, session)?))
    })
}

fn row(columns: &[Bits], row: usize) -> Vec<u8> {
    columns.chunks(8).map(|byte| (0..8).map(|k| u8::from(byte[k].get(row)) << k).sum()).collect()
}

#[test]
fn honest_inputs_are_accepted_and_arrive() {
    for count in [0, 1, 3, 65] {
        let (values, shares) = inputs(count);
        for result in accept(&shares, 1) {
            let (accepted, columns) = result.unwrap();
            assert_eq!(accepted, vec![true; count]);
            for (r, value) in values.iter().enumerate() {
                assert_eq!(&row(&columns, r), value);
            }
        }
    }
}

#[test]
fn an_input_that_differs_between_parties_is_dropped_by_all() {
    type Tamper = fn(&mut [PartyInput; 3]);
    let cases: [(&str, Tamper); 4] = [
        ("one party gets another seed", |input| {
            input[1].own = Component::Seed { seed: [9; 16], salt: [9; 32] };
        }),
        ("one party gets other commitments", |input| input[2].commitments[0][0] ^= 1),
        ("a component of another length", |input| {
            input[1].next = Component::Bytes { bytes: vec![0; LENGTH - 1], salt: [0; 32] };
        }),
        ("both holders of a component get different bytes, each well committed to", |input| {
            let other = share_input(&[7; LENGTH], CONTEXT, &mut Prg::new(&[8; 16]));
            input[0] = other[0].clone();
        }),
    ];
    for (name, tamper) in cases {
        let (values, mut shares) = inputs(3);
        tamper(&mut shares[1]);
        for result in accept(&shares, 2) {
            let (accepted, columns) = result.unwrap();
            assert_eq!(accepted, [true, false, true], "{name}");
            assert_eq!(row(&columns, 0), values[0]);
            assert_eq!(row(&columns, 1), values[2]);
        }
    }
}

/// A party that tells one other party that an input is bad, and the third one that it is good, would have these two go
/// on with different rows.
#[test]
fn a_party_that_splits_the_others_over_an_input_is_noticed_before_they_compute() {
    let lists = [Some([[1; 32]; 3]), Some([[2; 32]; 3])];
    for liar in Party::ALL {
        for misled in [liar.left(), liar.right()] {
            let tamper = Tamper::new().flip(on().step("input/commitments").from(liar).to(misled), 32);
            let networks = tamper.wrap(memory::three()).map(|network| Box::new(network) as Box<dyn Network>);
            let results =
                World::new(4).run_over(networks, |session| agree_on_inputs(&lists, session).map(|_| ()));
            for result in results {
                let abort = result.unwrap_err();
                assert_eq!((abort.step, abort.cause), (rep3::ACCEPT, Cause::Disagreement));
            }
        }
    }
}

#[test]
fn a_commitment_is_bound_to_its_context() {
    let (_, shares) = inputs(1);
    for party in Party::ALL {
        let input = &shares[0][party.index()];
        assert!(input.check(CONTEXT, LENGTH, party).is_some());
        assert!(input.check(InputContext { session: &[3; 32], ..CONTEXT }, LENGTH, party).is_none());
        assert!(input.check(InputContext { provider: &[3; 32], ..CONTEXT }, LENGTH, party).is_none());
        assert!(input.check(CONTEXT, LENGTH + 1, party).is_none());
    }
}

fn sealed_field(values: &[Fp]) -> [Sealed; 3] {
    let shares = deal_field(values, &mut Prg::new(&[6; 16]));
    World::new(3)
        .run(|session| {
            let mine = session.verify(shares[session.party().index()].clone())?;
            seal(&mine, session)
        })
        .map(Result::unwrap)
}

#[test]
fn a_consumer_puts_the_output_together() {
    let values = [Fp::from(1), Fp::new(Fp::MODULUS - 1), Fp::from(7)];
    let sealed = sealed_field(&values);
    assert_eq!(combine_field(combine(&sealed).unwrap(), 3).unwrap(), values);
    assert_eq!(combine_field(combine(&sealed).unwrap(), 2), Err(SealError::Malformed(0)));
    assert_eq!(combine_bits(combine(&sealed).unwrap(), 384).unwrap().len(), 384);
}

#[test]
fn a_party_that_lies_to_the_consumer_is_caught() {
    let values = [Fp::from(5)];
    for party in Party::ALL {
        let changes: [fn(&mut Sealed); 4] = [
            |s| s.own.bytes[0] ^= 1,
            |s| s.next.bytes[0] ^= 1,
            |s| s.own.salt[0] ^= 1,
            |s| s.digests[0][0] ^= 1,
        ];
        for change in changes {
            let mut sealed = sealed_field(&values);
            change(&mut sealed[party.index()]);
            assert!(combine(&sealed).is_err());
            // The liar recomputes the digests of what it claims; the other holder still contradicts it.
            for (j, part) in [(party, 0), (party.right(), 1)] {
                let liar = &mut sealed[party.index()];
                let component = if part == 0 { &liar.own } else { &liar.next };
                liar.digests[j.index()] = component.digest(j.index());
            }
            let honest = sealed_field(&values);
            let outcome = combine(&sealed);
            assert!(outcome.is_err() || outcome.unwrap() == combine(&honest).unwrap());
        }
    }
}

#[test]
fn edited_stored_shares_are_noticed_at_load() {
    let sealed = sealed_field(&[Fp::from(5), Fp::from(6)]);
    for party in Party::ALL {
        let stored = &sealed[party.index()];
        assert_eq!(stored.check(party), Ok(()));
        for edit in [|s: &mut Sealed| s.own.bytes[3] ^= 4, |s: &mut Sealed| s.next.bytes[17] ^= 1] {
            let mut edited = stored.clone();
            edit(&mut edited);
            assert!(matches!(edited.check(party), Err(SealError::Digest(_, p)) if p == party));
        }
    }
}
