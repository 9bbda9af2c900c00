//! Binary logarithms and powers, by tables of quadratics.

use algebra::Fp;

use super::table::{exp2_of, fixed, log2_of, quadratics, read};
use super::{EXPONENT, FloatShare, Unfinished, finish, unsigned};
use crate::abort::Abort;
use crate::convert::{bits_to_field_each, field_to_bits, field_to_int, truncate};
use crate::product::mul;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};

/// Fraction bits of a logarithm.
pub const FRACTION: usize = 40;

/// Fraction bits of the constant coefficients.
const CONSTANT: usize = 44;

/// A column of shared logarithms.
#[derive(Clone, Debug)]
pub struct LogShare {
    /// The logarithms in units of 2^-40, negative ones as `p - |x|`. They can be added up. Meaningless if invalid.
    pub value: FieldShare,
    /// Whether there is no logarithm: of zero and of negative numbers.
    pub invalid: BitShare,
}

/// How a function over [0, 1) is approximated: quadratics over equal segments.
struct Shape {
    /// The logarithm of the number of segments.
    segments: usize,
    /// Fraction bits of the linear and the quadratic coefficient.
    linear: usize,
    quadratic: usize,
    /// Whether the quadratic coefficient is negative throughout.
    concave: bool,
}

impl Shape {
    /// Fraction bits of the result.
    fn fraction(&self) -> usize {
        self.quadratic + 2 * FRACTION
    }

    /// The tables of magnitudes of the coefficients.
    fn tables(&self, coefficients: &[[f64; 3]]) -> [Vec<u128>; 3] {
        let scales = [CONSTANT, self.linear, self.quadratic];
        std::array::from_fn(|k| {
            coefficients.iter().map(|coefficients| fixed(coefficients[k], scales[k] as i32)).collect()
        })
    }

    /// The approximation at `fraction`, 40 bits, in units of `2^-self.fraction()`; and `extra`, a further column of
    /// integers, as field elements.
    fn evaluate(
        &self,
        fraction: &[BitShare],
        coefficients: &[[f64; 3]],
        extra: &IntShare,
        session: &mut Session,
    ) -> Result<[FieldShare; 2], Abort> {
        let (rest, index) = fraction.split_at(FRACTION - self.segments);
        let entries = read(index, &self.tables(coefficients), session)?;
        let parts = [&entries[0], &entries[1], &entries[2], &unsigned(rest), extra];
        let parts = bits_to_field_each(&parts, session)?;
        let t = &parts[3];
        let square = mul(t, t, session)?;
        // Both products in one round, one below the other.
        let products =
            mul(&FieldShare::concat([&parts[1], &parts[2]]), &FieldShare::concat([t, &square]), session)?;
        let rows = t.len();
        let (linear, quadratic) = (products.slice(0..rows), products.slice(rows..2 * rows));
        let up = |x: &FieldShare, scale: usize| x.scale(Fp::new(1 << (self.fraction() - scale)));
        let sum = up(&parts[0], CONSTANT).add(&up(&linear, self.linear + FRACTION));
        let sum = if self.concave { sum.sub(&quadratic) } else { sum.add(&quadratic) };
        Ok([sum, parts[4].clone()])
    }
}

/// The binary logarithm of every row, with an absolute error below 2^-35.8. (Near 1, where the logarithm is near 0, its
/// relative error is unbounded.) Zero and negative numbers make a row invalid.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn log2(x: &FloatShare, session: &mut Session) -> Result<LogShare, Abort> {
    let shape = Shape { segments: 10, linear: 34, quadratic: 24, concave: true };
    // Chebyshev's nodes, at (1 ± sqrt(3)/2) / 2 and 1/2, make the greatest error least.
    let offset = 3f64.sqrt() / 4.0;
    let coefficients = quadratics(|t| log2_of(1.0 + t), 10, [0.5 - offset, 0.5, 0.5 + offset]);
    let mantissa = x.top(FRACTION + 1);
    let exponent = IntShare::signed(x.exponent.clone());
    let [fraction, exponent] = shape.evaluate(&mantissa[..FRACTION], &coefficients, &exponent, session)?;
    let value = exponent.scale(Fp::new(1 << shape.fraction())).add(&fraction);
    let width = shape.fraction() + EXPONENT;
    let value = truncate(&value, shape.fraction() - FRACTION, width, true, session)?;
    let flags = vec![x.sign.clone(), x.zero.clone(), x.invalid.clone()];
    let mut invalid = circuit::logic::any(vec![flags], &mut crate::boolean::Columns::new(x.rows(), session))?;
    Ok(LogShare { value, invalid: invalid.pop().unwrap_or_default() })
}

/// Two to the power of every row, with a relative error below 2^-34.5. Exponents are in units of 2^-40, as [`log2`]
/// returns them, from -2047 to 2046.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
pub fn exp2(x: &LogShare, session: &mut Session) -> Result<FloatShare, Abort> {
    let shape = Shape { segments: 9, linear: 35, quadratic: 26, concave: false };
    // Nodes at both ends: the power of 0 is then exactly 1, and none comes out below.
    let coefficients = quadratics(exp2_of, 9, [0.0, 0.5, 1.0]);
    let bits = field_to_int(&x.value, FRACTION + EXPONENT, true, session)?.bits;
    let (fraction, exponent) = bits.split_at(FRACTION);
    let nothing = IntShare::unsigned(vec![BitShare::zeros(x.value.len())]);
    let [power, _] = shape.evaluate(fraction, &coefficients, &nothing, session)?;
    let power = field_to_bits(&power, session)?.bits;
    let rows = x.value.len();
    let unfinished = Unfinished {
        sign: BitShare::zeros(rows),
        magnitude: &power,
        // From 1 to 2, and rounding may reach 2.
        top: shape.fraction() + 1,
        exponents: [exponent, &vec![BitShare::zeros(rows); EXPONENT]],
        zero: Vec::new(),
        invalid: vec![x.invalid.clone()],
    };
    finish(unfinished, session)
}
