//! Windows that hold a decimal number: `-`? digits (`.` digits)?, without needless leading zeros.
//!
//! The characters up to the first that no number has are classified; the digits are moved so that units meet
//! units, and added up, each bit with its weight, by one tree of carry-save adders.

use super::{Format, Kind, Reading, matches};
use crate::{Backend, arith::parallel, bits, compare, logic};

/// The number of digits that matter, on both sides of the point.
pub struct Shape {
    /// Accepted values in units of `10^-scale`.
    min: i64,
    max: i64,
    /// Whether a point is accepted.
    point: bool,
    /// Characters before the point that can matter: digits of the greatest magnitude, and a sign.
    whole: usize,
    /// Digits kept after the point.
    scale: usize,
}

impl Shape {
    /// Of a numeric kind, in windows of this many bytes. (Other kinds have no digits.)
    pub fn new(kind: &Kind, window: usize) -> Self {
        let (scale, min, max, point) = match *kind {
            Kind::Decimal { scale, min, max } => (scale as usize, min, max, true),
            Kind::Integer { min, max } => (0, min, max, false),
            Kind::Boolean | Kind::Category(_) => (0, 0, 0, false),
        };
        let magnitude = min.unsigned_abs().max(max.unsigned_abs());
        let digits = magnitude.checked_ilog10().map_or(1, |log| log as usize + 1);
        let whole = digits.saturating_sub(scale).max(1) + usize::from(min < 0);
        Self { min, max, point, whole: whole.min(window.saturating_sub(1)), scale }
    }

    /// Characters of the longest value that has no digits beyond the scale.
    pub fn longest(&self) -> usize {
        self.whole + if self.point && self.scale > 0 { 1 + self.scale } else { 0 }
    }

    fn digits(&self) -> usize {
        self.whole + self.scale
    }
}

/// The window's characters, as far as a number can reach.
struct Characters<W> {
    /// The four low wires of each: a digit's value.
    low: Vec<Vec<W>>,
    /// Whether the first is a minus sign.
    minus: Option<W>,
    /// Whether this is the first that cannot be part of a number.
    end: Vec<W>,
    /// Whether this is a point within the number.
    point: Vec<W>,
    /// Whether a point stands here or before.
    seen: Vec<W>,
    /// Whether this is a digit of the number.
    digit: Vec<W>,
}

/// The number as an integer, two's complement if the format is signed, and whether it is accepted.
pub fn parse<B: Backend>(
    format: &Format,
    window: &[B::Wire],
    backend: &mut B,
) -> Result<Reading<B::Wire>, B::Error> {
    let shape = Shape::new(&format.kind, window.len() / 8);
    let characters = classify(&shape, window, backend)?;
    let picked = pick(&shape, &characters, window, backend)?;
    let mut conditions = grammar(&characters, &picked, format.ends(), backend)?;
    let digits = align(&shape, &characters, picked, backend)?;
    let magnitude = weigh(&shape, &digits, backend)?;
    let value = match &characters.minus {
        Some(minus) => {
            let mut wide = magnitude;
            wide.push(backend.constant(false));
            parallel::negate_if(minus, &wide, backend)?
        }
        None => magnitude,
    };
    conditions.extend(in_range(&shape, &value, backend)?);
    let mut valid = logic::all(vec![conditions], backend)?;
    let valid = valid.pop().unwrap_or_else(|| backend.constant(false));
    // The value may be narrower than the declared width (a short window); its top wire extends it.
    let mut value = value;
    let top = match (&characters.minus, value.last()) {
        (Some(_), Some(sign)) => sign.clone(),
        _ => backend.constant(false),
    };
    if value.len() < format.width() {
        value.resize(format.width(), top);
    }
    Ok(Reading { value, valid })
}

/// Digits are 0x30 to 0x39, the point is 0x2e and the minus sign 0x2d. 10 AND gates a character, then a prefix.
fn classify<B: Backend>(
    shape: &Shape,
    window: &[B::Wire],
    backend: &mut B,
) -> Result<Characters<B::Wire>, B::Error> {
    let bytes: Vec<&[B::Wire]> = window.chunks(8).collect();
    let mut pairs = Vec::with_capacity(4 * bytes.len());
    for b in &bytes {
        let off: Vec<B::Wire> = bits::not(b, backend);
        pairs.push((off[7].clone(), off[6].clone()));
        pairs.push((off[2].clone(), off[1].clone()));
        pairs.push((b[3].clone(), b[2].clone()));
        pairs.push((b[1].clone(), off[0].clone()));
    }
    pairs.push((backend.not(&bytes[0][1]), bytes[0][0].clone()));
    let first = backend.and(&pairs)?;

    let mut pairs = Vec::with_capacity(3 * bytes.len());
    for (b, first) in bytes.iter().zip(first.chunks(4)) {
        pairs.push((first[0].clone(), b[5].clone()));
        pairs.push((b[3].clone(), backend.not(&first[1])));
        pairs.push((first[2].clone(), first[3].clone()));
    }
    pairs.push((first[2].clone(), first[4 * bytes.len()].clone()));
    let second = backend.and(&pairs)?;

    let pairs: Vec<_> =
        bytes.iter().zip(second.chunks(3)).map(|(b, second)| (second[0].clone(), b[4].clone())).collect();
    let third = backend.and(&pairs)?;

    let mut pairs = Vec::with_capacity(2 * bytes.len() + 1);
    for (second, three) in second.chunks(3).zip(&third) {
        pairs.push((three.clone(), backend.not(&second[1])));
        pairs.push((backend.xor(&second[0], three), second[2].clone()));
    }
    pairs.push((backend.xor(&second[0], &third[0]), second[3 * bytes.len()].clone()));
    let kinds = backend.and(&pairs)?;

    let minus = (shape.min < 0).then(|| kinds[2 * bytes.len()].clone());
    let mut part = Vec::with_capacity(bytes.len());
    for (i, kind) in kinds.chunks_exact(2).enumerate() {
        let mut possible = kind[0].clone();
        if shape.point {
            backend.xor_assign(&mut possible, &kind[1]);
        }
        if let (0, Some(minus)) = (i, &minus) {
            backend.xor_assign(&mut possible, minus);
        }
        part.push(possible);
    }
    let alive = logic::prefix_and(&part, backend)?;
    let end = steps(&alive, backend);
    let point = if shape.point {
        let pairs: Vec<_> =
            alive.iter().zip(kinds.chunks_exact(2)).map(|(a, kind)| (a.clone(), kind[1].clone())).collect();
        backend.and(&pairs)?
    } else {
        vec![backend.constant(false); bytes.len()]
    };
    let mut seen = point.clone();
    for i in 1..seen.len() {
        seen[i] = backend.xor(&seen[i - 1], &point[i]);
    }
    let mut digit = bits::xor(&alive, &point, backend);
    if let Some(minus) = &minus {
        backend.xor_assign(&mut digit[0], minus);
    }
    let low = bytes.iter().map(|b| b[..4].to_vec()).collect();
    Ok(Characters { low, minus, end, point, seen, digit })
}

/// Where a falling run of wires falls.
fn steps<B: Backend>(falling: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    (0..falling.len())
        .map(|i| if i == 0 { backend.not(&falling[0]) } else { backend.xor(&falling[i - 1], &falling[i]) })
        .collect()
}

/// What follows from the characters in one layer.
struct Picked<W> {
    /// The character after the number: zeros if the number does not end inside the window.
    after: Vec<W>,
    /// The digits; zero where the character is none.
    digits: Vec<Vec<W>>,
    /// How far the digits are to move, in binary.
    distance: Vec<W>,
    /// Whether the last whole digit is neither missing nor too far from the start.
    in_reach: W,
    /// Whether all that stands before the point or the end is one character.
    single: W,
    /// Flaws: a point after a point, at each place, and a point with no digit after it.
    flaws: Vec<W>,
}

fn pick<B: Backend>(
    shape: &Shape,
    characters: &Characters<B::Wire>,
    window: &[B::Wire],
    backend: &mut B,
) -> Result<Picked<B::Wire>, B::Error> {
    let Characters { low, end, point, seen, digit, .. } = characters;
    let any_point = seen.last().cloned().unwrap_or_else(|| backend.constant(false));
    let (pointed, ended) = (place_facts(shape, point, backend), place_facts(shape, end, backend));

    let mut pairs: Vec<_> =
        pointed.iter().zip(&ended).map(|(a, b)| (any_point.clone(), backend.xor(a, b))).collect();
    let pairs_of = |selectors: &[B::Wire], values: Vec<&[B::Wire]>| -> Vec<(B::Wire, B::Wire)> {
        let each = selectors.iter().zip(values);
        each.flat_map(|(selector, value)| value.iter().map(|bit| (selector.clone(), bit.clone()))).collect()
    };
    pairs.extend(pairs_of(digit, low.iter().map(Vec::as_slice).collect()));
    pairs.extend(pairs_of(end, window.chunks(8).collect()));
    pairs.extend(point[1..].iter().cloned().zip(seen.iter().cloned()));
    pairs.extend(point.iter().cloned().zip(end[1..].iter().cloned()));
    let mut products = backend.and(&pairs)?.into_iter();

    let mut facts: Vec<B::Wire> = products.by_ref().take(ended.len()).collect();
    facts = bits::xor(&facts, &ended, backend);
    let single = facts.remove(0);
    let in_reach = facts.remove(0);
    let digits = low.iter().map(|_| products.by_ref().take(4).collect()).collect();
    let after: Vec<B::Wire> = products.by_ref().take(window.len()).collect();
    let after = (0..8).map(|bit| bits::parity(after.iter().skip(bit).step_by(8), backend)).collect();
    let mut flaws: Vec<B::Wire> = products.by_ref().take(point.len() - 1).collect();
    // The end is in one place, so that the sum serves as a disjunction.
    let no_fraction: Vec<B::Wire> = products.collect();
    flaws.push(bits::parity(no_fraction.iter(), backend));
    Ok(Picked { after, digits, distance: facts, in_reach, single, flaws })
}

/// What is linear in the one-hot place after the last whole digit: whether it is the second place, whether it is
/// in reach and not the first, and the distance between where it is and where it belongs, in binary.
fn place_facts<B: Backend>(shape: &Shape, place: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    let reach = &place[..place.len().min(shape.whole + 1)];
    let mut facts = vec![place[1].clone(), bits::parity(reach[1..].iter(), backend)];
    for bit in 0..usize::BITS - shape.whole.leading_zeros() {
        let set = reach.iter().enumerate().filter(|(i, _)| (shape.whole - i) >> bit & 1 == 1);
        facts.push(bits::parity(set.map(|(_, wire)| wire), backend));
    }
    facts
}

/// What must hold: the right character ends the number, there is at most one point with a digit before and after it,
/// the whole part is not too long, and no zero precedes another whole digit.
fn grammar<B: Backend>(
    characters: &Characters<B::Wire>,
    picked: &Picked<B::Wire>,
    ends: &[u8],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let Characters { low, minus, digit, .. } = characters;
    let mut groups: Vec<Vec<B::Wire>> =
        ends.iter().map(|&end| matches(&picked.after, end, backend)).collect();
    let mut needless_zero = |first: usize, before: Option<&B::Wire>| {
        let Some(two) = digit.get(first..first + 2) else { return };
        let mut flaw = bits::not(&low[first], backend);
        flaw.extend(two.iter().chain(before).cloned());
        groups.push(flaw);
    };
    needless_zero(0, None);
    if let Some(minus) = minus {
        needless_zero(1, Some(minus));
        groups.push(vec![minus.clone(), picked.single.clone()]);
    }
    let met = logic::all(groups, backend)?;
    let (terminators, flaws) = met.split_at(ends.len());
    let mut conditions = bits::not(flaws, backend);
    conditions.extend(bits::not(&picked.flaws, backend));
    // The terminators differ, so that at most one is met.
    conditions.push(bits::parity(terminators.iter(), backend));
    conditions.push(picked.in_reach.clone());
    Ok(conditions)
}

/// Closes the gap that the point leaves, and shifts so that the last whole digit comes to place `whole - 1`.
fn align<B: Backend>(
    shape: &Shape,
    characters: &Characters<B::Wire>,
    picked: Picked<B::Wire>,
    backend: &mut B,
) -> Result<Places<B::Wire>, B::Error> {
    let mut digits = picked.digits;
    if shape.point {
        let mut pairs = Vec::with_capacity(4 * digits.len());
        for (seen, pair) in characters.seen.iter().zip(digits.windows(2)) {
            let change = bits::xor(&pair[0], &pair[1], backend);
            pairs.extend(change.into_iter().map(|bit| (seen.clone(), bit)));
        }
        for (digit, change) in digits.iter_mut().zip(backend.and(&pairs)?.chunks(4)) {
            *digit = bits::xor(digit, change, backend);
        }
    }
    // The last character can only be the end.
    digits.pop();
    let mut places: Places<B::Wire> = digits.into_iter().map(Some).collect();
    places.resize(shape.digits(), None);
    for (bit, condition) in picked.distance.iter().enumerate().rev() {
        places = shift(places, 1 << bit, condition, backend)?;
    }
    Ok(places)
}

/// Places for digits, the most significant first, of four wires each. A place without a digit holds zero.
type Places<W> = Vec<Option<Vec<W>>>;

/// Moves every digit up by `distance` places if `condition` is set.
fn shift<B: Backend>(
    places: Places<B::Wire>,
    distance: usize,
    condition: &B::Wire,
    backend: &mut B,
) -> Result<Places<B::Wire>, B::Error> {
    let from = |i: usize| i.checked_sub(distance).and_then(|i| places[i].as_ref());
    let mut pairs = Vec::new();
    for (i, place) in places.iter().enumerate() {
        match (place, from(i)) {
            (Some(here), Some(there)) => {
                pairs.extend(here.iter().zip(there).map(|(a, b)| (condition.clone(), backend.xor(a, b))));
            }
            (Some(digit), None) | (None, Some(digit)) => {
                pairs.extend(digit.iter().map(|bit| (condition.clone(), bit.clone())));
            }
            (None, None) => {}
        }
    }
    let mut products = backend.and(&pairs)?.into_iter();
    let mut moved = Vec::with_capacity(places.len());
    for (i, place) in places.iter().enumerate() {
        if place.is_none() && from(i).is_none() {
            moved.push(None);
            continue;
        }
        let change: Vec<B::Wire> = products.by_ref().take(4).collect();
        moved.push(Some(match place {
            Some(here) => bits::xor(here, &change, backend),
            None => change,
        }));
    }
    Ok(moved)
}

/// Adds up digits of weights `10^(n-1)` to `1`.
fn weigh<B: Backend>(
    shape: &Shape,
    digits: &[Option<Vec<B::Wire>>],
    backend: &mut B,
) -> Result<Vec<B::Wire>, B::Error> {
    let greatest = 10u128.pow(shape.digits() as u32) - 1;
    let mut heap = vec![Vec::new(); (128 - greatest.leading_zeros()) as usize];
    let mut weight = 1u128;
    for digit in digits.iter().rev() {
        for (bit, wire) in digit.iter().flatten().enumerate() {
            for (place, heap) in heap.iter_mut().enumerate() {
                if (weight << bit) >> place & 1 == 1 {
                    heap.push(wire.clone());
                }
            }
        }
        weight *= 10;
    }
    parallel::sum(heap, backend)
}

/// That the value is within its bounds; nothing where the width of the value implies a bound.
fn in_range<B: Backend>(shape: &Shape, value: &[B::Wire], backend: &mut B) -> Result<Vec<B::Wire>, B::Error> {
    let signed = shape.min < 0;
    let width = value.len();
    let ordered = if signed { compare::flip_sign(value, backend) } else { value.to_vec() };
    let offset = if signed { 1i128 << (width - 1) } else { 0 };
    let bounds = [i128::from(shape.min) + offset, i128::from(shape.max) + 1 + offset];
    let mut conditions = Vec::with_capacity(2);
    let inside: Vec<i128> = bounds.iter().copied().filter(|&bound| 0 < bound && bound < 1 << width).collect();
    let wires: Vec<Vec<bool>> =
        inside.iter().map(|bound| (0..width).map(|bit| bound >> bit & 1 == 1).collect()).collect();
    let below = compare::less_than_constants(&ordered, &wires, backend)?;
    for (bound, below) in inside.into_iter().zip(below) {
        conditions.push(if bound == bounds[0] { backend.not(&below) } else { below });
    }
    // A lower bound above every value of this width, which a short window can cause, accepts nothing.
    if bounds[0] >= 1 << width {
        conditions.push(backend.constant(false));
    }
    Ok(conditions)
}
