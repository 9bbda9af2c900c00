//! TLS records: framing of a byte stream, as both prover and notary read it.

/// Content type of ChangeCipherSpec.
pub const CHANGE_CIPHER_SPEC: u8 = 20;
/// Content type of alerts.
pub const ALERT: u8 = 21;
/// Content type of handshake messages.
pub const HANDSHAKE: u8 = 22;
/// Content type of application data.
pub const APPLICATION_DATA: u8 = 23;

/// The header's length.
pub const HEADER: usize = 5;
/// The longest fragment that TLS 1.2 allows.
pub const MAX_FRAGMENT: usize = (1 << 14) + 2048;
/// Explicit nonce and tag of an AES-GCM record.
pub const OVERHEAD: usize = 8 + 16;

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The content type.
    pub content_type: u8,
    /// What follows the header.
    pub fragment: &'a [u8],
}

/// The fragment's length that a header announces, if the header is one of TLS 1.2 (or, in a first ClientHello, of
/// the versions that RFC 5246 appendix E.1 lets it carry).
pub fn announced(header: [u8; HEADER]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    let known = (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(&header[0]) && header[1] == 3;
    (known && matches!(header[2], 1 | 3) && length <= MAX_FRAGMENT && length > 0).then_some(length)
}

/// Splits a stream into records; `None` if it does not consist of whole records.
pub fn split(mut stream: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut records = Vec::new();
    while let Some((header, rest)) = stream.split_first_chunk::<HEADER>() {
        let (fragment, rest) = rest.split_at_checked(announced(*header)?)?;
        records.push(Record { content_type: header[0], fragment });
        stream = rest;
    }
    stream.is_empty().then_some(records)
}
