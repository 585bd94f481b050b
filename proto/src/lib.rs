//! The contract between the planes: generated types only, from `floopy/v1/*.proto`.

#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub)]
pub mod v1 {
    tonic::include_proto!("floopy.v1");
}
