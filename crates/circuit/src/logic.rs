//! Selection, conjunctions, prefixes and decoders: everything at logarithmic depth.

use crate::{Backend, bits};

/// The conjunction of each group of wires; true for an empty group. `n - 1` AND gates a group, and all groups
/// share their layers: the depth is that of the largest.
///
/// # Errors
/// The backend's.
pub fn all<B: Backend>(groups: Vec<Vec<B::Wire>>, backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let mut groups = groups;
    while groups.iter().any(|group| group.len() > 1) {
        let mut pairs = Vec::new();
        for group in &groups {
            pairs.extend(group.chunks_exact(2).map(|pair| (&pair[0], &pair[1])));
        }
        let mut products = backend.layer(&pairs)?.into_iter();
        for group in &mut groups {
            let odd = if group.len() % 2 == 1 { group.pop() } else { None };
            *group = products.by_ref().take(group.len() / 2).chain(odd).collect();
        }
    }
    Ok(groups.into_iter().map(|mut group| group.pop().unwrap_or_else(|| backend.constant(true))).collect())
}

/// The disjunction of each group of wires; false for an empty group. Costs as [`all`].
///
/// # Errors
/// The backend's.
pub fn any<B: Backend>(groups: Vec<Vec<B::Wire>>, backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let negated = groups.iter().map(|group| bits::not(group, backend)).collect();
    let none = all(negated, backend)?;
    Ok(bits::not(&none, backend))
}

/// `if condition { a } else { b }`, wire by wire: one AND gate each, one layer.
///
/// # Errors
/// The backend's.
pub fn mux<B: Backend>(
    condition: &B::Wire,
    a: &[B::Wire],
    b: &[B::Wire],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    assert_eq!(a.len(), b.len(), "values of different widths");
    let pairs: Vec<_> = a.iter().zip(b).map(|(a, b)| (condition.clone(), backend.xor(a, b))).collect();
    let mut chosen = backend.and(&pairs)?;
    for (wire, b) in chosen.iter_mut().zip(b) {
        backend.xor_assign(wire, b);
    }
    Ok(chosen)
}

/// `if condition { a } else { 0 }`, wire by wire: one AND gate each, one layer.
///
/// # Errors
/// The backend's.
pub fn mask<B: Backend>(
    condition: &B::Wire,
    a: &[B::Wire],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    backend.layer(&a.iter().map(|a| (condition, a)).collect::<Vec<_>>())
}

/// Output `i` is the conjunction of wires `0..=i`. About `n log2(n) / 2` AND gates, depth `log2 n`
/// (J. Sklansky, Conditional-sum addition logic, 1960).
///
/// # Errors
/// The backend's.
pub fn prefix_and<B: Backend>(wires: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let mut prefix = wires.to_vec();
    let mut step = 1;
    while step < prefix.len() {
        let combined: Vec<(usize, usize)> = sklansky(prefix.len(), step).collect();
        let pairs: Vec<_> = combined.iter().map(|&(i, j)| (&prefix[i], &prefix[j])).collect();
        for (&(i, _), product) in combined.iter().zip(backend.layer(&pairs)?) {
            prefix[i] = product;
        }
        step *= 2;
    }
    Ok(prefix)
}

/// Output `i` is the disjunction of wires `0..=i`. Costs as [`prefix_and`].
///
/// # Errors
/// The backend's.
pub fn prefix_or<B: Backend>(wires: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let negated = bits::not(wires, backend);
    let none = prefix_and(&negated, backend)?;
    Ok(bits::not(&none, backend))
}

/// The level of Sklansky's prefix network that joins runs of `step`: each `(i, j)` joins to position `i`, whose
/// run starts after `j`, everything that ends at `j`.
pub(crate) fn sklansky(n: usize, step: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).filter(move |i| i / step % 2 == 1).map(move |i| (i, i / step * step - 1))
}

/// Marks the highest wire that is set: one-hot, or all zeros if none is. Costs as [`prefix_or`].
///
/// # Errors
/// The backend's.
pub fn highest_one<B: Backend>(wires: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let reversed: Vec<B::Wire> = wires.iter().rev().cloned().collect();
    let mut seen = prefix_or(&reversed, backend)?;
    seen.reverse();
    // `seen` is monotone, so that its steps are sums of neighbours.
    let mut marks = seen.clone();
    for (mark, above) in marks.iter_mut().zip(&seen[1.min(seen.len())..]) {
        backend.xor_assign(mark, above);
    }
    Ok(marks)
}

/// Decodes an integer of `k` wires to `2^k` wires, of which the one it names is set. Fewer than
/// `2^k + 2^(k/2 + 1)` AND gates (528 for 9 wires), depth `log2 k`.
///
/// # Errors
/// The backend's.
pub fn one_hot<B: Backend>(index: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    // Decoders of ever wider slices, joined two by two: all slices share their layers.
    let mut decoders: Vec<Vec<B::Wire>> =
        index.iter().map(|bit| vec![backend.not(bit), bit.clone()]).collect();
    while decoders.len() > 1 {
        // An odd slice out is the lowest, so that a join never has the wider slice below.
        let single = decoders.len() % 2;
        let mut pairs = Vec::new();
        for slices in decoders[single..].chunks_exact(2) {
            for high in &slices[1] {
                // The first product of a row is what the others leave of `high`: the low slice is one-hot.
                pairs.extend(slices[0][1..].iter().map(|low| (high, low)));
            }
        }
        let mut products = backend.layer(&pairs)?.into_iter();
        let mut joined = decoders[..single].to_vec();
        for slices in decoders[single..].chunks_exact(2) {
            let mut decoder = Vec::with_capacity(slices[0].len() * slices[1].len());
            for high in &slices[1] {
                let row: Vec<B::Wire> = products.by_ref().take(slices[0].len() - 1).collect();
                decoder.push(bits::parity(std::iter::once(high).chain(&row), backend));
                decoder.extend(row);
            }
            joined.push(decoder);
        }
        decoders = joined;
    }
    Ok(decoders.pop().unwrap_or_else(|| vec![backend.constant(true)]))
}
