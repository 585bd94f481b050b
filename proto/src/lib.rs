//! The contract between the planes: generated types only, from `floopy/v1/*.proto`.

#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("floopy.v1");
}

/// What whoever runs Floopy sees and changes.
pub mod admin {
    #[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
    pub mod v1 {
        tonic::include_proto!("floopy.admin.v1");
    }
}
