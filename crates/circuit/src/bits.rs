//! Wires from and to bytes and integers, and linear gates over whole slices.

use crate::Backend;

/// The bits of a byte string: byte after byte, least significant bit of each byte first.
pub fn from_bytes(bytes: &[u8]) -> Vec<bool> {
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1)).collect()
}

/// The byte string of these bits: the inverse of [`from_bytes`]. A last partial byte is filled with zeros.
pub fn to_bytes(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|byte| to_u64(byte) as u8).collect()
}

/// The lowest `width` bits of an integer, least significant first.
pub fn from_u64(value: u64, width: usize) -> Vec<bool> {
    (0..width).map(|bit| bit < 64 && value >> bit & 1 == 1).collect()
}

/// The integer with these bits, least significant first; at most 64 of them.
pub fn to_u64(bits: &[bool]) -> u64 {
    assert!(bits.len() <= 64, "an integer of {} bits", bits.len());
    bits.iter().rev().fold(0, |value, &bit| value << 1 | u64::from(bit))
}

/// Public constants, one wire a bit.
pub fn constants<B: Backend>(bits: &[bool], backend: &mut B) -> Vec<B::Wire> {
    bits.iter().map(|&bit| backend.constant(bit)).collect()
}

/// The public byte string as wires.
pub fn constant_bytes<B: Backend>(bytes: &[u8], backend: &mut B) -> Vec<B::Wire> {
    constants(&from_bytes(bytes), backend)
}

/// The public integer as `width` wires.
pub fn constant_u64<B: Backend>(value: u64, width: usize, backend: &mut B) -> Vec<B::Wire> {
    constants(&from_u64(value, width), backend)
}

/// Exclusive or, wire by wire, of two slices of one length.
pub fn xor<B: Backend>(a: &[B::Wire], b: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    assert_eq!(a.len(), b.len(), "slices of different lengths");
    a.iter().zip(b).map(|(a, b)| backend.xor(a, b)).collect()
}

/// Exclusive or with a public constant: only negations.
pub fn xor_constant<B: Backend>(a: &[B::Wire], constant: &[bool], backend: &mut B) -> Vec<B::Wire> {
    assert_eq!(a.len(), constant.len(), "slices of different lengths");
    a.iter().zip(constant).map(|(a, &bit)| if bit { backend.not(a) } else { a.clone() }).collect()
}

/// The negation of every wire.
pub fn not<B: Backend>(a: &[B::Wire], backend: &mut B) -> Vec<B::Wire> {
    a.iter().map(|a| backend.not(a)).collect()
}

/// The exclusive or of a set of wires; the constant 0 if the set is empty.
pub fn parity<'a, B: Backend>(mut wires: impl Iterator<Item = &'a B::Wire>, backend: &mut B) -> B::Wire
where
    B::Wire: 'a,
{
    let Some(first) = wires.next() else {
        return backend.constant(false);
    };
    let mut sum = first.clone();
    for wire in wires {
        backend.xor_assign(&mut sum, wire);
    }
    sum
}
