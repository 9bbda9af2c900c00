//! Taking in what providers shared: is it what the notary attests, and what number does it say?
//!
//! A provider shares, for every private field, the window of text that the server sent and a blinder; the attestation
//! carries `SHA3-256(domain || blinder || window)`. [`ingest`] recomputes these digests for a whole batch of
//! providers at once, opens them, and drops every provider whose digest is another than the attested one. Then it
//! parses the windows, opens one bit a provider (are all fields well-formed and in range?) and drops the others.
//! What is left is kept in both domains, so that a query need not convert.
//!
//! # What becomes public
//! Of each provider whether the digests match, the digests themselves (the honest provider's are public anyway),
//! and one bit that covers format and declared range.

use algebra::Bits;
use circuit::Backend;
use circuit::keccak;
use circuit::parse::Format;

use crate::abort::Abort;
use crate::boolean::{Columns, and_many};
use crate::convert::bits_to_field;
use crate::open::open;
use crate::session::Session;
use crate::share::{BitShare, FieldShare, IntShare};

/// One private field of a batch of providers, a provider a row.
#[derive(Clone, Debug)]
pub struct PrivateField<'a> {
    /// The window's bits, columns as [`input_columns`](crate::input_columns) makes them.
    pub window: &'a [BitShare],
    /// The bits of the 32 bytes of blinder, likewise.
    pub blinder: &'a [BitShare],
    /// The hash domain of each provider's commitment.
    pub domains: &'a [[u8; 32]],
    /// The attested commitment of each provider.
    pub commitments: &'a [[u8; 32]],
    /// How the window is to be read. It must have passed [`Format::check`] for this window.
    pub format: &'a Format,
}

/// What became of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// All its fields are in the columns.
    Accepted,
    /// It shared something else than what it had committed to.
    Commitment,
    /// A field is malformed, not ended within its window, or outside the declared range.
    Value,
}

/// A field of the accepted providers, ready for queries.
#[derive(Clone, Debug)]
pub struct ParsedColumn {
    /// The integers in GF(2); 0 where missing.
    pub int: IntShare,
    /// The same in `F_p`.
    pub field: FieldShare,
    /// Whether a provider has a value.
    pub present: BitShare,
}

/// A batch of providers taken in.
#[derive(Clone, Debug)]
pub struct Ingested {
    /// For every provider.
    pub verdicts: Vec<Verdict>,
    /// For every field, the rows of the accepted providers in their order.
    pub columns: Vec<ParsedColumn>,
}

/// Checks the commitments of a batch of providers and parses their fields. For one-block messages (a window of up to
/// 71 bytes) 38,400 AND gates a window and 24 layers, whatever the number of providers and fields; then the parser.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated. A provider's fault is a [`Verdict`], never an abort.
///
/// # Panics
/// If the fields differ in their number of rows, or a blinder has not 256 columns.
pub fn ingest(fields: &[PrivateField<'_>], session: &mut Session) -> Result<Ingested, Abort> {
    let rows = fields.first().map_or(0, |field| field.domains.len());
    let matching = check_commitments(fields, session)?;
    let kept: Vec<u32> = (0..rows as u32).filter(|&row| matching[row as usize]).collect();
    let windows: Vec<Vec<BitShare>> =
        fields.iter().map(|field| field.window.iter().map(|bit| bit.gather(&kept)).collect()).collect();
    let formats: Vec<&Format> = fields.iter().map(|field| field.format).collect();
    let (columns, valid) = parse(&windows, &formats, session)?;

    let mut verdicts = vec![Verdict::Commitment; rows];
    for (&row, valid) in kept.iter().zip(valid.iter()) {
        verdicts[row as usize] = if valid { Verdict::Accepted } else { Verdict::Value };
    }
    Ok(Ingested { verdicts, columns })
}

/// Of each provider, whether what it shared has the attested commitments in all fields. 24 rounds for each different
/// number of blocks (one, for windows of up to 71 bytes), then verification and opening.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// As [`ingest`].
pub fn check_commitments(fields: &[PrivateField<'_>], session: &mut Session) -> Result<Vec<bool>, Abort> {
    let rows = fields.first().map_or(0, |field| field.domains.len());
    let mut messages: Vec<(usize, Vec<BitShare>)> =
        fields.iter().enumerate().map(|(i, field)| (i, message(field, rows, session))).collect();
    // Fields of as many blocks are hashed together, one below the other.
    messages.sort_by_key(|(_, message)| message.len());
    let mut digests = Vec::with_capacity(fields.len());
    for group in messages.chunk_by(|(_, a), (_, b)| a.len() == b.len()) {
        let stacked: Vec<BitShare> = match group {
            [(_, message)] => message.clone(),
            _ => (0..group[0].1.len())
                .map(|wire| BitShare::concat(group.iter().map(|(_, message)| &message[wire])))
                .collect(),
        };
        digests.push(keccak::absorb(&stacked, &mut Columns::new(rows * group.len(), session))?);
    }

    let digests = session.verify(digests)?;
    let opened = open(&digests, session)?;
    let mut matching = vec![true; rows];
    let groups = messages.chunk_by(|(_, a), (_, b)| a.len() == b.len());
    for (group, digest) in groups.zip(opened) {
        for (place, (field, _)) in group.iter().enumerate() {
            for (row, commitment) in fields[*field].commitments.iter().enumerate() {
                matching[row] &= has_digest(&digest, place * rows + row, commitment);
            }
        }
    }
    Ok(matching)
}

/// The padded message `domain || blinder || window` of every row.
fn message(field: &PrivateField<'_>, rows: usize, session: &mut Session) -> Vec<BitShare> {
    assert!(
        field.domains.len() == rows && field.commitments.len() == rows,
        "a domain and a commitment for each row"
    );
    assert!(field.window.iter().chain(field.blinder).all(|bit| bit.len() == rows), "columns of one length");
    assert_eq!(field.blinder.len(), 256, "a blinder has 32 bytes");
    let me = session.party();
    let domain = |bit: usize| Bits::from_fn(rows, |row| bit_of(&field.domains[row], bit));
    let mut message: Vec<BitShare> = (0..256).map(|bit| BitShare::public(&domain(bit), me)).collect();
    message.extend_from_slice(field.blinder);
    message.extend_from_slice(field.window);
    keccak::pad(&message, &mut Columns::new(rows, session))
}

fn has_digest(columns: &[Bits], row: usize, digest: &[u8; 32]) -> bool {
    columns.iter().enumerate().all(|(bit, column)| column.get(row) == bit_of(digest, bit))
}

fn bit_of(bytes: &[u8; 32], bit: usize) -> bool {
    bytes[bit / 8] >> (bit % 8) & 1 == 1
}

/// Parses windows, a field after another, opens of every row whether all its windows are valid, and returns the
/// valid rows in both domains.
///
/// # Errors
/// [`Abort`] if a peer is gone or cheated.
///
/// # Panics
/// If there are not as many formats as windows, or the windows differ in length.
pub fn parse(
    windows: &[Vec<BitShare>],
    formats: &[&Format],
    session: &mut Session,
) -> Result<(Vec<ParsedColumn>, Bits), Abort> {
    assert_eq!(windows.len(), formats.len(), "a format for each window");
    let rows = windows.first().and_then(|window| window.first()).map_or(0, BitShare::len);
    let mut parsed = Vec::with_capacity(windows.len());
    let mut valid = Columns::new(rows, session).constant(true);
    for (window, format) in windows.iter().zip(formats) {
        let field = format.parse(window, &mut Columns::new(rows, session))?;
        valid = and_many(&[(valid, field.valid)], session)?.swap_remove(0);
        parsed.push((field.value, field.present, format.signed()));
    }
    let valid = session.verify(valid)?;
    let valid = open(&valid, session)?;

    let kept: Vec<u32> = (0..rows as u32).filter(|&row| valid.get(row as usize)).collect();
    let mut columns = Vec::with_capacity(parsed.len());
    for (bits, present, signed) in parsed {
        let int = IntShare { bits: bits.iter().map(|bit| bit.gather(&kept)).collect(), signed };
        let field = bits_to_field(&int, session)?;
        columns.push(ParsedColumn { int, field, present: present.gather(&kept) });
    }
    Ok((columns, valid))
}
