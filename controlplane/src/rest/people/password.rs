//! Passwords: hashed with Argon2id beside the event loops, a few at a time.

use std::sync::{Arc, OnceLock};

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{self, SaltString},
};
use tokio::{sync::Semaphore, task::spawn_blocking};
use zeroize::Zeroizing;

use crate::{
    rest::error::ApiError,
    store::{StoreError, meta},
};

/// Shorter ones can be guessed, and longer ones only keep a thread busy.
const CHARS: (usize, usize) = (12, 256);
/// Hashes that are computed at a time: each takes 19 MiB and some ten milliseconds.
const AT_A_TIME: usize = 2;

/// Compared with where nobody has the address, so that this takes as long.
static NOBODYS: OnceLock<String> = OnceLock::new();

/// Whose turn it is to have a password hashed.
#[derive(Debug, Clone)]
pub(super) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_A_TIME)))
    }
}

impl Passwords {
    /// What is kept of a new password.
    pub(super) async fn keep(&self, password: String) -> Result<String, ApiError> {
        let password = Zeroizing::new(password);
        let chars = password.chars().count();
        if !(CHARS.0..=CHARS.1).contains(&chars) {
            let (least, most) = CHARS;
            let message =
                format!("password has {chars} characters, it must have {least} to {most}");
            return Err(ApiError::invalid_body("password", message));
        }
        let kept = self.beside(move || hash(&password)).await?;
        kept.map_err(|e| StoreError::corrupt("password", e).into())
    }

    /// Which of these the password is of, if of any. Takes as long where there is none.
    pub(super) async fn find(
        &self,
        password: String,
        kept: Vec<String>,
    ) -> Result<Option<usize>, ApiError> {
        let password = Zeroizing::new(password);
        let compare = move || {
            if kept.is_empty() {
                let nobodys =
                    NOBODYS.get_or_init(|| hash("nobody has this password").unwrap_or_default());
                let _ = fits(&password, nobodys);
                return None;
            }
            // All of them, so that how long it takes does not say which.
            let found = kept.iter().map(|kept| fits(&password, kept));
            found.collect::<Vec<_>>().iter().position(|fits| *fits)
        };
        self.beside(compare).await
    }

    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let turn = turn.map_err(|_| ApiError::internal())?;
        let done = spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| ApiError::internal())
    }
}

fn hash(password: &str) -> Result<String, password_hash::Error> {
    let mut salt = [0; 16];
    meta::random(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt)?;
    Ok(hash.to_string())
}

fn fits(password: &str, kept: &str) -> bool {
    PasswordHash::new(kept).is_ok_and(|kept| {
        let argon = Argon2::default();
        argon.verify_password(password.as_bytes(), &kept).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_what_is_kept_of_it_and_nothing_else_does() {
        let passwords = Passwords::default();
        let good = "correct horse battery";
        let kept = passwords.keep(good.into()).await.expect("kept");
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert!(!kept.contains(good));
        let other = passwords
            .keep("another long one".into())
            .await
            .expect("kept");
        let both = vec![other, kept];
        let find = |password: &str| passwords.find(password.into(), both.clone());
        assert_eq!(find(good).await.expect("compared"), Some(1));
        assert_eq!(find("correct horse batterz").await.expect("compared"), None);
        let nobody = passwords.find(good.into(), Vec::new()).await;
        assert_eq!(nobody.expect("compared"), None);
        assert!(passwords.keep("too short".into()).await.is_err());
    }
}
