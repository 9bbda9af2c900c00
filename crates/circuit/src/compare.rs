//! Comparison of integers at logarithmic depth.
//!
//! For signed integers in two's complement, negate both top wires first ([`flip_sign`]): the order of the results
//! as unsigned integers is the order of the originals.

use crate::{Backend, bits, logic};

/// What a run of bits says of `a < b`: `less` if the run alone decides so (`None`: it never does), `equal` if it
/// does not decide. The lowest run needs no `equal`.
struct Run<W> {
    less: Option<W>,
    equal: Option<W>,
}

/// Whether `a < b`, unsigned. About `2.5 n` AND gates (73 for 32 wires, 152 for 64), depth `1 + log2 n`.
///
/// # Errors
/// The backend's.
pub fn less_than<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<B::Wire, B::Error> {
    less_than_by(2, a, b, backend)
}

/// Whether `a < b`, unsigned, by runs of `run` wires: within a run a borrow ripples, and the runs are joined as
/// a tree. Longer runs save AND gates and cost layers: depth `run + log2 (n / run)`, from `2.5 n` gates for runs
/// of two down to `2 n` and a little for long ones. A single run (`run >= n`) needs `n` gates and `n` layers.
///
/// # Errors
/// The backend's.
pub fn less_than_by<B: Backend>(
    run: usize,
    a: &[B::Wire],
    b: &[B::Wire],
    backend: &mut B,
) -> Result<B::Wire, B::Error> {
    assert_eq!(a.len(), b.len(), "integers of different widths");
    let run = run.max(1);
    let mut runs: Vec<Run<B::Wire>> =
        (0..a.len().div_ceil(run)).map(|_| Run { less: None, equal: None }).collect();
    for k in 0..run.min(a.len()) {
        // Wire k of every run: less = (!a & b) + (a = b) less = less + (a + less + 1)(b + less), by one gate.
        let mut pairs = Vec::with_capacity(2 * runs.len());
        for (r, state) in runs.iter().enumerate() {
            let Some((a, b)) = a.get(r * run + k).zip(b.get(r * run + k)) else { continue };
            let off = backend.not(a);
            pairs.push(match &state.less {
                Some(less) => (backend.xor(&off, less), backend.xor(b, less)),
                None => (off.clone(), b.clone()),
            });
            if let Some(all) = &state.equal {
                pairs.push((all.clone(), backend.xor(&off, b)));
            }
        }
        let mut products = backend.and(&pairs)?.into_iter();
        for (r, state) in runs.iter_mut().enumerate() {
            let Some((a, b)) = a.get(r * run + k).zip(b.get(r * run + k)) else { continue };
            let product = products.next();
            state.less = match (product, state.less.take()) {
                (Some(product), Some(less)) => Some(backend.xor(&product, &less)),
                (product, less) => product.or(less),
            };
            // The lowest run is joined only from above: nobody asks whether it is equal.
            state.equal = match state.equal.take() {
                Some(_) => products.next(),
                None if k == 0 && r > 0 => {
                    let differ = backend.xor(a, b);
                    Some(backend.not(&differ))
                }
                None => None,
            };
        }
    }
    let mut less = join(vec![runs], backend)?;
    Ok(less.pop().unwrap_or_else(|| backend.constant(false)))
}

/// Whether `a < bound`, unsigned, for each public bound. Fewer than `2 n` AND gates a bound, depth `log2 n`, all
/// bounds in the same layers.
///
/// # Errors
/// The backend's.
pub fn less_than_constants<B: Backend>(
    a: &[B::Wire],
    bounds: &[Vec<bool>],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let mut groups = Vec::with_capacity(bounds.len());
    for bound in bounds {
        assert_eq!(a.len(), bound.len(), "integers of different widths");
        let run = |(i, (a, &one)): (usize, (&B::Wire, &bool))| {
            let off = backend.not(a);
            let equal = if one { a.clone() } else { off.clone() };
            Run { less: one.then_some(off), equal: (i > 0).then_some(equal) }
        };
        groups.push(a.iter().zip(bound).enumerate().map(run).collect());
    }
    join(groups, backend)
}

/// Joins neighbouring runs until one a group is left: `less = less_high + equal_high less_low`.
fn join<B: Backend>(mut groups: Vec<Vec<Run<B::Wire>>>, backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    while groups.iter().any(|runs| runs.len() > 1) {
        let mut pairs = Vec::new();
        for runs in &groups {
            for run in runs.chunks_exact(2) {
                let Some(equal) = &run[1].equal else { continue };
                pairs.extend(run[0].less.iter().map(|low| (equal, low)));
                pairs.extend(run[0].equal.iter().map(|low| (equal, low)));
            }
        }
        let mut products = backend.layer(&pairs)?.into_iter();
        for runs in &mut groups {
            let odd = if runs.len() % 2 == 1 { runs.pop() } else { None };
            let mut joined = Vec::with_capacity(runs.len() / 2 + 1);
            let mut rest = std::mem::take(runs).into_iter();
            while let (Some(low), Some(high)) = (rest.next(), rest.next()) {
                let from_low = low.less.and_then(|_| products.next());
                let less = match (high.less, from_low) {
                    (Some(high), Some(low)) => Some(backend.xor(&high, &low)),
                    (high, low) => high.or(low),
                };
                joined.push(Run { less, equal: low.equal.and_then(|_| products.next()) });
            }
            joined.extend(odd);
            *runs = joined;
        }
    }
    let decided = |mut runs: Vec<Run<B::Wire>>| {
        runs.pop().and_then(|run| run.less).unwrap_or_else(|| backend.constant(false))
    };
    Ok(groups.into_iter().map(decided).collect())
}

/// Whether `a = b`. `n - 1` AND gates, depth `log2 n`.
///
/// # Errors
/// The backend's.
pub fn equal<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<B::Wire, B::Error> {
    let differ = bits::xor(a, b, backend);
    let same = bits::not(&differ, backend);
    let mut all = logic::all(vec![same], backend)?;
    Ok(all.pop().unwrap_or_else(|| backend.constant(true)))
}

/// Whether `a` is each of these public values, all in the same layers. `n - 1` AND gates a value.
///
/// # Errors
/// The backend's.
pub fn equal_constants<B: Backend>(
    a: &[B::Wire],
    values: &[Vec<bool>],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let mut groups = Vec::with_capacity(values.len());
    for value in values {
        let negated: Vec<bool> = value.iter().map(|bit| !bit).collect();
        groups.push(bits::xor_constant(a, &negated, backend));
    }
    logic::all(groups, backend)
}

/// Negates the top wire: takes the signed order to the unsigned one, and back.
pub fn flip_sign<B: Backend>(a: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    let mut flipped = a.to_vec();
    if let Some(sign) = flipped.last_mut() {
        *sign = backend.not(sign);
    }
    flipped
}

/// The lesser of two unsigned integers. [`less_than`] and one AND gate a wire.
///
/// # Errors
/// The backend's.
pub fn min<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let less = less_than(a, b, backend)?;
    logic::mux(&less, a, b, backend)
}

/// The greater of two unsigned integers. [`less_than`] and one AND gate a wire.
///
/// # Errors
/// The backend's.
pub fn max<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let less = less_than(a, b, backend)?;
    logic::mux(&less, b, a, backend)
}
