//! A rustls `CryptoProvider` that never gives rustls a key.
//!
//! Wherever rustls expects secret bytes it gets a *handle*: fixed bytes that say which secret is meant. rustls
//! hands them back when the secret is to be used, and the call goes to the session's [`SessionKeys`].
//!
//! rustls calls back synchronously, on the thread that drives the connection. So the session is bound to that
//! thread ([`Bound`]) and handles need not name it. Some callbacks cannot report failure: they note it, give
//! back dead bytes, and the driver, which asks [`Bound::check`] before it writes anything, ends the session.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes128Gcm, Key, Nonce};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, KeyBlockShape, MessageDecrypter, MessageEncrypter,
    OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls12AeadAlgorithm,
    UnsupportedOperationError, make_tls12_aad,
};
use rustls::crypto::tls12::Prf;
use rustls::crypto::{
    ActiveKeyExchange, CipherSuiteCommon, CryptoProvider, KeyExchangeAlgorithm, SharedSecret,
    SupportedKxGroup, ring,
};
use rustls::{
    CipherSuite, ConnectionTrafficSecrets, Error, NamedGroup, PeerMisbehaved, SignatureScheme,
    SupportedCipherSuite, Tls12CipherSuite,
};
use std::cell::RefCell;
use std::sync::LazyLock;

use super::keys::{KeysError, ServerKey, SessionKeys, Side};

/// Explicit nonce and tag: what a sealed record is longer than its plaintext.
const OVERHEAD: usize = 8 + 16;

/// The session of this thread.
struct Current {
    keys: Box<dyn SessionKeys>,
    failure: Option<KeysError>,
    revealed: Option<ServerKey>,
    opened: bool,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

/// Ties a session's keys to this thread for as long as the value lives.
pub(crate) struct Bound {
    // A session belongs to its thread: the guard must not move to another.
    _thread: std::marker::PhantomData<*const ()>,
}

#[allow(clippy::unused_self, reason = "holding the guard is what makes these calls meaningful")]
impl Bound {
    /// Binds the keys to this thread.
    pub(crate) fn new(keys: Box<dyn SessionKeys>) -> Result<Self, KeysError> {
        CURRENT.with_borrow_mut(|current| {
            if current.is_some() {
                return Err(KeysError::OutOfOrder("two sessions on one thread"));
            }
            *current = Some(Current { keys, failure: None, revealed: None, opened: false });
            Ok(Self { _thread: std::marker::PhantomData })
        })
    }

    /// The failure that a callback could not report.
    pub(crate) fn check(&self) -> Result<(), KeysError> {
        CURRENT.with_borrow(|current| match current {
            Some(Current { failure: Some(failure), .. }) => Err(failure.clone()),
            Some(_) => Ok(()),
            None => Err(KeysError::OutOfOrder("no session on this thread")),
        })
    }

    /// Ends the session's online phase: from here on records are opened locally and nothing is sealed.
    pub(crate) fn reveal(&self, client: &[u8], server: &[u8]) -> Result<ServerKey, KeysError> {
        ask(|keys| keys.reveal(client, server)).inspect(|key| {
            CURRENT.with_borrow_mut(|current| {
                if let Some(current) = current {
                    current.revealed = Some(key.clone());
                }
            });
        })
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|current| *current = None);
    }
}

/// Calls the session's keys; after the first failure every call repeats it.
fn ask<T>(call: impl FnOnce(&mut dyn SessionKeys) -> Result<T, KeysError>) -> Result<T, KeysError> {
    CURRENT.with_borrow_mut(|current| {
        let current = current.as_mut().ok_or(KeysError::OutOfOrder("no session on this thread"))?;
        if let Some(failure) = &current.failure {
            return Err(failure.clone());
        }
        call(current.keys.as_mut()).inspect_err(|failure| current.failure = Some(failure.clone()))
    })
}

fn general(error: KeysError) -> Error {
    Error::General(error.to_string())
}

/// What a handle stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Secret {
    Premaster = 1,
    Master = 2,
    ClientKey = 3,
    ServerKey = 4,
}

impl Secret {
    /// The handle, filling `out`.
    fn write(self, out: &mut [u8]) {
        out.fill(self as u8);
    }

    /// True if `bytes` are this handle.
    fn is(self, bytes: &[u8]) -> bool {
        !bytes.is_empty() && bytes.iter().all(|&byte| byte == self as u8)
    }
}

#[derive(Debug)]
struct P256;

impl SupportedKxGroup for P256 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let share = ask(|keys| keys.client_share()).map_err(general)?;
        Ok(Box::new(Exchange { share }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

/// P-384, offered and never used. OpenSSL reads the list of groups as the list of curves that certificates may be
/// on (RFC 8422, section 5.1.1), so a P-384 certificate needs it; a server that then insists on exchanging keys over
/// P-384 is refused.
#[derive(Debug)]
struct P384ForCertificates;

impl SupportedKxGroup for P384ForCertificates {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Err(Error::General(
            "the server insists on exchanging keys over P-384; only P-256 can be notarized".into(),
        ))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp384r1
    }
}

struct Exchange {
    share: [u8; 65],
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        ask(|keys| keys.agree(peer)).map_err(|error| match error {
            KeysError::BadShare => PeerMisbehaved::InvalidKeyShare.into(),
            error => general(error),
        })?;
        let mut handle = [0; 32];
        Secret::Premaster.write(&mut handle);
        Ok(SharedSecret::from(handle.to_vec()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp256r1
    }
}

struct SplitPrf;

impl Prf for SplitPrf {
    fn for_key_exchange(
        &self,
        output: &mut [u8; 48],
        exchange: Box<dyn ActiveKeyExchange>,
        peer: &[u8],
        label: &[u8],
        seed: &[u8],
    ) -> Result<(), Error> {
        let premaster = exchange.complete(peer)?;
        let hash: Option<&[u8; 32]> = seed.try_into().ok();
        match hash {
            Some(hash)
                if label == b"extended master secret" && Secret::Premaster.is(premaster.secret_bytes()) =>
            {
                ask(|keys| keys.master_secret(hash)).map_err(general)?;
            }
            _ => return Err(Error::General("the server does not support the extended master secret".into())),
        }
        Secret::Master.write(output);
        Ok(())
    }

    fn for_secret(&self, output: &mut [u8], secret: &[u8], label: &[u8], seed: &[u8]) {
        let result = ask(|keys| {
            if !Secret::Master.is(secret) {
                return Err(KeysError::OutOfOrder("a secret other than the master secret"));
            }
            match label {
                b"key expansion" => {
                    let (server, client) = seed.split_at_checked(32).unwrap_or_default();
                    match (server.try_into(), client.try_into()) {
                        (Ok(server), Ok(client)) => keys.key_block(server, client).map(|()| None),
                        _ => Err(KeysError::OutOfOrder("a key block of another shape")),
                    }
                }
                b"client finished" => verify_data(keys, Side::Client, seed),
                b"server finished" => verify_data(keys, Side::Server, seed),
                _ => Err(KeysError::OutOfOrder("exported keying material")),
            }
        });
        match result {
            Ok(Some(data)) if output.len() == data.len() => output.copy_from_slice(&data),
            // Two keys and two implicit nonces, each a handle; see `key_block_shape`.
            Ok(None) if output.len() == 56 => {
                Secret::ClientKey.write(&mut output[..16]);
                Secret::ServerKey.write(&mut output[16..32]);
                output[32..].fill(0);
            }
            // The failure is noted, and the driver will see it. Every key handle is dead now.
            _ => output.fill(0),
        }
    }
}

fn verify_data(keys: &mut dyn SessionKeys, side: Side, hash: &[u8]) -> Result<Option<[u8; 12]>, KeysError> {
    let hash = hash.try_into().map_err(|_| KeysError::OutOfOrder("a handshake hash of another length"))?;
    keys.finished(side, hash).map(Some)
}

struct SplitAead;

impl Tls12AeadAlgorithm for SplitAead {
    fn encrypter(&self, key: AeadKey, _: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Sealer { live: Secret::ClientKey.is(key.as_ref()) })
    }

    fn decrypter(&self, key: AeadKey, _: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Opener { live: Secret::ServerKey.is(key.as_ref()) })
    }

    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape { enc_key_len: 16, fixed_iv_len: 12, explicit_nonce_len: 0 }
    }

    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

struct Sealer {
    live: bool,
}

impl MessageEncrypter for Sealer {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        _sequence: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let revealed = CURRENT.with_borrow(|current| current.as_ref().is_some_and(|c| c.revealed.is_some()));
        let sealed = if revealed {
            // Nothing is sealed after the reveal. rustls may still want to say goodbye; the driver drops it.
            None
        } else {
            let plaintext = message.payload.to_vec();
            ask(|keys| {
                if !self.live {
                    return Err(KeysError::OutOfOrder("a dead key"));
                }
                let sealed = keys.seal(message.typ.into(), &plaintext)?;
                if sealed.len() == length {
                    Ok(sealed)
                } else {
                    Err(KeysError::OutOfOrder("a seal of another length"))
                }
            })
            .ok()
        };
        // rustls unwraps this result, so failure is noted rather than returned.
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_slice(&sealed.unwrap_or_else(|| vec![0; length]));
        Ok(OutboundOpaqueMessage::new(message.typ, message.version, payload))
    }

    fn encrypted_payload_len(&self, plaintext: usize) -> usize {
        plaintext + OVERHEAD
    }
}

struct Opener {
    live: bool,
}

impl MessageDecrypter for Opener {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        sequence: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        if !self.live || message.payload.len() < OVERHEAD {
            return Err(Error::DecryptError);
        }
        let fragment = message.payload.to_vec();
        let aad = make_tls12_aad(sequence, message.typ, message.version, fragment.len() - OVERHEAD);
        let revealed = CURRENT.with_borrow(|current| current.as_ref().and_then(|c| c.revealed.clone()));
        let plaintext = if let Some(key) = revealed {
            open(&key, &fragment, &aad).ok_or(Error::DecryptError)?
        } else {
            let first = CURRENT.with_borrow_mut(|current| {
                current.as_mut().is_some_and(|c| !std::mem::replace(&mut c.opened, true))
            });
            ask(|keys| {
                if !first {
                    return Err(KeysError::OutOfOrder("a record before the reveal"));
                }
                keys.open_finished(&fragment)
            })
            .map_err(|_| Error::DecryptError)?
        };
        let Some(room) = message.payload.get_mut(..plaintext.len()) else {
            return Err(Error::DecryptError);
        };
        room.copy_from_slice(&plaintext);
        message.payload.truncate(plaintext.len());
        Ok(message.into_plain_message())
    }
}

/// Opens a record: explicit nonce, ciphertext and tag.
pub(crate) fn open(key: &ServerKey, fragment: &[u8], aad: &[u8]) -> Option<Vec<u8>> {
    let (explicit, sealed) = fragment.split_at_checked(8)?;
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&key.iv);
    nonce[4..].copy_from_slice(explicit);
    Aes128Gcm::new(&Key::<Aes128Gcm>::from(key.key))
        .decrypt(&Nonce::from(nonce), Payload { msg: sealed, aad })
        .ok()
}

static PRF: SplitPrf = SplitPrf;
static AEAD: SplitAead = SplitAead;

static ECDSA: &[SignatureScheme] =
    &[SignatureScheme::ECDSA_NISTP384_SHA384, SignatureScheme::ECDSA_NISTP256_SHA256];
static RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA256,
];

fn suite(
    like: SupportedCipherSuite,
    suite: CipherSuite,
    sign: &'static [SignatureScheme],
) -> Tls12CipherSuite {
    let common = match like {
        SupportedCipherSuite::Tls12(like) => &like.common,
        SupportedCipherSuite::Tls13(like) => &like.common,
    };
    Tls12CipherSuite {
        common: CipherSuiteCommon { suite, ..*common },
        kx: KeyExchangeAlgorithm::ECDHE,
        sign,
        aead_alg: &AEAD,
        prf_provider: &PRF,
    }
}

static SUITE_ECDSA: LazyLock<Tls12CipherSuite> = LazyLock::new(|| {
    let like = ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    suite(like, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, ECDSA)
});
static SUITE_RSA: LazyLock<Tls12CipherSuite> = LazyLock::new(|| {
    let like = ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
    suite(like, CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, RSA)
});

/// The provider whose keys are handles.
pub(crate) fn split() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            SupportedCipherSuite::Tls12(&SUITE_ECDSA),
            SupportedCipherSuite::Tls12(&SUITE_RSA),
        ],
        kx_groups: vec![&P256, &P384ForCertificates],
        ..ring::default_provider()
    }
}

/// The stock provider, reduced to what the notary can follow.
pub(crate) fn stock() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![
            ring::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            ring::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ],
        kx_groups: vec![ring::kx_group::SECP256R1, &P384ForCertificates],
        ..ring::default_provider()
    }
}
