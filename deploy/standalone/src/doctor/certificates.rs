//! Certificates that planes know each other by: whether they can be used, and how long.

use std::path::Path;

use floopy_shared::process::config::PlaneTls;
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use super::{
    Given,
    finding::{Check, Finding},
    patient,
};

/// Long enough for a person to have it exchanged.
const SOON_DAYS: i64 = 30;
const DAY_S: i64 = 86_400;

/// The files of one plane.
pub(super) async fn files((key, tls): (&'static str, &PlaneTls), given: &Given) -> Vec<Finding> {
    let now_s = i64::try_from(given.clock.now_ms() / 1_000).unwrap_or(i64::MAX);
    let files = tls.clone();
    let (found, took) = patient::blocking(given, move || {
        Ok(vec![
            ends(&format!("{key}.certificate"), &files.certificate, now_s),
            ends(&format!("{key}.ca"), &files.ca, now_s),
            pair(&format!("{key}.key"), &files),
        ])
    })
    .await;
    let late = |reason| {
        vec![Finding::fail(
            Check::Certificate,
            key,
            reason,
            "see what its disk does",
        )]
    };
    let found = found.unwrap_or_else(late);
    found
        .into_iter()
        .map(|finding| finding.in_time(took))
        .collect()
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|e| format!("{shown}: {e}"))?;
    match all.is_empty() {
        true => Err(format!("{shown} has no certificate in it")),
        false => Ok(all),
    }
}

/// Whether each of a file is valid now and for a while, and comes from the one behind it.
fn ends(subject: &str, path: &Path, now_s: i64) -> Finding {
    let advice =
        "put certificates in PEM there, the plane's own first; they are read again while it runs";
    let failed = |reason| Finding::fail(Check::Certificate, subject, reason, advice);
    let all = match read(path) {
        Ok(all) => all,
        Err(reason) => return failed(reason),
    };
    let mut parsed = Vec::new();
    for der in &all {
        match parse_x509_certificate(der) {
            Ok((_, certificate)) => parsed.push(certificate),
            Err(error) => return failed(format!("{}: {error}", path.display())),
        }
    }
    let broken = parsed
        .windows(2)
        .find(|pair| !subject.ends_with(".ca") && pair[0].issuer() != pair[1].subject());
    if let Some(pair) = broken {
        let (of, next) = (pair[0].issuer(), pair[1].subject());
        return failed(format!(
            "is issued by {of}, and {next} follows: the chain is not in order"
        ));
    }
    let first = parsed
        .iter()
        .min_by_key(|it| it.validity().not_after.timestamp());
    first.map_or_else(
        || failed("has none".to_owned()),
        |it| lasts(subject, it, now_s),
    )
}

fn lasts(subject: &str, certificate: &X509Certificate<'_>, now_s: i64) -> Finding {
    let validity = certificate.validity();
    let name = certificate.subject();
    let days = (validity.not_after.timestamp() - now_s).div_euclid(DAY_S);
    let advice = "exchange it: files are read again while planes run";
    if validity.not_before.timestamp() > now_s {
        let message = format!("{name} is not valid yet, before {}", validity.not_before);
        return Finding::fail(
            Check::Certificate,
            subject,
            message,
            "see the clock, or exchange it",
        );
    }
    let message = format!("{name} is valid until {} ({days} days)", validity.not_after);
    match days {
        ..0 => {
            let message = format!("{name} ended at {}", validity.not_after);
            Finding::fail(Check::Certificate, subject, message, advice)
        }
        0..=SOON_DAYS => Finding::warn(Check::Certificate, subject, message, advice),
        _ => Finding::ok(Check::Certificate, subject, message),
    }
}

/// Whether the key belongs to the certificate.
fn pair(subject: &str, files: &PlaneTls) -> Finding {
    let made = || -> Result<(), String> {
        let shown = files.key.display();
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| format!("{shown}: {e}"))?;
        let provider = ring::default_provider();
        let pair = CertifiedKey::from_der(read(&files.certificate)?, key, &provider);
        pair.map(drop).map_err(|e| format!("{shown}: {e}"))
    };
    match made() {
        Ok(()) => Finding::ok(Check::Certificate, subject, "belongs to the certificate"),
        Err(reason) => {
            let advice = "put the private key of the certificate there, in PEM";
            Finding::fail(Check::Certificate, subject, reason, advice)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::{super::finding::Health, *};

    /// 2026-01-01.
    const NOW_S: i64 = 1_767_225_600;

    fn certificate(year: i32, month: u8) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["plane.test".to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2025, 1, 1);
        params.not_after = date_time_ymd(year, month, 1);
        let made = params.self_signed(&key).expect("signed");
        (made.pem(), key.serialize_pem())
    }

    #[test]
    fn a_certificate_that_ends_soon_warns_and_one_that_ended_fails() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("c.pem");
        let health = |year, month| {
            fs::write(&path, certificate(year, month).0).expect("written");
            ends("tls.certificate", &path, NOW_S).health
        };
        assert_eq!(health(2027, 1), Health::Ok);
        assert_eq!(health(2026, 1), Health::Warn);
        assert_eq!(health(2025, 12), Health::Fail);
    }

    #[test]
    fn a_key_of_another_certificate_fails_and_so_does_a_file_without_any() {
        let dir = tempfile::tempdir().expect("a directory");
        let (own, other) = (certificate(2027, 1), certificate(2027, 1));
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).expect("written");
            path
        };
        let files = |key: &str| PlaneTls {
            ca: write("ca.pem", &own.0),
            certificate: write("c.pem", &own.0),
            key: write("k.pem", key),
        };
        assert_eq!(pair("tls.key", &files(&own.1)).health, Health::Ok);
        assert_eq!(pair("tls.key", &files(&other.1)).health, Health::Fail);
        let empty = write("empty.pem", "");
        let told = ends("tls.ca", &empty, NOW_S).message;
        assert!(told.contains("has no certificate in it"), "{told}");
    }
}
