//! Addition at logarithmic depth, by Sklansky's prefix network, and sums of many terms by carry-save adders.

use crate::{Backend, bits, logic};

/// The sum modulo `2^n`. About `n + n log2 n` AND gates (201 for 40 wires, 385 for 64), depth `1 + log2 n`.
///
/// # Errors
/// The backend's.
pub fn add<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let mut sum = add_with(a, b, false, backend)?;
    sum.truncate(a.len());
    Ok(sum)
}

/// The sum with its carry, as wire `n`.
///
/// # Errors
/// The backend's.
pub fn add_wide<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    add_with(a, b, false, backend)
}

/// The difference modulo `2^n` and, as wire `n`, whether `a >= b`.
///
/// # Errors
/// The backend's.
pub fn subtract<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let negated = bits::not(b, backend);
    add_with(a, &negated, true, backend)
}

/// `a + b + carry_in`, `n + 1` wires.
fn add_with<B: Backend>(
    a: &[B::Wire],
    b: &[B::Wire],
    carry_in: bool,
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(a.len(), b.len(), "integers of different widths");
    let mut generate = backend.layer(&a.iter().zip(b).collect::<Vec<_>>())?;
    let propagate = bits::xor(a, b, backend);
    if let (true, Some(first)) = (carry_in, generate.first_mut()) {
        backend.xor_assign(first, &propagate[0]);
    }
    let (carries, _) = prefix(generate, propagate.clone(), false, backend)?;
    let mut sum = propagate;
    for (bit, carry) in sum.iter_mut().skip(1).zip(&carries) {
        backend.xor_assign(bit, carry);
    }
    if let (true, Some(first)) = (carry_in, sum.first_mut()) {
        *first = backend.not(first);
    }
    sum.push(carries.last().cloned().unwrap_or_else(|| backend.constant(carry_in)));
    Ok(sum)
}

/// Wires that tell of each bit `i` whether bits `0..=i` generate a carry, and whether they propagate one.
type Prefixes<W> = (Vec<W>, Vec<W>);

/// Sklansky's network over (generate, propagate): of output `i`, whether bits `0..=i` generate a carry and
/// whether they propagate one; the latter is only completed if asked for.
pub(crate) fn prefix<B: Backend>(
    mut generate: Vec<B::Wire>,
    mut propagate: Vec<B::Wire>,
    complete: bool,
    backend: &mut B,
) -> Result<Prefixes<B::Wire>, B::Error> {
    let mut step = 1;
    while step < generate.len() {
        let joins: Vec<(usize, usize)> = logic::sklansky(generate.len(), step).collect();
        // A run that starts at bit 0 has no lower neighbour to propagate from.
        let inner = joins.iter().filter(|&&(i, _)| complete || i >= 2 * step);
        let mut pairs: Vec<_> = joins.iter().map(|&(i, j)| (&propagate[i], &generate[j])).collect();
        pairs.extend(inner.clone().map(|&(i, j)| (&propagate[i], &propagate[j])));
        let products = backend.layer(&pairs)?;
        let (generated, propagated) = products.split_at(joins.len());
        for (&(i, _), product) in joins.iter().zip(generated) {
            backend.xor_assign(&mut generate[i], product);
        }
        for (&(i, _), product) in inner.zip(propagated) {
            propagate[i] = product.clone();
        }
        step *= 2;
    }
    Ok((generate, propagate))
}

/// `-a` if `sign` is set, else `a`, modulo `2^n`: both from a magnitude to two's complement and back.
/// About `n log2(n) / 2` AND gates, depth `log2 n`.
///
/// # Errors
/// The backend's.
pub fn negate_if<B: Backend>(
    sign: &B::Wire,
    a: &[B::Wire],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let flipped: Vec<B::Wire> = a.iter().map(|bit| backend.xor(bit, sign)).collect();
    // Adding `sign` carries as far as all lower wires, and `sign` itself, are set.
    let mut chain = vec![sign.clone()];
    chain.extend(flipped.iter().take(a.len().saturating_sub(1)).cloned());
    let carries = logic::prefix_and(&chain, backend)?;
    Ok(bits::xor(&flipped, &carries[..a.len()], backend))
}

/// Three integers to two of the same sum modulo `2^n`: the wire-wise sum and the carries, shifted up. `n - 1` AND
/// gates, one layer.
///
/// # Errors
/// The backend's.
pub fn carry_save<B: Backend>(
    [a, b, c]: [&[B::Wire]; 3],
    backend: &mut B,
) -> Result<[Vec<B::Wire>; 2], B::Error> {
    let (sum, mut carry) = full_adders([a, b, c], backend)?;
    carry.pop();
    carry.insert(0, backend.constant(false));
    Ok([sum, carry])
}

/// Sum and majority of three bits, wire by wire: one AND gate each, one layer.
///
/// # Errors
/// The backend's.
pub fn full_adders<B: Backend>(
    [a, b, c]: [&[B::Wire]; 3],
    backend: &mut B,
) -> Result<Prefixes<B::Wire>, B::Error> {
    assert!(a.len() == b.len() && b.len() == c.len(), "integers of different widths");
    let left = bits::xor(a, c, backend);
    let right = bits::xor(b, c, backend);
    let sum = bits::xor(&left, b, backend);
    let pairs: Vec<_> = left.into_iter().zip(right).collect();
    let mut carry = backend.and(&pairs)?;
    for (carry, c) in carry.iter_mut().zip(c) {
        backend.xor_assign(carry, c);
    }
    Ok((sum, carry))
}

/// The sum modulo `2^n` of any number of bits of any weights: `heap[k]` lists bits of weight `2^k`, for
/// `k < n`. One AND gate for each bit but about two a weight, then [`add`] (C. Wallace, A suggestion for a fast
/// multiplier, 1964).
///
/// # Errors
/// The backend's.
pub fn sum<B: Backend>(mut heap: Vec<Vec<B::Wire>>, backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    while heap.iter().any(|bits| bits.len() > 2) {
        let mut operands = [Vec::new(), Vec::new(), Vec::new()];
        let mut adders = Vec::with_capacity(heap.len());
        for bits in &mut heap {
            let count = bits.len() / 3;
            let mut taken = bits.drain(..3 * count);
            for _ in 0..count {
                for operand in &mut operands {
                    operand.extend(taken.next());
                }
            }
            adders.push(count);
        }
        let (sums, carries) = full_adders(operands.each_ref().map(Vec::as_slice), backend)?;
        let mut outputs = sums.into_iter().zip(carries);
        for (weight, count) in adders.into_iter().enumerate() {
            for (sum, carry) in outputs.by_ref().take(count) {
                heap[weight].push(sum);
                if let Some(next) = heap.get_mut(weight + 1) {
                    next.push(carry);
                }
            }
        }
    }
    let zero = backend.constant(false);
    let row = |i: usize| heap.iter().map(|bits| bits.get(i).unwrap_or(&zero).clone()).collect::<Vec<_>>();
    // Below the first weight that has two bits there is nothing to add.
    let single = heap.iter().take_while(|bits| bits.len() < 2).count();
    let (a, b) = (row(0), row(1));
    let mut result = a[..single].to_vec();
    result.extend(add(&a[single..], &b[single..], backend)?);
    Ok(result)
}
