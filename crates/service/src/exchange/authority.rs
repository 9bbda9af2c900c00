//! The development certificate authority: made at first start, kept in a folder, trusted only where told.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};

use crate::private_file;

/// Why there is no authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file cannot be read or written.
    #[error("{path} cannot be read or written: {cause}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A certificate cannot be made.
    #[error("the development certificate authority failed: {0}; remove its folder to make a new one")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate authority for one machine.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// Opens the authority in `folder`, or makes it: `ca.pem` for everybody, `ca.key` for nobody else.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(folder: &Path) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |cause| AuthorityError::File { path, cause }
        };
        std::fs::create_dir_all(folder).map_err(failed(folder))?;
        if !certificate.exists() {
            let made = KeyPair::generate()?;
            let pem = params()?.self_signed(&made)?.pem();
            private_file::write(&key, made.serialize_pem().as_bytes()).map_err(failed(&key))?;
            std::fs::write(&certificate, pem).map_err(failed(&certificate))?;
        }
        let pem = std::fs::read_to_string(&certificate).map_err(failed(&certificate))?;
        let key = KeyPair::from_pem(&std::fs::read_to_string(&key).map_err(failed(&key))?)?;
        Ok(Self { issuer: Issuer::new(params()?, key), pem })
    }

    /// The authority's certificate, for those who are to trust it.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a server, under a fresh P-256 key.
    ///
    /// # Errors
    /// [`AuthorityError::Certificate`] if a name cannot stand in a certificate.
    pub fn issue(
        &self,
        names: &[String],
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(names.to_vec())?.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok((vec![certificate.der().clone()], key.into()))
    }
}

/// The authority's own certificate: the same for every key, so that it can be issued under again.
fn params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name.push(DnType::CommonName, "mpcstats development authority");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}
