//! Compiles the protos without a protoc on the machine, and keeps the descriptors for reflection.
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(["proto/pobatch/runtime/v1/runtime.proto"], ["proto"])?;
    tonic_prost_build::configure().bytes(".pobatch.runtime").compile_fds(descriptors)?;
    Ok(())
}
