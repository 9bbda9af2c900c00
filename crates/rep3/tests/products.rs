#![allow(missing_docs, reason = "tests are named after what they show")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]
//! Gates and products, verified and opened, against clear evaluation.

use algebra::{Bits, Fp, Prg};
use net::world::World;
use rep3::network::Party;
use rep3::{Abort, BatchLimits, Session, and, and_many, deal_bits, deal_field, inner_products, mul, open};

fn all_equal<T: PartialEq + std::fmt::Debug>(results: [Result<T, Abort>; 3]) -> T {
    let [a, b, c] = results.map(|result| result.expect("honest parties do not abort"));
    assert_eq!(a, b);
    assert_eq!(b, c);
    a
}

fn mine<T: Clone>(shares: &[T; 3], session: &Session) -> T {
    shares[session.party().index()].clone()
}

#[test]
fn gates_of_every_length_match_the_clear() {
    for len in [0, 1, 2, 63, 64, 65, 127, 129, 1000, 16383, 16384, 16385, 40000] {
        let mut prg = Prg::new(&[len as u8; 16]);
        let (x, y) = (prg.bits(len), prg.bits(len));
        let (sx, sy) = (deal_bits(&x, &mut prg), deal_bits(&y, &mut prg));
        let z = all_equal(World::new(1).run(|session| {
            let z = and(&mine(&sx, session), &mine(&sy, session), session)?;
            let z = session.verify(z)?;
            open(&z, session)
        }));
        assert_eq!(z, &x & &y, "{len} gates");
    }
}

/// One gate less than a batch, as many, one more; and batches whose size is no multiple of a word.
#[test]
fn columns_around_the_size_of_a_batch_match_the_clear() {
    let mut prg = Prg::new(&[7; 16]);
    for ands in [1, 63, 64, 65, 128, 300] {
        for len in [ands - 1, ands, ands + 1, 2 * ands - 1, 2 * ands, 2 * ands + 1, 3 * ands + 64] {
            let (x, y) = (prg.bits(len), prg.bits(len));
            let (sx, sy) = (deal_bits(&x, &mut prg), deal_bits(&y, &mut prg));
            let world = World::new(3).with_limits(BatchLimits { ands, terms: 64 });
            let z = all_equal(world.run(|session| {
                let z = and(&mine(&sx, session), &mine(&sy, session), session)?;
                let z = session.verify(z)?;
                open(&z, session)
            }));
            assert_eq!(z, &x & &y, "{len} gates in batches of {ands}");
        }
    }
}

#[test]
fn layers_of_unequal_columns_and_several_batches_match_the_clear() {
    let lens = [1, 70, 0, 64, 5, 128, 63, 1, 200, 257, 1000, 512];
    let mut prg = Prg::new(&[3; 16]);
    let columns: Vec<(Bits, Bits)> = lens.iter().map(|&n| (prg.bits(n), prg.bits(n))).collect();
    let shares: Vec<_> =
        columns.iter().map(|(x, y)| (deal_bits(x, &mut prg), deal_bits(y, &mut prg))).collect();
    let world = World::new(2).with_limits(BatchLimits { ands: 256, terms: 3 });
    let opened = all_equal(world.run(|session| {
        let pairs: Vec<_> = shares.iter().map(|(x, y)| (mine(x, session), mine(y, session))).collect();
        let first = and_many(&pairs, session)?;
        let again: Vec<_> = first.into_iter().zip(pairs).map(|(z, (x, _))| (z, x)).collect();
        let second = and_many(&again, session)?;
        let second = session.verify(second)?;
        open(&second, session)
    }));
    for ((x, y), z) in columns.iter().zip(opened) {
        assert_eq!(z, x & y);
    }
}

#[test]
fn products_and_inner_products_match_the_clear() {
    let mut prg = Prg::new(&[4; 16]);
    let lens = [1, 0, 2, 9, 40, 33];
    let columns: Vec<(Vec<Fp>, Vec<Fp>)> = lens.iter().map(|&n| (prg.elements(n), prg.elements(n))).collect();
    let shares: Vec<_> =
        columns.iter().map(|(x, y)| (deal_field(x, &mut prg), deal_field(y, &mut prg))).collect();
    for terms in [1, 7, 9, 39, 40, 41, 84, 85, 86, 1 << 20] {
        let world = World::new(5).with_limits(BatchLimits { ands: 64, terms });
        let (products, sums) = all_equal(world.run(|session| {
            let pairs: Vec<_> = shares.iter().map(|(x, y)| (mine(x, session), mine(y, session))).collect();
            let mut products = Vec::new();
            for (x, y) in &pairs {
                products.push(mul(x, y, session)?);
            }
            // Every column with itself and with its partner: columns in several products, of several lengths.
            let pairs: Vec<_> = pairs.iter().flat_map(|(x, y)| [(x, y), (x, x), (y, y), (y, x)]).collect();
            let sums = inner_products(&pairs, session)?;
            let both = session.verify((products, sums))?;
            open(&both, session)
        }));
        for (((x, y), product), sums) in columns.iter().zip(products).zip(sums.chunks(4)) {
            let expected: Vec<Fp> = x.iter().zip(y).map(|(&a, &b)| a * b).collect();
            let dot = |a: &[Fp], b: &[Fp]| a.iter().zip(b).map(|(&a, &b)| a * b).sum::<Fp>();
            assert_eq!(product, expected);
            assert_eq!(sums, [dot(x, y), dot(x, x), dot(y, y), dot(x, y)], "{terms} terms a batch");
        }
    }
}

#[test]
fn public_values_and_negation_go_into_one_component() {
    let mut prg = Prg::new(&[6; 16]);
    let (x, public) = (prg.bits(100), prg.bits(100));
    let shares = deal_bits(&x, &mut prg);
    let opened = all_equal(World::new(6).run(|session| {
        let me: Party = session.party();
        let column = mine(&shares, session).xor_public(&public, me).not(me);
        let column = session.verify(column)?;
        open(&column, session)
    }));
    assert_eq!(opened, !&(&x ^ &public));
}
