//! Records under a key that is wires: tags, Finished, and plaintext.
//!
//! AES-GCM is counter mode with a tag `GHASH(H, ...) + AES(J0)`. Showing `H = AES(0)` and the mask `AES(J0)` of a
//! record lets the notary recompute the record's tag in the clear, and says nothing about the keystream. The
//! keystream is computed only for blocks with bytes that are shown, classed or committed.

use circuit::{aes, bits};
use ghash::GHash;
use ghash::universal_hash::UniversalHash as _;
use std::collections::BTreeMap;
use std::ops::Range;
use subtle::ConstantTimeEq as _;
use twopc::quicksilver::Proof;

use super::ProofError;
use super::keys::WriteKey;
use crate::tls::Sealed;

/// One direction's cipher.
pub struct Cipher<W> {
    schedule: aes::Schedule<W>,
    iv: Vec<W>,
}

impl<W: Clone> Cipher<W> {
    /// Schedules the key.
    ///
    /// # Errors
    /// [`ProofError::Protocol`].
    pub fn new<P: Proof<Wire = W>>(key: &WriteKey<W>, proof: &mut P) -> Result<Self, ProofError> {
        Ok(Self { schedule: aes::schedule(&key.key, proof)?, iv: key.iv.clone() })
    }

    /// AES of nonce and counter: 128 wires.
    fn block<P: Proof<Wire = W>>(
        &self,
        nonce: [u8; 8],
        counter: u32,
        proof: &mut P,
    ) -> Result<Vec<W>, ProofError> {
        let rest = [&nonce[..], &counter.to_be_bytes()].concat();
        let block = [self.iv.clone(), bits::constant_bytes(&rest, proof)].concat();
        Ok(aes::encrypt(&self.schedule, &block, proof)?)
    }

    /// Proves that a record's plaintext starts with these bytes, at most one block of them.
    ///
    /// # Errors
    /// [`ProofError::Protocol`]; [`ProofError::Range`] if the record is shorter.
    pub fn assert_plaintext<P: Proof<Wire = W>>(
        &self,
        record: &Sealed,
        plaintext: &[u8; 16],
        proof: &mut P,
    ) -> Result<(), ProofError> {
        let ciphertext = record.ciphertext.first_chunk::<16>().ok_or(ProofError::Range)?;
        let keystream = self.block(record.nonce, 2, proof)?;
        let expected: Vec<u8> = ciphertext.iter().zip(plaintext).map(|(a, b)| a ^ b).collect();
        Ok(proof.assert_equals(&keystream, &bits::from_bytes(&expected))?)
    }

    /// Shows what is needed to recompute the tag of every record, and recomputes it. What was shown is certain
    /// only once the whole proof is finished.
    ///
    /// # Errors
    /// [`ProofError::Mismatch`] if a tag is wrong.
    pub fn check_tags<P: Proof<Wire = W>>(
        &self,
        records: &[Sealed],
        proof: &mut P,
    ) -> Result<(), ProofError> {
        let zero = bits::constant_bytes(&[0; 16], proof);
        let key = aes::encrypt(&self.schedule, &zero, proof)?;
        let key = block_bytes(&proof.reveal(&key)?)?;
        for record in records {
            let mask = self.block(record.nonce, 1, proof)?;
            let mask = block_bytes(&proof.reveal(&mask)?)?;
            if !bool::from(tag(&key, &mask, record).ct_eq(&record.tag)) {
                return Err(ProofError::Mismatch("a record's tag"));
            }
        }
        Ok(())
    }
}

fn block_bytes(bits: &[bool]) -> Result<[u8; 16], ProofError> {
    bits::to_bytes(bits).try_into().map_err(|_| ProofError::Mismatch("a block of another length"))
}

/// The tag of a record under GHASH key and mask.
fn tag(key: &[u8; 16], mask: &[u8; 16], record: &Sealed) -> [u8; 16] {
    let data = record.additional_data();
    let mut hash = GHash::new(&(*key).into());
    hash.update_padded(&data);
    hash.update_padded(&record.ciphertext);
    let mut lengths = [0; 16];
    lengths[..8].copy_from_slice(&(8 * data.len() as u64).to_be_bytes());
    lengths[8..].copy_from_slice(&(8 * record.ciphertext.len() as u64).to_be_bytes());
    hash.update(&[lengths.into()]);
    let hash = hash.finalize();
    std::array::from_fn(|i| hash[i] ^ mask[i])
}

/// One direction's application data as one string of bytes, whose wires are made where they are needed.
pub struct Plaintext<'a, W> {
    cipher: &'a Cipher<W>,
    records: Vec<(usize, &'a Sealed)>,
    length: usize,
    blocks: BTreeMap<(usize, usize), Vec<W>>,
}

impl<'a, W: Clone> Plaintext<'a, W> {
    /// The plaintext of these records, in order.
    pub fn new(cipher: &'a Cipher<W>, records: impl Iterator<Item = &'a Sealed>) -> Self {
        let mut length = 0;
        let mut placed = Vec::new();
        for record in records {
            placed.push((length, record));
            length += record.ciphertext.len();
        }
        Self { cipher, records: placed, length, blocks: BTreeMap::new() }
    }

    /// Takes keystream wires of a record's block that were proven before.
    pub fn know(&mut self, record: usize, block: usize, keystream: Vec<W>) {
        self.blocks.insert((record, block), keystream);
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The record with byte `at`, and where in it the byte is.
    fn locate(&self, at: usize) -> Option<(usize, &'a Sealed, usize)> {
        let index = self.records.partition_point(|(start, _)| *start <= at).checked_sub(1)?;
        // Records may be empty: the last one that starts here or before holds the byte, if any does.
        let (start, record) = self.records.get(index)?;
        (at - start < record.ciphertext.len()).then_some((index, *record, at - start))
    }

    /// Keystream wires and ciphertext of a range: eight wires and a byte each.
    ///
    /// # Errors
    /// [`ProofError::Range`] if the range reaches beyond the end.
    pub fn keystream<P: Proof<Wire = W>>(
        &mut self,
        range: Range<usize>,
        proof: &mut P,
    ) -> Result<(Vec<W>, Vec<u8>), ProofError> {
        if range.end > self.length {
            return Err(ProofError::Range);
        }
        let mut wires = Vec::with_capacity(8 * range.len());
        let mut ciphertext = Vec::with_capacity(range.len());
        for at in range {
            let (index, record, offset) = self.locate(at).ok_or(ProofError::Range)?;
            let block = offset / 16;
            if !self.blocks.contains_key(&(index, block)) {
                let made = self.cipher.block(record.nonce, 2 + block as u32, proof)?;
                self.blocks.insert((index, block), made);
            }
            let keystream = self.blocks.get(&(index, block)).ok_or(ProofError::Range)?;
            let bit = 8 * (offset % 16);
            wires.extend_from_slice(&keystream[bit..bit + 8]);
            ciphertext.push(record.ciphertext[offset]);
        }
        Ok((wires, ciphertext))
    }

    /// Plaintext wires of a range.
    ///
    /// # Errors
    /// As [`Plaintext::keystream`].
    pub fn wires<P: Proof<Wire = W>>(
        &mut self,
        range: Range<usize>,
        proof: &mut P,
    ) -> Result<Vec<W>, ProofError> {
        let (wires, ciphertext) = self.keystream(range, proof)?;
        Ok(bits::xor_constant(&wires, &bits::from_bytes(&ciphertext), proof))
    }
}
