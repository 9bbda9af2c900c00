use algebra::{Fp, Prg};
use net::world::World;
use rep3::compare::{abs, equal, less_than, min};
use rep3::convert::{bits_to_field, field_to_bits, truncate};
use rep3::scalar::{divide, from_field, log2, rsqrt};
use rep3::{Abort, FieldShare, IntShare, Session, Table, and, deal_field, inner_product, mul, shuffle};

use crate::{column, mine};

type Operation = fn(&IntShare, &FieldShare, &mut Session) -> Result<(), Abort>;

const OPERATIONS: [(&str, Operation); 14] = [
    ("and", |x, _, session| and(&x.bits[0], &x.bits[1], session).map(drop)),
    ("mul", |_, a, session| mul(a, a, session).map(drop)),
    ("inner_product", |_, a, session| inner_product(a, a, session).map(drop)),
    ("less_than", |x, _, session| less_than(x, x, session).map(drop)),
    ("equal", |x, _, session| equal(x, x, session).map(drop)),
    ("min", |x, _, session| min(x, x, session).map(drop)),
    ("abs", |x, _, session| abs(x, session).map(drop)),
    ("bits_to_field", |x, _, session| bits_to_field(x, session).map(drop)),
    ("field_to_bits", |_, a, session| field_to_bits(a, session).map(drop)),
    ("truncate", |_, a, session| truncate(a, 5, 20, false, session).map(drop)),
    ("shuffle", |x, _, session| shuffle(&Table::of_ints(&[x]), session).map(drop)),
    ("divide", |_, a, session| {
        let x = from_field(a, session)?;
        divide(&x, &x, session).map(drop)
    }),
    ("rsqrt", |_, a, session| rsqrt(&from_field(a, session)?, session).map(drop)),
    ("log2", |_, a, session| log2(&from_field(a, session)?, session).map(drop)),
];

/// However many rows there are, an operation takes as many rounds. (Sums, extremes, sorting and what is built on them
/// take more of them for more rows.)
#[test]
fn rounds_do_not_depend_on_the_number_of_rows() {
    let mut prg = Prg::new(&[12; 16]);
    // Fewer integers than these are converted in another way.
    let columns = [260, 900].map(|rows| {
        let (values, ints) = column(rows, 20, false, &mut prg);
        let elements: Vec<Fp> = values.iter().map(|&x| Fp::from_i128(x)).collect();
        (ints, deal_field(&elements, &mut prg))
    });
    for (name, operation) in OPERATIONS {
        let [few, many] = columns.each_ref().map(|(ints, elements)| {
            World::new(8).run(|session| {
                operation(&mine(ints, session), &mine(elements, session), session)?;
                session.verify_pending()?;
                Ok(session.traffic().rounds)
            })
        });
        assert!(few.iter().all(Result::is_ok), "{name}: {few:?}");
        assert_eq!(few, many, "{name}");
    }
}
