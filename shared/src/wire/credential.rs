//! Sealed credentials.

use floopy_proto::v1;

use super::{InvalidWire, non_empty, ranking};
use crate::domain::credential::{CredentialId, Sealed};

impl From<&Sealed> for v1::SealedCredential {
    fn from(s: &Sealed) -> Self {
        Self {
            tenant: s.id.tenant().map(ToString::to_string).unwrap_or_default(),
            provider: s.id.provider().to_owned(),
            revision: s.revision,
            sealed: s.bytes.clone(),
        }
    }
}

impl TryFrom<v1::SealedCredential> for Sealed {
    type Error = InvalidWire;

    fn try_from(s: v1::SealedCredential) -> Result<Self, InvalidWire> {
        let tenant = non_empty(s.tenant).map(|id| ranking::tenant(&id));
        let id = CredentialId::new(tenant.transpose()?, &s.provider);
        Ok(Self {
            id: id.map_err(|e| InvalidWire::invalid("provider", e))?,
            revision: s.revision,
            // Copied: else it would hold on to the whole message that it came with.
            bytes: s.sealed.to_vec().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::ids::TenantId;

    #[test]
    fn what_is_written_is_read_back() {
        for tenant in [None, Some(TenantId::new("acme").expect("valid"))] {
            let sealed = Sealed {
                id: CredentialId::new(tenant, "openai").expect("valid"),
                revision: 7,
                bytes: Bytes::from_static(b"sealed"),
            };
            let read = Sealed::try_from(v1::SealedCredential::from(&sealed));
            assert_eq!(read.expect("readable"), sealed);
        }
        let bad = v1::SealedCredential {
            provider: "a/b".into(),
            ..Default::default()
        };
        assert!(Sealed::try_from(bad).is_err());
    }
}
