//! Compiles the protos without a protoc on the machine, and keeps the public descriptors for reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

const ROOT: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={ROOT}");

    // The two packages are compiled apart, so that the private one stays out of the descriptors.
    let runtime = protox::compile(files_of("pobatch/runtime/v1")?, [ROOT])?;
    tonic_prost_build::configure().bytes(".pobatch.runtime").compile_fds(runtime)?;

    let public = protox::compile(files_of("pobatch/v1")?, [ROOT])?;
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("pobatch.v1.bin");
    fs::write(descriptors, public.encode_to_vec())?;
    // Maps keep their order, so that equal variations have equal text.
    tonic_prost_build::configure().btree_map(".").compile_fds(public)?;
    Ok(())
}

/// The proto files of a package, in a fixed order.
fn files_of(package: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(PathBuf::from(ROOT).join(package))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
