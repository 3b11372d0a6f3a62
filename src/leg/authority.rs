//! A certificate authority of our own, and the certificate that it gives the legs.
//!
//! Both are made anew each time and live as long as the legs; no private key is ever written down. A proxy is told to
//! trust the authority, not the certificate, as it trusts those of real providers.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;

/// Names under which legs are reached.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A certificate could not be made.
    #[error("no certificate can be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The transport takes it not.
    #[error("no certificate can be used: {0}")]
    Transport(#[from] rustls::Error),
}

/// A fresh authority with one certificate for this machine.
#[derive(Clone)]
pub struct Authority {
    pem: String,
    config: ServerConfig,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes one.
    pub fn new() -> Result<Self, AuthorityError> {
        let mut own = params(&[], "Crossfade test authority")?;
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        own.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let root = own.self_signed(&key)?;
        let issuer = Issuer::new(own, key);

        let mut leaf = params(&NAMES, "Crossfade leg")?;
        // Strict clients (Python 3.13) ask for it.
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = leaf.signed_by(&key, &issuer)?;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
        Ok(Self { pem: pem(root.der()), config })
    }

    /// The authority's certificate: what a proxy is told to trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// How a leg greets, in the only protocol that it speaks.
    pub(super) fn config(&self, protocol: &[u8]) -> ServerConfig {
        let mut config = self.config.clone();
        config.alpn_protocols = vec![protocol.to_vec()];
        config
    }
}

/// What both certificates have: they hold for two years around now, which no client thinks too long.
fn params(names: &[&str], name: &str) -> Result<CertificateParams, rcgen::Error> {
    const YEAR: u64 = 31_556_952;
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let year = i32::try_from(since / YEAR).unwrap_or_default() + 1970;
    params.not_before = date_time_ymd(year - 1, 7, 1);
    params.not_after = date_time_ymd(year + 1, 7, 1);
    Ok(params)
}

/// A certificate as text (RFC 7468).
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----\n"
}
