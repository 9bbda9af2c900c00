//! A TLS 1.2 session as its two byte streams show it, read by prover and notary alike.
//!
//! The handshake is in the clear; what follows ChangeCipherSpec is sealed. [`Session::read`] accepts exactly one
//! course of events: a full handshake with ECDHE over P-256, AES-128-GCM, SHA-256 and the extended master
//! secret, no client certificate, no tickets; then one Finished each way; then application data; then, at
//! most, one alert each way, which is the last record. Anything else is refused: a renegotiation, an alert in
//! between, a second handshake.

use crate::code::Code;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

use super::keys::Side;
use super::record::{self, ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, OVERHEAD};

/// Why two streams are not a session that can be attested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The streams break the rules of the session's course.
    #[error("the TLS session is not one that can be attested: {0}")]
    Course(&'static str),
    /// The certificate is not valid for the name at the notary's clock.
    #[error("the server's certificate is refused: {0}")]
    Certificate(String),
    /// The key share was not signed with the certificate's key.
    #[error("the server's key share is not signed with its certificate's key")]
    KeySignature,
}

impl SessionError {
    /// A stable name for this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Course(_) => Code::SessionCourse,
            Self::Certificate(_) => Code::ServerCertificate,
            Self::KeySignature => Code::ServerKeySignature,
        }
        .text()
    }
}

fn course<T>(why: &'static str) -> Result<T, SessionError> {
    Err(SessionError::Course(why))
}

/// A sealed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The content type.
    pub content_type: u8,
    /// Its number under its key, from 0.
    pub sequence: u64,
    /// The explicit half of the nonce.
    pub nonce: [u8; 8],
    /// The ciphertext, as long as the plaintext.
    pub ciphertext: Vec<u8>,
    /// The tag.
    pub tag: [u8; 16],
}

impl Sealed {
    /// What the tag covers besides the ciphertext (RFC 5246, section 6.2.3.3).
    pub fn additional_data(&self) -> [u8; 13] {
        let mut data = [0; 13];
        data[..8].copy_from_slice(&self.sequence.to_be_bytes());
        data[8..11].copy_from_slice(&[self.content_type, 3, 3]);
        data[11..].copy_from_slice(&(self.ciphertext.len() as u16).to_be_bytes());
        data
    }
}

/// A session, read from its streams.
#[derive(Debug)]
pub struct Session {
    /// The client's random bytes.
    pub client_random: [u8; 32],
    /// The server's random bytes.
    pub server_random: [u8; 32],
    /// The client's P-256 share.
    pub client_share: Vec<u8>,
    /// The server's P-256 share.
    pub server_share: Vec<u8>,
    /// The hash of the handshake up to ClientKeyExchange: what the master secret and the client's Finished are
    /// derived from.
    pub session_hash: [u8; 32],
    /// The client's sealed records: its Finished first.
    pub client: Vec<Sealed>,
    /// The server's sealed records: its Finished first.
    pub server: Vec<Sealed>,
    chain: Vec<CertificateDer<'static>>,
    signed: Vec<u8>,
    signature: (u16, Vec<u8>),
    messages: Sha256,
}

impl Session {
    /// Reads a session from the bytes sent by each side, records with their headers.
    ///
    /// # Errors
    /// [`SessionError::Course`], naming the first rule broken.
    pub fn read(client: &[u8], server: &[u8]) -> Result<Self, SessionError> {
        let (from_client, client) = side(client)?;
        let (from_server, server) = side(server)?;
        let from_client = messages(&from_client)?;
        let from_server = messages(&from_server)?;
        let [client_hello, client_exchange] = &from_client[..] else {
            return course("the client sent other handshake messages than ClientHello and ClientKeyExchange");
        };
        // A stapled revocation status may follow the certificate; it is part of the transcript and not used.
        let (hello, certificate, exchange, done) = match &from_server[..] {
            [a, b, c, d] => (a, b, c, d),
            [a, b, status, c, d] if status.kind == 22 => (a, b, c, d),
            _ => return course("the server sent other handshake messages than a full handshake has"),
        };
        let kinds = [client_hello, hello, certificate, exchange, done, client_exchange].map(|m| m.kind);
        if kinds != [1, 2, 11, 12, 14, 16] || !done.body.is_empty() {
            return course("the handshake's messages are out of order");
        }
        let client_random = Reader(client_hello.body).hello()?.0;
        let (server_random, mut rest) = Reader(hello.body).hello()?;
        rest.server_hello()?;
        let chain = Reader(certificate.body).chain()?;
        let (server_share, params, signature) = Reader(exchange.body).key_exchange()?;
        let mut share = Reader(client_exchange.body);
        let client_share = share.vector8()?.to_vec();
        share.end()?;

        let mut hash = Sha256::new();
        hash.update(client_hello.whole);
        for message in &from_server {
            hash.update(message.whole);
        }
        hash.update(client_exchange.whole);
        let signed = [&client_random[..], &server_random[..], params].concat();
        Ok(Self {
            client_random,
            server_random,
            client_share,
            server_share,
            session_hash: hash.clone().finalize().into(),
            client,
            server,
            chain,
            signed,
            signature,
            messages: hash,
        })
    }

    /// The hash that a side's Finished is computed from. The server's covers the client's Finished, whose
    /// `verify_data` is given.
    pub fn finished_hash(&self, side: Side, client_verify_data: &[u8; 12]) -> [u8; 32] {
        match side {
            Side::Client => self.session_hash,
            Side::Server => {
                let mut hash = self.messages.clone();
                hash.update(finished_message(client_verify_data));
                hash.finalize().into()
            }
        }
    }

    /// Judges the certificate chain at the given time and the signature over the server's key share.
    ///
    /// # Errors
    /// [`SessionError::Certificate`], [`SessionError::KeySignature`].
    pub fn authenticate(&self, host: &str, roots: Arc<RootCertStore>, now: u64) -> Result<(), SessionError> {
        let refuse = |error: &dyn std::fmt::Display| SessionError::Certificate(error.to_string());
        let Some((leaf, intermediates)) = self.chain.split_first() else {
            return Err(refuse(&"there is none"));
        };
        let name = ServerName::try_from(host).map_err(|e| refuse(&e))?;
        let provider = Arc::new(ring::default_provider());
        let algorithms = provider.signature_verification_algorithms;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots, provider).build().map_err(|e| refuse(&e))?;
        verifier
            .verify_server_cert(
                leaf,
                intermediates,
                &name,
                &[],
                UnixTime::since_unix_epoch(Duration::from_secs(now)),
            )
            .map_err(|e| refuse(&e))?;
        let leaf = webpki::EndEntityCert::try_from(leaf).map_err(|e| refuse(&e))?;
        let scheme = SignatureScheme::from(self.signature.0);
        let candidates = algorithms.mapping.iter().find(|(known, _)| *known == scheme).map(|(_, list)| *list);
        let valid = candidates
            .unwrap_or_default()
            .iter()
            .any(|algorithm| leaf.verify_signature(*algorithm, &self.signed, &self.signature.1).is_ok());
        if valid { Ok(()) } else { Err(SessionError::KeySignature) }
    }

    /// The sealed application data of one side, in order.
    pub fn application_data(&self, side: Side) -> impl Iterator<Item = &Sealed> {
        let records = match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        };
        records.iter().filter(|record| record.content_type == APPLICATION_DATA)
    }
}

/// A Finished message with its header, as it is encrypted.
pub fn finished_message(verify_data: &[u8; 12]) -> [u8; 16] {
    let mut message = [0; 16];
    message[..4].copy_from_slice(&[20, 0, 0, 12]);
    message[4..].copy_from_slice(verify_data);
    message
}

/// Splits one side's stream into its clear handshake bytes and its sealed records.
fn side(stream: &[u8]) -> Result<(Vec<u8>, Vec<Sealed>), SessionError> {
    let Some(records) = record::split(stream) else {
        return course("a stream does not consist of whole TLS records");
    };
    let mut clear = Vec::new();
    let mut records = records.into_iter();
    loop {
        match records.next() {
            Some(record) if record.content_type == HANDSHAKE => clear.extend_from_slice(record.fragment),
            Some(record) if record.content_type == CHANGE_CIPHER_SPEC && record.fragment == [1] => break,
            _ => return course("the handshake is interrupted"),
        }
    }
    let mut sealed: Vec<Sealed> = Vec::new();
    for (sequence, record) in records.enumerate() {
        let (Some((nonce, rest)), true) =
            (record.fragment.split_first_chunk::<8>(), record.fragment.len() >= OVERHEAD)
        else {
            return course("a record is too short to be sealed");
        };
        let Some((ciphertext, tag)) = rest.split_last_chunk::<16>() else {
            return course("a record is too short to be sealed");
        };
        let expected = match (sequence, sealed.last().map(|last| last.content_type)) {
            (0, _) => record.content_type == HANDSHAKE && ciphertext.len() == 16,
            (_, Some(ALERT)) => false,
            _ => matches!(record.content_type, APPLICATION_DATA | ALERT),
        };
        if !expected {
            return course("after its Finished a side sends application data, and an alert only at the end");
        }
        if sealed.iter().any(|earlier| earlier.nonce == *nonce) {
            return course("a nonce is used twice");
        }
        sealed.push(Sealed {
            content_type: record.content_type,
            sequence: sequence as u64,
            nonce: *nonce,
            ciphertext: ciphertext.to_vec(),
            tag: *tag,
        });
    }
    if sealed.is_empty() {
        return course("a Finished message is missing");
    }
    Ok((clear, sealed))
}

/// A handshake message.
struct Message<'a> {
    kind: u8,
    body: &'a [u8],
    /// With its header.
    whole: &'a [u8],
}

fn messages(mut bytes: &[u8]) -> Result<Vec<Message<'_>>, SessionError> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let mut reader = Reader(bytes);
        let kind = reader.take(1)?[0];
        let body = reader.vector24()?;
        let (whole, rest) = bytes.split_at(4 + body.len());
        messages.push(Message { kind, body, whole });
        bytes = rest;
        if messages.len() > 8 {
            return course("too many handshake messages");
        }
    }
    Ok(messages)
}

/// Reads the presentation language of RFC 5246.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SessionError> {
        let (taken, rest) =
            self.0.split_at_checked(count).ok_or(SessionError::Course("a handshake message is cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<usize, SessionError> {
        Ok(self.take(bytes)?.iter().fold(0, |n, &byte| n << 8 | usize::from(byte)))
    }

    fn vector8(&mut self) -> Result<&'a [u8], SessionError> {
        let length = self.number(1)?;
        self.take(length)
    }

    fn vector16(&mut self) -> Result<&'a [u8], SessionError> {
        let length = self.number(2)?;
        self.take(length)
    }

    fn vector24(&mut self) -> Result<&'a [u8], SessionError> {
        let length = self.number(3)?;
        self.take(length)
    }

    fn end(&self) -> Result<(), SessionError> {
        if self.0.is_empty() { Ok(()) } else { course("a handshake message is too long") }
    }

    /// The random bytes of a hello, and what follows its session id.
    fn hello(mut self) -> Result<([u8; 32], Self), SessionError> {
        if self.take(2)? != [3, 3] {
            return course("the protocol is not TLS 1.2");
        }
        let random =
            self.take(32)?.try_into().map_err(|_| SessionError::Course("a hello without random bytes"))?;
        self.vector8()?;
        Ok((random, self))
    }

    /// The server's choices.
    fn server_hello(&mut self) -> Result<(), SessionError> {
        if !matches!(self.number(2)?, 0xc02b | 0xc02f) {
            return course("the cipher suite is not ECDHE with AES-128-GCM and SHA-256");
        }
        if self.number(1)? != 0 {
            return course("compression");
        }
        let mut extensions = Reader(self.vector16()?);
        self.end()?;
        let mut extended = false;
        while !extensions.0.is_empty() {
            let kind = extensions.number(2)?;
            let body = extensions.vector16()?;
            match kind {
                0x17 => extended = body.is_empty(),
                // A session ticket would change the handshake's course.
                0x23 => return course("the server offers session tickets"),
                _ => {}
            }
        }
        if extended { Ok(()) } else { course("the server does not support the extended master secret") }
    }

    fn chain(&mut self) -> Result<Vec<CertificateDer<'static>>, SessionError> {
        let mut list = Reader(self.vector24()?);
        self.end()?;
        let mut chain = Vec::new();
        while !list.0.is_empty() {
            chain.push(CertificateDer::from(list.vector24()?.to_vec()));
            if chain.len() > 16 {
                return course("the certificate chain is too long");
            }
        }
        Ok(chain)
    }

    /// The server's share, the signed parameters, and the signature with its scheme.
    #[allow(clippy::type_complexity, reason = "three parts of one message, used at once")]
    fn key_exchange(mut self) -> Result<(Vec<u8>, &'a [u8], (u16, Vec<u8>)), SessionError> {
        let whole = self.0;
        // A named curve: secp256r1.
        if self.take(3)? != [3, 0, 23] {
            return course("the key exchange is not over P-256");
        }
        let share = self.vector8()?.to_vec();
        if share.len() != 65 || share[0] != 4 {
            return course("the server's share is not an uncompressed point");
        }
        let params = &whole[..whole.len() - self.0.len()];
        let scheme = self.number(2)? as u16;
        let signature = self.vector16()?.to_vec();
        self.end()?;
        Ok((share, params, (scheme, signature)))
    }
}
