//! TLS 1.3 between holders of pinned keys.
//!
//! There is no certificate authority: a peer is the holder of the Ed25519 key in the survey. A certificate is
//! only the form in which TLS carries that key, so names and validity dates in it mean nothing here and are not
//! looked at. A party has one port and one identity for everything: the application protocol negotiated in the
//! handshake (ALPN) tells its three-party links, [`ALPN_PARTY`], from HTTPS, [`ALPN_HTTP`].

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, CommonState, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};

use crate::identity::{self, Identity, PublicKey};

/// The application protocol of the links between parties.
pub const ALPN_PARTY: &[u8] = b"mpcstats-3pc";

/// The application protocol between a prover and a notary.
pub const ALPN_NOTARY: &[u8] = b"mpcstats-notary";

/// The application protocol of everything else on the same port.
pub const ALPN_HTTP: &[u8] = b"http/1.1";

/// A TLS configuration could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] identity::CertificateError),
    /// The TLS library refused the configuration.
    #[error("cannot configure TLS: {0}")]
    Config(#[from] Error),
}

/// Accepts exactly the pinned keys, from either end.
#[derive(Debug)]
struct Pins {
    keys: Vec<PublicKey>,
    provider: Arc<CryptoProvider>,
    /// Whether a client without a certificate is turned away.
    mandatory: bool,
    /// Takes every key; see [`fetch_by_hash_client`].
    any: bool,
}

impl Pins {
    fn new(keys: Vec<PublicKey>, mandatory: bool) -> Arc<Self> {
        Arc::new(Self::with(keys, mandatory))
    }

    fn with(keys: Vec<PublicKey>, mandatory: bool) -> Self {
        Self { keys, provider: Arc::new(ring::default_provider()), mandatory, any: false }
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), Error> {
        let key = PublicKey::of_certificate(certificate);
        if self.any || key.is_some_and(|key| self.keys.contains(&key)) {
            Ok(())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }
}

/// TLS 1.2 is never negotiated here.
fn no_tls12<T>() -> Result<T, Error> {
    Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOfferedOrEnabled))
}

impl ServerCertVerifier for Pins {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        if self.any {
            self.provider.signature_verification_algorithms.supported_schemes()
        } else {
            vec![SignatureScheme::ED25519]
        }
    }
}

impl ClientCertVerifier for Pins {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

/// The server side of a party's port. `names` go into the certificate for software that looks at names;
/// `peers` are the only keys a client may show. A client that shows none can still speak HTTPS: whoever accepts
/// the stream tells the protocols apart with [`protocol`].
///
/// # Errors
/// [`TlsError`] if a name cannot stand in a certificate.
pub fn server(
    identity: &Identity,
    names: &[String],
    peers: Vec<PublicKey>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = server_for(identity, names, Pins::new(peers, false))?;
    config.alpn_protocols = vec![ALPN_PARTY.to_vec(), ALPN_HTTP.to_vec()];
    Ok(Arc::new(config))
}

/// The server side of a notary's port: its identity is the key that signs attestations, which provers know from
/// the survey.
///
/// # Errors
/// [`TlsError`] if a name cannot stand in a certificate.
pub fn notary_server(identity: &Identity, names: &[String]) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = server_for(identity, names, Pins::new(Vec::new(), false))?;
    config.alpn_protocols = vec![ALPN_NOTARY.to_vec(), ALPN_HTTP.to_vec()];
    Ok(Arc::new(config))
}

fn server_for(identity: &Identity, names: &[String], pins: Arc<Pins>) -> Result<ServerConfig, TlsError> {
    let certificate = identity.certificate(names)?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&pins.provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(pins)
        .with_single_cert(vec![certificate], identity.private_key())?;
    // Every connection authenticates afresh: tickets would carry a verdict over from an earlier one.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// The client side of a link between parties: shows `identity`, accepts only `peer`.
///
/// # Errors
/// [`TlsError`] if the configuration cannot be made.
pub fn party_client(identity: &Identity, peer: PublicKey) -> Result<Arc<ClientConfig>, TlsError> {
    let pins = Pins::new(vec![peer], true);
    let certificate = identity.certificate(&["mpcstats".to_owned()])?;
    let mut config =
        client_builder(&pins)?.with_client_auth_cert(vec![certificate], identity.private_key())?;
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![ALPN_PARTY.to_vec()];
    Ok(Arc::new(config))
}

/// The client side of HTTPS to a service whose key is known: shows nothing, accepts only `server`.
///
/// # Errors
/// [`TlsError`] if the configuration cannot be made.
pub fn https_client(server: PublicKey) -> Result<ClientConfig, TlsError> {
    let mut config = client_builder(&Pins::new(vec![server], true))?.with_no_client_auth();
    config.alpn_protocols = vec![ALPN_HTTP.to_vec()];
    Ok(config)
}

/// The client side of a connection to a notary: shows nothing, accepts only `notary`.
///
/// # Errors
/// [`TlsError`] if the configuration cannot be made.
pub fn notary_client(notary: PublicKey) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = https_client(notary)?;
    config.alpn_protocols = vec![ALPN_NOTARY.to_vec()];
    Ok(Arc::new(config))
}

/// The client side of HTTPS to a service of which nothing is known yet.
///
/// # Security
/// Anybody may answer. Only for fetching what is then checked against a hash that the caller holds (a survey, by
/// its id), and never for sending anything.
///
/// # Errors
/// [`TlsError`] if the configuration cannot be made.
pub fn fetch_by_hash_client() -> Result<ClientConfig, TlsError> {
    let pins = Pins { any: true, ..Pins::with(Vec::new(), true) };
    let mut config = client_builder(&Arc::new(pins))?.with_no_client_auth();
    config.alpn_protocols = vec![ALPN_HTTP.to_vec()];
    Ok(config)
}

type ClientBuilder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn client_builder(pins: &Arc<Pins>) -> Result<ClientBuilder, Error> {
    Ok(ClientConfig::builder_with_provider(Arc::clone(&pins.provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(pins) as Arc<dyn ServerCertVerifier>))
}

/// What a connection was accepted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A link between parties, from the holder of this key.
    Party(PublicKey),
    /// HTTPS, or a client that named no protocol.
    Http,
}

/// What a client wants of a shared port; none if it asks for a party's link without a party's key.
pub fn protocol(connection: &CommonState) -> Option<Protocol> {
    if connection.alpn_protocol() == Some(ALPN_PARTY) {
        peer_key(connection).map(Protocol::Party)
    } else {
        Some(Protocol::Http)
    }
}

/// The key with which the other end authenticated.
pub fn peer_key(connection: &CommonState) -> Option<PublicKey> {
    connection.peer_certificates()?.first().and_then(PublicKey::of_certificate)
}
