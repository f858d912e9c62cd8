//! Compiles every contract with protox (no protoc needed) into Rust types and
//! into a descriptor set that keeps the classification options.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script through the environment"
)]

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    println!("cargo::rerun-if-changed=samspor");

    let mut contracts = Vec::new();
    for tjeneste in fs::read_dir(root.join("samspor"))? {
        let folder = tjeneste?.path().join("v1");
        for file in fs::read_dir(folder)? {
            contracts.push(file?.path());
        }
    }
    contracts.sort();

    let mut compiler = protox::Compiler::new([&root])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&contracts)?;
    // `file_descriptor_set()` would drop the options, which are extensions.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("samspor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    tonic_prost_build::configure()
        .build_transport(true)
        .bytes(".")
        // Most vedtak have none, and it is as large as the vedtak itself.
        .boxed(".samspor.bestillerkontor.v1.Vedtak.endring")
        .compile_fds(compiler.file_descriptor_set())?;
    trace_store(&root)
}

/// The query API of a trace store, which is no contract of the mesh: apart from
/// the descriptors, with the types of telemetry where there are types already.
fn trace_store(root: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=third_party");
    let contract = ["jaeger/api_v3/query_service.proto"];
    tonic_prost_build::configure()
        .extern_path(
            ".opentelemetry.proto.trace.v1",
            "::opentelemetry_proto::tonic::trace::v1",
        )
        .compile_fds(protox::compile(contract, [root.join("third_party")])?)?;
    Ok(())
}
