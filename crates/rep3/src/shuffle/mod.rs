//! Shuffling: rows change places by a permutation that nobody knows, and get fresh shares.
//!
//! Three hops, one for each pair of parties. In the hop of pair `(a, b)`, which share component `b` and its
//! key, both apply the permutation `pi` drawn from that key, and the third party `t` sees masked rows only:
//!
//! ```text
//! new component Y_b    drawn from the key of a and b, as are pi and the mask rho
//! a -> t               Y_a = pi(X_a + X_b) - Y_b + rho
//! b -> t               Y_t = pi(X_t) - rho
//! ```
//!
//! Each party is the third one in one of the hops, hence does not know the permutation of that hop. Without
//! `rho`, party `t` would recognise `X_t`, and with it `pi`. That both messages are right is asserted over the
//! field of the columns ([`proof`]) and proven with the next batch; **nothing that depends on a shuffle may be
//! opened before**: a cheater could turn a bit of a row that it knows and look where it comes out.

mod proof;

use algebra::{Bits, Field, Fp, decode, encode};

use crate::abort::{Abort, Cause};
use crate::executor::Executor;
use crate::network::{Party, Step};
use crate::prss::{Key, Purpose, Tag};
use crate::rows::Rows;
use crate::session::Session;
use crate::share::{BitShare, FieldShare};
use crate::table::Table;
use proof::Hop;

/// The message of the first of a pair, `Y_a`.
pub const FIRST: Step = Step("shuffle/first");
/// The message of the second of a pair, `Y_t`.
pub const SECOND: Step = Step("shuffle/second");

/// One component of a table.
#[derive(Clone, Default)]
pub(crate) struct Component {
    pub bits: Vec<Bits>,
    pub field: Vec<Vec<Fp>>,
}

/// The table with its rows in a secret, uniformly random order, under fresh shares. Three rounds, two rows a
/// row and party.
///
/// # Errors
/// [`Abort`] if a peer is gone or sent a malformed message.
///
/// # Panics
/// If the columns differ in length, or there are more than 2^32 rows.
pub fn shuffle(table: &Table, session: &mut Session) -> Result<Table, Abort> {
    assert!(table.is_rectangular(), "columns of one length");
    if table.rows() < 2 {
        return Ok(table.clone());
    }
    let mut own =
        Component { bits: columns(&table.bits, |c| &c.own), field: columns(&table.field, |c| &c.own) };
    let mut next =
        Component { bits: columns(&table.bits, |c| &c.next), field: columns(&table.field, |c| &c.next) };
    for first in Party::ALL {
        (own, next) = hop(first, own, next, table.rows(), session)?;
    }
    let bits = own.bits.into_iter().zip(next.bits).map(|(own, next)| BitShare { own, next });
    let field = own.field.into_iter().zip(next.field).map(|(own, next)| FieldShare { own, next });
    Ok(Table { bits: bits.collect(), field: field.collect() })
}

fn columns<S, C: Clone>(shares: &[S], component: impl Fn(&S) -> &C) -> Vec<C> {
    shares.iter().map(|share| component(share).clone()).collect()
}

/// The hop of the pair of `first` and the party to its right, as whichever party this is.
fn hop(
    first: Party,
    own: Component,
    next: Component,
    rows: usize,
    session: &mut Session,
) -> Result<(Component, Component), Abort> {
    let tags = Tags {
        permutation: session.tag(Purpose::Permutation),
        fresh: session.tag(Purpose::Random),
        rho: session.tag(Purpose::Rho),
    };
    let shape = Shape { rows, bits: own.bits.len(), field: own.field.len() };
    let me = session.party();
    let (result, hop) = if me == first {
        let drawn = tags.draw(&session.prss().next, shape);
        let mut y_a = own.clone().add(&next).permute(&drawn.permutation, session.executor());
        y_a = y_a.sub(&drawn.fresh).add(&drawn.rho);
        session.send(me.left(), FIRST, y_a.encode())?;
        session.flush(FIRST)?;
        let Drawn { permutation, fresh, rho } = drawn;
        ((y_a, fresh), Hop::First { x_a: own, permutation: permutation.into(), rho })
    } else if me == first.right() {
        let drawn = tags.draw(&session.prss().own, shape);
        let y_t = next.permute(&drawn.permutation, session.executor()).sub(&drawn.rho);
        session.send(me.right(), SECOND, y_t.encode())?;
        session.flush(SECOND)?;
        let known = own.permute(&drawn.permutation, session.executor()).sub(&drawn.fresh).add(&drawn.rho);
        let Drawn { permutation, fresh, .. } = drawn;
        ((fresh, y_t), Hop::Second { x_t: next, permutation: permutation.into(), known })
    } else {
        let y_a = shape.receive(me.right(), FIRST, session)?;
        let y_t = shape.receive(me.left(), SECOND, session)?;
        let hop = Hop::Third { x_a: next, x_t: own, y_a: y_a.clone(), y_t: y_t.clone() };
        ((y_t, y_a), hop)
    };
    if me != first.left() {
        session.idle_round();
    }
    proof::assert(hop, first, shape, session)?;
    Ok(result)
}

/// What names the draws of a hop.
struct Tags {
    permutation: Tag,
    fresh: Tag,
    rho: Tag,
}

/// What the pair of a hop draws from its key.
struct Drawn {
    permutation: Vec<u32>,
    fresh: Component,
    rho: Component,
}

impl Tags {
    fn draw(&self, key: &Key, shape: Shape) -> Drawn {
        Drawn {
            permutation: key.generator(self.permutation).permutation(shape.rows),
            fresh: shape.draw(key, self.fresh),
            rho: shape.draw(key, self.rho),
        }
    }
}

/// Rows, and columns of each kind.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub rows: usize,
    pub bits: usize,
    pub field: usize,
}

impl Shape {
    /// A uniformly random component.
    fn draw(self, key: &Key, tag: Tag) -> Component {
        let mut generator = key.generator(tag);
        Component {
            bits: (0..self.bits).map(|_| generator.bits(self.rows)).collect(),
            field: (0..self.field).map(|_| generator.elements(self.rows)).collect(),
        }
    }

    /// Receives a component: columns of bits, each of whole bytes, then columns of field elements.
    fn receive(self, from: Party, step: Step, session: &mut Session) -> Result<Component, Abort> {
        let (bits, field) = (self.rows.div_ceil(8), self.rows * Fp::BYTES);
        let message = session.recv(from, step, self.bits * bits + self.field * field)?;
        let (low, high) = message.split_at(self.bits * bits);
        let decoded = || {
            Ok::<_, algebra::DecodeError>(Component {
                bits: low
                    .chunks_exact(bits)
                    .map(|b| Bits::from_bytes(b, self.rows))
                    .collect::<Result<_, _>>()?,
                field: high.chunks_exact(field).map(|b| decode(b, self.rows)).collect::<Result<_, _>>()?,
            })
        };
        decoded().map_err(|_| session.abort(step, Cause::Malformed(from)))
    }
}

impl Component {
    fn encode(&self) -> Vec<u8> {
        let mut message = Vec::new();
        for column in &self.bits {
            column.write_bytes(&mut message);
        }
        for column in &self.field {
            message.extend(encode(column));
        }
        message
    }

    /// Row `i` of the result is row `permutation[i]`.
    fn permute(&self, permutation: &[u32], executor: &dyn Executor) -> Self {
        let bits: Vec<&Bits> = self.bits.iter().collect();
        let gather = |column: &Vec<Fp>| permutation.iter().map(|&row| column[row as usize]).collect();
        let field = self.field.iter().map(gather).collect();
        Self { bits: Rows::new(&bits).gather(permutation, executor), field }
    }

    fn add(mut self, other: &Self) -> Self {
        for (a, b) in self.bits.iter_mut().zip(&other.bits) {
            *a ^= b;
        }
        for (a, &b) in self.field.iter_mut().flatten().zip(other.field.iter().flatten()) {
            *a += b;
        }
        self
    }

    fn sub(mut self, other: &Self) -> Self {
        for (a, b) in self.bits.iter_mut().zip(&other.bits) {
            *a ^= b;
        }
        for (a, &b) in self.field.iter_mut().flatten().zip(other.field.iter().flatten()) {
            *a -= b;
        }
        self
    }
}
