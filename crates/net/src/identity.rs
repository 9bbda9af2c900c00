//! Who a party is on the wire: an Ed25519 key, pinned by everybody who talks to it.

use std::fmt;

use ed25519_dalek::SigningKey;
use rand::CryptoRng;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ParsedCertificate;
use zeroize::Zeroizing;

/// PKCS#8 of an Ed25519 key, up to the 32 secret bytes (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// SubjectPublicKeyInfo of an Ed25519 key, up to the 32 public bytes (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// An Ed25519 public key: what others pin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// The key inside a certificate, or none if it holds a key of another kind or cannot be parsed.
    ///
    /// # Security
    /// Says what the certificate claims. That its sender holds the key is what the handshake's signature shows.
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        let info = parsed.subject_public_key_info();
        let key = info.strip_prefix(SPKI_PREFIX.as_slice())?;
        key.try_into().ok().map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A party's own key pair. Its certificate is made from it at every start and carries no trust of its own.
#[derive(Clone)]
pub struct Identity(SigningKey);

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.public())
    }
}

/// No certificate could be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate for {names:?}: {cause}")]
pub struct CertificateError {
    names: Vec<String>,
    cause: rcgen::Error,
}

impl Identity {
    /// A fresh identity.
    pub fn generate(random: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random.fill_bytes(secret.as_mut());
        Self(SigningKey::from_bytes(&secret))
    }

    /// The identity of a stored signing key.
    pub fn from_key(key: SigningKey) -> Self {
        Self(key)
    }

    /// What others pin.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// The private key as PKCS#8.
    fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        let mut der = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + 32));
        der.extend_from_slice(&PKCS8_PREFIX);
        der.extend_from_slice(self.0.as_bytes());
        der
    }

    /// The private key in the form that rustls takes.
    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.pkcs8().to_vec()).into()
    }

    /// A self-signed certificate that names `names` (DNS names or addresses) for the software that looks.
    ///
    /// # Errors
    /// [`CertificateError`] if a name is neither.
    pub fn certificate(&self, names: &[String]) -> Result<CertificateDer<'static>, CertificateError> {
        let failed = |cause| CertificateError { names: names.to_vec(), cause };
        let key = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(
            &PrivatePkcs8KeyDer::from(self.pkcs8().to_vec()),
            &rcgen::PKCS_ED25519,
        )
        .map_err(failed)?;
        let mut params = rcgen::CertificateParams::new(names.to_vec()).map_err(failed)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "mpcstats");
        Ok(params.self_signed(&key).map_err(failed)?.der().clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_holds_its_identity_s_key() {
        let identity = Identity::from_key(SigningKey::from_bytes(&[7; 32]));
        let certificate = identity.certificate(&["localhost".into(), "127.0.0.1".into()]).unwrap();
        assert_eq!(PublicKey::of_certificate(&certificate), Some(identity.public()));
    }

    #[test]
    fn a_certificate_with_another_kind_of_key_is_nobody_s() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(PublicKey::of_certificate(certificate.der()), None);
        assert_eq!(PublicKey::of_certificate(&CertificateDer::from(vec![0x30, 0x00])), None);
    }

    #[test]
    fn an_identity_does_not_print_its_secret() {
        let identity = Identity::from_key(SigningKey::from_bytes(&[7; 32]));
        assert!(!format!("{identity:?}").contains("0707"));
    }
}
