//! A program that sends every kind of message, and how it is run under attack.

use std::time::Duration;

use algebra::{Bits, Fp, Prg};
use net::tamper::{Tamper, on};
use net::world::World;
use rep3::network::{Network, Party};
use rep3::{
    Abort, BitShare, FieldShare, IntShare, Session, Table, agree_on_inputs, and_many, combine, combine_field,
    convert, deal_bits, deal_field, deal_ints, inner_product, mul, open, seal, shuffle,
};

/// Rows of every column.
pub const ROWS: usize = 70;
/// Integers to convert: enough for both ways of doing it.
pub const NUMBERS: usize = 263;

/// What the program computes on.
#[derive(Clone)]
pub struct Inputs {
    pub x: BitShare,
    pub y: BitShare,
    pub numbers: IntShare,
    pub a: FieldShare,
    pub b: FieldShare,
}

/// What an honest party may come to: this and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub conjunctions: Vec<Bits>,
    pub products: Vec<Fp>,
    pub total: Fp,
    pub converted: Vec<Fp>,
    /// Shuffled rows, in any order.
    pub multiset: Vec<(Fp, bool)>,
    /// What a consumer outside makes of the parties' outputs.
    pub sealed: rep3::Sealed,
}

/// The inputs in the clear and the shares of the three parties.
pub struct Fixture {
    pub shares: [Inputs; 3],
    x: Bits,
    y: Bits,
    numbers: Vec<i128>,
    a: Vec<Fp>,
    b: Vec<Fp>,
}

impl Fixture {
    /// Random inputs.
    pub fn new() -> Self {
        let mut prg = Prg::new(&[11; 16]);
        let (x, y) = (prg.bits(ROWS), prg.bits(ROWS));
        let numbers: Vec<i128> = (0..NUMBERS).map(|_| i128::from(prg.block() as u16)).collect();
        let (a, b): (Vec<Fp>, Vec<Fp>) = (prg.elements(ROWS), prg.elements(ROWS));
        let (sx, sy) = (deal_bits(&x, &mut prg), deal_bits(&y, &mut prg));
        let sn = deal_ints(&numbers, 16, false, &mut prg);
        let (sa, sb) = (deal_field(&a, &mut prg), deal_field(&b, &mut prg));
        let shares = Party::ALL.map(|party| {
            let i = party.index();
            let (x, y, numbers) = (sx[i].clone(), sy[i].clone(), sn[i].clone());
            Inputs { x, y, numbers, a: sa[i].clone(), b: sb[i].clone() }
        });
        Self { shares, x, y, numbers, a, b }
    }

    /// Inputs that are zero, and all of whose components are: what a cheater guesses most easily.
    pub fn zeros() -> Self {
        let (bits, elements) = (BitShare::zeros(ROWS), FieldShare::zeros(ROWS));
        let numbers = IntShare::unsigned(vec![BitShare::zeros(NUMBERS); 16]);
        let (x, y, a, b) = (bits.clone(), bits, elements.clone(), elements);
        let inputs = Inputs { x, y, numbers, a, b };
        Self {
            shares: [inputs.clone(), inputs.clone(), inputs],
            x: Bits::zeros(ROWS),
            y: Bits::zeros(ROWS),
            numbers: vec![0; NUMBERS],
            a: vec![Fp::default(); ROWS],
            b: vec![Fp::default(); ROWS],
        }
    }

    /// Whether an outcome is the right one.
    pub fn is_right(&self, outcome: &Outcome) -> bool {
        let first = &self.x & &self.y;
        let products: Vec<Fp> = self.a.iter().zip(&self.b).map(|(&a, &b)| a * b).collect();
        let mut multiset: Vec<_> = self.a.iter().copied().zip(self.x.iter()).collect();
        multiset.sort_unstable();
        outcome.conjunctions == [first.clone(), first]
            && outcome.total == products.iter().sum()
            && outcome.products == products
            && outcome.converted.iter().copied().eq(self.numbers.iter().map(|&n| Fp::from_i128(n)))
            && outcome.multiset == multiset
    }

    /// Runs the program over networks that an adversary sits on.
    pub fn run(&self, tamper: &Tamper, seed: u64, patience: Duration) -> [Result<Outcome, Abort>; 3] {
        run_with(&self.shares, tamper, seed, patience)
    }
}

/// Runs the program on these shares, such as those that a cheater makes up.
pub fn run_with(
    shares: &[Inputs; 3],
    tamper: &Tamper,
    seed: u64,
    patience: Duration,
) -> [Result<Outcome, Abort>; 3] {
    let networks = tamper.wrap(net::memory::three_with(patience, seed));
    let networks = networks.map(|network| Box::new(network) as Box<dyn Network>);
    World::new(seed).run_over(networks, |session| program(&shares[session.party().index()], session))
}

/// Two batches, each verified before anything of it is opened; every kind of message occurs.
fn program(inputs: &Inputs, session: &mut Session) -> Result<Outcome, Abort> {
    let Inputs { x, y, numbers, a, b } = inputs;
    let accepted = agree_on_inputs(&[Some([[1; 32]; 3]), Some([[2; 32]; 3])], session)?;
    assert!(accepted.len() == 2);
    let conjunctions = and_many(&[(x.clone(), y.clone())], session)?;
    let products = mul(a, b, session)?;
    let first = session.verify((conjunctions, products))?;
    let (mut conjunctions, products) = open(&first, session)?;

    let total = inner_product(a, b, session)?;
    let again = and_many(&[(y.clone(), x.clone())], session)?;
    let converted = [
        convert::bits_to_field(&numbers.slice(0..3), session)?,
        convert::bits_to_field(&numbers.slice(3..NUMBERS), session)?,
    ];
    let table = Table { bits: vec![x.clone()], field: vec![a.clone()] };
    let shuffled = shuffle(&table, session)?;
    let converted = FieldShare::concat(&converted);
    let second = session.verify(((total, again), ((converted, shuffled.field), shuffled.bits)))?;
    // Nothing is pending: the total alone is verified too.
    let total = session.verify(second.get().0.0.clone())?;
    let sealed = seal(&total, session)?;
    let ((total, again), ((converted, shuffled), flags)) = open(&second, session)?;
    conjunctions.extend(again);
    let mut multiset: Vec<_> = shuffled[0].iter().copied().zip(flags[0].iter()).collect();
    multiset.sort_unstable();
    Ok(Outcome { conjunctions, products, total: total[0], converted, multiset, sealed })
}

/// The verdict of every test: the honest parties abort or are right, and what they hand to a consumer is right
/// or contradicts itself.
pub fn assert_safe(name: &str, fixture: &Fixture, results: &[Result<Outcome, Abort>; 3], corrupt: Party) {
    for party in [corrupt.left(), corrupt.right()] {
        match &results[party.index()] {
            Ok(outcome) => assert!(fixture.is_right(outcome), "{name}: {party} came to a wrong value"),
            Err(abort) => assert_ne!(abort.step.0, "panic", "{name}: {party} panicked"),
        }
    }
    if let [Ok(p0), Ok(p1), Ok(p2)] = results {
        let sealed = [p0, p1, p2].map(|outcome| outcome.sealed.clone());
        if let Ok(components) = combine(&sealed) {
            let total = combine_field(components, 1).unwrap();
            assert_eq!(total, [p0.total], "{name}: the consumer got a wrong value");
        }
    }
}

/// How many opening messages the honest parties sent.
pub fn honest_openings(tamper: &Tamper, corrupt: Party) -> usize {
    [corrupt.left(), corrupt.right()].map(|party| tamper.count(on().step("open").from(party))).iter().sum()
}
