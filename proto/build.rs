//! Compiles every contract with protox (no protoc needed) into Rust types and
//! into a descriptor set that keeps the classification options.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to a build script through the environment"
)]

use std::{env, error::Error, fs, path::PathBuf};

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
    Ok(())
}
