//! Compiles the wire contract with protox, so that no system `protoc` is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=floopy/v1");
    let files = [
        "floopy/v1/snapshots.proto",
        "floopy/v1/ingest.proto",
        "floopy/v1/scoring.proto",
        "floopy/v1/admin.proto",
        "floopy/v1/batches.proto",
        "floopy/v1/budgets.proto",
    ];
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure()
        .bytes(".")
        // They are REST's JSON, too.
        .type_attribute(
            ".floopy.admin.v1",
            "#[derive(serde::Serialize, serde::Deserialize)]\n#[serde(default)]",
        )
        .compile_fds(descriptors)?;
    Ok(())
}
