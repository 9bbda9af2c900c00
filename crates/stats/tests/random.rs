#![allow(missing_docs, reason = "a test is named, not documented")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails where it must not")]
#![allow(dead_code, reason = "each test file uses a part of what they share")]
//! Random programs over random data: three parties give what the clear engine gives, within the printed bounds.
//!
//! A failure prints its seed; `PLAN_SEED=<seed> cargo test -p stats --test random` runs that one again.

mod common;

use algebra::Prg;
use common::run_shared;
use proptest::prelude::*;
use stats::build::{Column, Program, Scalar};
use stats::run::clear::Dataset;
use stats::{ColumnType, Limits, ResultTable, Schema, Table, check, simulate};

/// How many operations a program tries; those that are refused add nothing.
const STEPS: u64 = 14;

/// Choices, all of one seed.
struct Dice(Prg);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Prg::new(&u128::from(seed).to_le_bytes()))
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.0.block() % u128::from(n)) as u64
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    /// Often an end of the range, where overflow would be.
    fn within(&mut self, min: i128, max: i128) -> i128 {
        match self.below(4) {
            0 => min,
            1 => max,
            _ => min + (self.0.block() % ((max - min) as u128 + 1)) as i128,
        }
    }
}

fn number(dice: &mut Dice) -> ColumnType {
    let end = 1i128 << dice.below(50);
    let (min, max) = match dice.below(3) {
        0 => (1, end),
        1 => (-end, end / 2),
        _ => (0, end),
    };
    let column = ColumnType::number(dice.below(3) as u32, min, max);
    if dice.below(3) == 0 { column.nullable() } else { column }
}

fn schema(dice: &mut Dice) -> Schema {
    let columns = [
        ("a", number(dice)),
        ("b", number(dice)),
        ("c", number(dice).nullable()),
        ("truth", ColumnType::boolean()),
        ("perhaps", ColumnType::boolean().nullable()),
        ("label", ColumnType::category(["p", "q", "r"])),
    ];
    Schema::single(Table::new(columns.map(|(name, column)| (name.to_owned(), column))))
}

fn data(schema: &Schema, dice: &mut Dice) -> Dataset {
    let rows = 1 + dice.below(12);
    let mut data = Dataset::default();
    for (name, of) in &schema.tables[Schema::DEFAULT].columns {
        let (min, max) = of.stored_range();
        let value = |dice: &mut Dice| (!of.nullable || dice.below(3) > 0).then(|| dice.within(min, max));
        let values: Vec<_> = (0..rows).map(|_| value(dice)).collect();
        data.insert(Schema::DEFAULT, name, of, &values).unwrap();
    }
    data
}

enum Made {
    Number(Column),
    Truth(Column),
}

use Made::{Number, Truth};

/// What a program has so far.
struct Pool {
    program: Program,
    numbers: Vec<Column>,
    truths: Vec<Column>,
    scalars: Vec<Scalar>,
}

impl Pool {
    fn new(schema: &Schema) -> Self {
        let program = Program::new("random", schema.clone());
        let column = |name: &str| program.column(Schema::DEFAULT, name);
        let numbers = ["a", "b", "c"].map(column).to_vec();
        let truths = vec![column("truth"), column("perhaps"), column("label").is("q")];
        let scalars = vec![column("a").sum()];
        Self { program, numbers, truths, scalars }
    }

    fn column(&mut self, dice: &mut Dice) {
        let (x, y) = (dice.pick(&self.numbers), dice.pick(&self.numbers));
        let (s, t) = (dice.pick(&self.truths), dice.pick(&self.truths));
        let constant = self.program.constant(dice.within(-3, 70_000) as i64);
        let made = match dice.below(16) {
            0 => Number(&x + &y),
            1 => Number(&x - &y),
            2 => Number(&x * &y),
            3 => Number(&x + &constant),
            4 => Number(s.choose(&x, &y)),
            5 => Number(x.filter(&s)),
            6 => Number(x.abs()),
            7 => Number(x.fill(&constant)),
            8 => Number(s.number()),
            9 => Truth(x.less(&y)),
            10 => Truth(x.equals(&y)),
            11 => Truth(x.less_scalar(&constant)),
            12 => Truth(&s & &t),
            13 => Truth(&s | &t),
            14 => Truth(!&(&s ^ &t)),
            _ => Number(x.rank(dice.below(2) == 0)),
        };
        if self.program.take_error().is_none() {
            match made {
                Number(column) => self.numbers.push(column),
                Truth(column) => self.truths.push(column),
            }
        }
    }

    fn scalar(&mut self, dice: &mut Dice) {
        let (x, y, s) = (dice.pick(&self.numbers), dice.pick(&self.numbers), dice.pick(&self.truths));
        let (left, right) = (dice.pick(&self.scalars), dice.pick(&self.scalars));
        let made = match dice.below(18) {
            0 => x.sum(),
            1 => s.sum(),
            2 => x.count(),
            3 => x.mean(),
            4 => x.min(),
            5 => x.max(),
            6 => x.median(),
            7 => x.quantile(dice.below(11) as u32, 10),
            8 => x.variance(dice.below(2) == 0),
            9 => x.covariance(&y, true),
            10 => x.dot(&y),
            11 => x.mode(),
            12 => x.trimmed_mean(1, 4),
            13 => x.gini(),
            14 => &left + &right,
            15 => &left * &right,
            16 => &left / &right,
            _ => left.less(&right).select(&left, &right),
        };
        if self.program.take_error().is_none() {
            self.scalars.push(made);
        }
    }
}

fn within_bounds(seed: u64, clear: &ResultTable, shared: &ResultTable) {
    for (clear, shared) in clear.rows.iter().zip(&shared.rows) {
        assert_eq!(clear.withheld, shared.withheld, "PLAN_SEED={seed}: {:?}", clear.path);
        let (Some(a), Some(b)) = (clear.value, shared.value) else { continue };
        let slack = clear.error + shared.error;
        assert!(
            (a - b).abs() <= slack,
            "PLAN_SEED={seed}: {:?}: {clear} in the clear, {shared} shared",
            clear.path
        );
        assert!(clear.error.is_finite(), "PLAN_SEED={seed}: {:?} has no bound", clear.path);
    }
}

/// Whether the program of `seed` was one that runs.
fn try_program(seed: u64) -> bool {
    let dice = &mut Dice::new(seed);
    let schema = schema(dice);
    let data = data(&schema, dice);
    let mut pool = Pool::new(&schema);
    for _ in 0..STEPS {
        if dice.below(2) == 0 { pool.column(dice) } else { pool.scalar(dice) }
    }
    for position in 0..3 {
        let value = dice.pick(&pool.scalars);
        pool.program.output([format!("result {position}")], &value);
    }
    let plan = pool.program.finish().expect("refusals were taken out");
    let minimum = dice.pick(&[0, 0, 2, 3]);
    let Ok(checked) = check(&plan, &schema, &Limits { minimum, ..Limits::none() }) else { return false };
    let clear = simulate(&checked, data.clone()).unwrap_or_else(|error| panic!("PLAN_SEED={seed}: {error}"));
    within_bounds(seed, &clear, &run_shared(&checked, &schema, &data));
    true
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_agree(seed in any::<u32>()) {
        let seed = std::env::var("PLAN_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(u64::from(seed));
        println!("PLAN_SEED={seed}");
        let ran = (seed..).take(20).filter(|seed| try_program(*seed)).count();
        prop_assert!(ran > 5, "PLAN_SEED={seed}: only {ran} of 20 programs ran");
    }
}
