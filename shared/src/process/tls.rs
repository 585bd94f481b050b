//! TLS between the planes, with a certificate on either side. Files are read again when they change: connections that are
//! opened from then on are made with what they say. While they make no sense, what was read last stays in use.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::time::Instant;

use super::config::PlaneTls;

/// How often it is looked whether a file changed.
const LOOK: Duration = Duration::from_secs(1);
/// What planes speak.
const PROTOCOL: &[u8] = b"h2";

/// Files that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {path}: {reason}")]
pub struct InvalidTls {
    /// The key of the configuration, within its section.
    key: &'static str,
    path: PathBuf,
    reason: String,
}

impl InvalidTls {
    /// The key of the configuration, and what is wrong with it.
    pub fn by_key(self) -> (String, String) {
        let message = format!("{}: {}", self.path.display(), self.reason);
        (self.key.to_owned(), message)
    }
}

/// What connections are made with now.
#[derive(Debug)]
pub struct Reloading<T> {
    files: PlaneTls,
    make: fn(Read) -> Result<T, rustls::Error>,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    current: Arc<T>,
    /// Of the files when they were read.
    stamp: Stamp,
    looked: Instant,
}

/// By which a change is recognised: time, length and number of each file.
type Stamp = [Option<(i64, i64, u64, u64)>; 3];

/// What the files say.
struct Read {
    provider: Arc<CryptoProvider>,
    authorities: RootCertStore,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Reloading<ServerConfig> {
    /// For whoever is connected to: who shows no certificate of an authority is turned away.
    pub fn server(files: &PlaneTls) -> Result<Self, InvalidTls> {
        Self::of(files, |read| {
            let Read {
                provider,
                authorities,
                chain,
                key,
            } = read;
            let authorities = Arc::new(authorities);
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities, Arc::clone(&provider))
                    .build()
                    .map_err(|e| rustls::Error::General(e.to_string()))?;
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_client_cert_verifier(verifier)
                .with_single_cert(chain, key)?;
            config.alpn_protocols = vec![PROTOCOL.to_vec()];
            Ok(config)
        })
    }
}

impl Reloading<ClientConfig> {
    /// For whoever connects.
    pub fn client(files: &PlaneTls) -> Result<Self, InvalidTls> {
        Self::of(files, |read| {
            let mut config = ClientConfig::builder_with_provider(read.provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(read.authorities)
                .with_client_auth_cert(read.chain, read.key)?;
            config.alpn_protocols = vec![PROTOCOL.to_vec()];
            Ok(config)
        })
    }
}

impl<T> Reloading<T> {
    fn of(
        files: &PlaneTls,
        make: fn(Read) -> Result<T, rustls::Error>,
    ) -> Result<Self, InvalidTls> {
        let stamp = stamp(files);
        let current = made(files, make)?;
        Ok(Self {
            files: files.clone(),
            make,
            state: Mutex::new(State {
                current,
                stamp,
                looked: Instant::now(),
            }),
        })
    }

    /// What a connection is made with now.
    pub fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() < LOOK {
            return Arc::clone(&state.current);
        }
        state.looked = Instant::now();
        let stamp = stamp(&self.files);
        if stamp != state.stamp {
            // Said once for each change.
            state.stamp = stamp;
            match made(&self.files, self.make) {
                Ok(current) => {
                    state.current = current;
                    tracing::info!(certificate = %self.files.certificate.display(), "certificates were read again");
                }
                Err(error) => {
                    tracing::error!(%error, "changed certificates cannot be used; those read before stay in use");
                }
            }
        }
        Arc::clone(&state.current)
    }
}

fn stamp(files: &PlaneTls) -> Stamp {
    [&files.ca, &files.certificate, &files.key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.mtime(), found.mtime_nsec(), found.len(), found.ino()))
    })
}

fn made<T>(
    files: &PlaneTls,
    make: fn(Read) -> Result<T, rustls::Error>,
) -> Result<Arc<T>, InvalidTls> {
    let mut authorities = RootCertStore::empty();
    for certificate in certificates("tls.ca", &files.ca)? {
        let added = authorities.add(certificate);
        added.map_err(|e| invalid("tls.ca", &files.ca, e))?;
    }
    let read = Read {
        provider: Arc::new(ring::default_provider()),
        authorities,
        chain: certificates("tls.certificate", &files.certificate)?,
        key: PrivateKeyDer::from_pem_file(&files.key)
            .map_err(|e| invalid("tls.key", &files.key, e))?,
    };
    let made = make(read).map_err(|e| invalid("tls.certificate", &files.certificate, e))?;
    Ok(Arc::new(made))
}

fn certificates(
    key: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, InvalidTls> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|e| invalid(key, path, e))?;
    if read.is_empty() {
        let nothing = io::Error::other("there is no certificate in it, it must have one in PEM");
        return Err(invalid(key, path, nothing));
    }
    Ok(read)
}

fn invalid(key: &'static str, path: &Path, reason: impl std::fmt::Display) -> InvalidTls {
    InvalidTls {
        key,
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn write(dir: &Path) -> PlaneTls {
        let made = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).expect("made");
        fs::write(dir.join("ca.pem"), made.cert.pem()).expect("written");
        fs::write(dir.join("a.pem"), made.cert.pem()).expect("written");
        fs::write(dir.join("a.key"), made.signing_key.serialize_pem()).expect("written");
        PlaneTls {
            ca: dir.join("ca.pem"),
            certificate: dir.join("a.pem"),
            key: dir.join("a.key"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_changed_is_read_again_and_what_makes_no_sense_is_not_used() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = write(dir.path());
        let tls = Reloading::client(&files).expect("usable");
        let first = tls.current();
        advance(LOOK).await;
        assert!(Arc::ptr_eq(&first, &tls.current()), "nothing changed");
        fs::write(&files.certificate, "no certificate").expect("written");
        advance(LOOK).await;
        assert!(Arc::ptr_eq(&first, &tls.current()), "it makes no sense");
        write(dir.path());
        assert!(Arc::ptr_eq(&first, &tls.current()), "not looked yet");
        advance(LOOK).await;
        assert!(!Arc::ptr_eq(&first, &tls.current()), "it is read again");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (one, other) = (tempfile::tempdir(), tempfile::tempdir());
        let (one, other) = (one.expect("a directory"), other.expect("a directory"));
        let files = PlaneTls {
            key: write(other.path()).key,
            ..write(one.path())
        };
        let error = Reloading::server(&files).expect_err("not its key");
        assert_eq!(error.by_key().0, "tls.certificate");
    }
}
