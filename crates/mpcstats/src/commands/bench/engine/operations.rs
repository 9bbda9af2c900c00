//! The operations that can be measured, and the shares they run on.

use algebra::{Bits, Fp, Prg};
use circuit::parse::{Format, Kind};
use clap::ValueEnum;
use rep3::convert::bits_to_field;
use rep3::ingest::{self, PrivateField};
use rep3::network::Party;
use rep3::relation::{group_unknown, join};
use rep3::{
    Abort, BitShare, FieldShare, IntShare, Session, SortKey, Table, and, compare, inner_product,
    inner_products, mul, open, scalar, select, shuffle, sort, sum,
};
use serde::{Deserialize, Serialize};

/// An operation of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Operation {
    /// One AND gate a row.
    And,
    /// One product over the field a row.
    Mul,
    /// The inner product of two columns.
    InnerProduct,
    /// Comparison of two columns of integers.
    LessThan,
    /// Equality of two columns of integers.
    Equal,
    /// The sum of a column of integers.
    Sum,
    /// The greatest of a column of integers, opened.
    Max,
    /// The value in the middle of a column of integers.
    Median,
    /// A column in order.
    Sort,
    /// A column of integers, shuffled.
    Shuffle,
    /// A column of integers as field elements.
    BitsToField,
    /// One SHA3-256 commitment a row.
    Keccak,
    /// One number in a window of text a row.
    Parse,
    /// The quotient of two integers held in the field, a row, as a floating-point number.
    Division,
    /// The mean of a column held in the field, opened.
    Mean,
    /// Variance of a column held in the field, opened.
    Variance,
    /// The sums of a linear regression with two columns held in the field, opened.
    Regression,
    /// Counts and sums by group, of groups that are not known beforehand.
    GroupBy,
    /// Two tables joined by a key that is unique in the second.
    Join,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

impl Operation {
    /// Every operation.
    pub fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// Rows and bits unless others are asked for.
    pub fn defaults(self) -> (usize, usize) {
        match self {
            Self::And => (10_000_000, 1),
            Self::Mul | Self::InnerProduct => (1_000_000, 127),
            Self::Sum | Self::Shuffle | Self::Median => (1_000_000, 32),
            Self::LessThan
            | Self::Equal
            | Self::Max
            | Self::Sort
            | Self::BitsToField
            | Self::GroupBy
            | Self::Join => (10_000, 32),
            Self::Keccak | Self::Parse => (1_000, 32),
            Self::Division => (1_000, 127),
            Self::Mean | Self::Variance | Self::Regression => (10_000, 127),
        }
    }
}

/// Uniform shares: component `j` is grown from a seed that the two parties who hold it know.
pub struct Inputs {
    me: Party,
    own: Prg,
    next: Prg,
}

impl Inputs {
    /// The inputs of one party. This is a benchmark: every party could compute them all.
    pub fn new(me: Party, seed: &[u8; 32]) -> Self {
        let component = |party: Party| {
            let mut digest = *seed;
            digest[0] ^= 0x80 | party.index() as u8;
            Prg::from_digest(&digest)
        };
        Self { me, own: component(me), next: component(me.right()) }
    }

    fn bits(&mut self, rows: usize) -> BitShare {
        BitShare { own: self.own.bits(rows), next: self.next.bits(rows) }
    }

    fn columns(&mut self, count: usize, rows: usize) -> Vec<BitShare> {
        (0..count).map(|_| self.bits(rows)).collect()
    }

    fn ints(&mut self, rows: usize, width: usize) -> IntShare {
        IntShare::unsigned(self.columns(width, rows))
    }

    /// Uniform among the first 64 numbers.
    fn groups(&mut self, rows: usize, width: usize) -> IntShare {
        let mut columns = self.columns(width.min(6), rows);
        columns.resize(width, BitShare::zeros(rows));
        IntShare::unsigned(columns)
    }

    /// The rows' own numbers, which are all different if they fit.
    fn numbers(&self, rows: usize, width: usize) -> IntShare {
        let column = |bit: usize| Bits::from_fn(rows, |row| row >> bit & 1 == 1);
        IntShare::unsigned((0..width).map(|bit| BitShare::public(&column(bit), self.me)).collect())
    }

    fn field(&mut self, rows: usize) -> FieldShare {
        FieldShare { own: self.own.elements(rows), next: self.next.elements(rows) }
    }

    /// Windows of text that hold numbers of this many digits.
    fn windows(&mut self, rows: usize, digits: usize, width: usize) -> Vec<BitShare> {
        let mut clear = Prg::new(&[0; 16]);
        let text: Vec<Vec<u8>> = (0..rows)
            .map(|_| {
                let digit = |_| b'1' + (clear.block() % 9) as u8;
                let mut window: Vec<u8> = (0..digits).map(digit).collect();
                window.resize(width, b'"');
                window
            })
            .collect();
        let column = |bit: usize| Bits::from_fn(rows, |row| text[row][bit / 8] >> (bit % 8) & 1 == 1);
        (0..8 * width).map(|bit| BitShare::public(&column(bit), self.me)).collect()
    }
}

/// An operation with its inputs, ready to be run and verified.
pub type Run = Box<dyn FnOnce(&mut Session) -> Result<(), Abort>>;

/// Bytes of a window: what a commitment of one block leaves for a number.
const WINDOW: usize = 24;

/// Makes the inputs of an operation.
pub fn prepare(operation: Operation, rows: usize, bits: usize, inputs: &mut Inputs) -> Run {
    match operation {
        Operation::And => {
            let (x, y) = (inputs.bits(rows), inputs.bits(rows));
            Box::new(move |session| and(&x, &y, session).map(drop))
        }
        Operation::Mul => {
            let (x, y) = (inputs.field(rows), inputs.field(rows));
            Box::new(move |session| mul(&x, &y, session).map(drop))
        }
        Operation::InnerProduct => {
            let (x, y) = (inputs.field(rows), inputs.field(rows));
            Box::new(move |session| inner_product(&x, &y, session).map(drop))
        }
        Operation::LessThan => {
            let (x, y) = (inputs.ints(rows, bits), inputs.ints(rows, bits));
            Box::new(move |session| compare::less_than(&x, &y, session).map(drop))
        }
        Operation::Equal => {
            let (x, y) = (inputs.ints(rows, bits), inputs.ints(rows, bits));
            Box::new(move |session| compare::equal(&x, &y, session).map(drop))
        }
        Operation::Sum => {
            let x = inputs.ints(rows, bits);
            Box::new(move |session| reveal(sum::sum(&x, session)?, session))
        }
        Operation::Max => {
            let x = inputs.ints(rows, bits);
            Box::new(move |session| reveal(compare::maximum(&x, session)?, session))
        }
        Operation::Median => {
            let x = inputs.ints(rows, bits);
            Box::new(move |session| select(&x, &[rows / 2], session).map(drop))
        }
        Operation::Sort => {
            let x = inputs.ints(rows, bits);
            Box::new(move |session| sort(&[SortKey::ascending(&x)], &Table::default(), session).map(drop))
        }
        Operation::Shuffle => {
            let x = inputs.ints(rows, bits);
            Box::new(move |session| shuffle(&Table::of_ints(&[&x]), session).map(drop))
        }
        Operation::BitsToField => {
            let x = inputs.ints(rows, bits);
            Box::new(move |session| bits_to_field(&x, session).map(drop))
        }
        Operation::Keccak => keccak(rows, inputs),
        Operation::Parse => {
            let window = inputs.windows(rows, 9, WINDOW);
            let format = number();
            Box::new(move |session| ingest::parse(&[window], &[&format], session).map(drop))
        }
        Operation::Division => {
            let numbers = inputs.field(2 * rows);
            Box::new(move |session| {
                let floats =
                    [0..rows, rows..2 * rows].map(|half| scalar::from_field(&numbers.slice(half), session));
                let [x, y] = floats;
                scalar::divide(&x?, &y?, session).map(drop)
            })
        }
        Operation::Mean => {
            let x = inputs.field(rows);
            // The number of rows is public: whoever reads the sum divides.
            Box::new(move |session| reveal(x.sum(), session))
        }
        Operation::Variance => {
            let x = inputs.field(rows);
            Box::new(move |session| {
                let squares = inner_product(&x, &x, session)?;
                let sum = x.sum();
                let square = mul(&sum, &sum, session)?;
                reveal(squares.scale(Fp::from(rows as u64)).sub(&square), session)
            })
        }
        Operation::Regression => {
            let (x, y) = (inputs.field(rows), inputs.field(rows));
            Box::new(move |session| {
                let sums = FieldShare::concat(&[x.sum(), y.sum()]);
                let products = inner_products(&[(&x, &x), (&x, &y), (&y, &y)], session)?;
                reveal((sums, products), session)
            })
        }
        Operation::GroupBy => {
            let (keys, values) = (inputs.groups(rows, bits), inputs.field(rows));
            Box::new(move |session| group_unknown(&keys, &[values], session).map(drop))
        }
        Operation::Join => {
            let (left, right) = (inputs.numbers(rows, bits), inputs.numbers(rows, bits));
            let (x, y) = (inputs.field(rows), inputs.field(rows));
            Box::new(move |session| {
                let [x, y] = [x, y].map(|column| Table::of_field(vec![column]));
                join(&left, &x, &right, &y, session).map(drop)
            })
        }
    }
}

/// A quoted number of up to nine digits.
fn number() -> Format {
    Format { kind: Kind::Integer { min: 0, max: 999_999_999 }, quoted: true, nullable: false }
}

fn keccak(rows: usize, inputs: &mut Inputs) -> Run {
    let (window, blinder) = (inputs.columns(8 * WINDOW, rows), inputs.columns(256, rows));
    Box::new(move |session| {
        let format = number();
        let (domains, commitments) = (vec![[1; 32]; rows], vec![[2; 32]; rows]);
        let field = PrivateField {
            window: &window,
            blinder: &blinder,
            domains: &domains,
            commitments: &commitments,
            format: &format,
        };
        ingest::check_commitments(&[field], session).map(drop)
    })
}

/// Verifies and opens a result.
fn reveal<T: rep3::Open>(value: T, session: &mut Session) -> Result<(), Abort> {
    let value = session.verify(value)?;
    open(&value, session).map(drop)
}
