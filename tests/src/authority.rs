//! An authority that vouches for planes, with files as they are configured.

use std::{fs, path::Path};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

/// An authority; each is another one.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one.
    #[allow(clippy::new_without_default, reason = "each is another one")]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Writes its certificate, `ca.pem`, and that of each plane, `NAME.pem` with `NAME.key`.
    pub fn write(&self, dir: &Path) {
        fs::write(dir.join("ca.pem"), &self.pem).expect("written");
        for name in ["control", "proxy", "judge"] {
            self.issue(dir, name);
        }
    }

    /// Writes one more certificate.
    pub fn issue(&self, dir: &Path, name: &str) {
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).expect("written");
        fs::write(dir.join(format!("{name}.pem")), certificate.pem()).expect("written");
    }
}
