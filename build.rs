//! Compiles the protos without a protoc on the machine, keeps the public descriptors for reflection, and lists our Lua
//! modules for embedding.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use prost::Message as _;

const ROOT: &str = "proto";

/// Our Lua code.
const LUA: &str = "pob";

/// Folders of it that no VM can `require` by name: declarations and tests.
const LUA_LEFT_OUT: &[&str] = &["types", "spec"];

/// Messages that engines fill in themselves, as JSON: nothing is computed with them on their way to the client.
const ANSWERS: &[&str] = &[
    "BuildDescription",
    "ConfigChoice",
    "ConfigOption",
    "ConfigSetting",
    "ExplainedModifier",
    "ExplanationRow",
    "ExplanationSection",
    "ExplanationTable",
    "Gem",
    "HeldItem",
    "ItemBase",
    "MasteryChoice",
    "SocketGroup",
    "SocketedGem",
    "Unique",
    "WornItem",
];

fn main() -> Result<(), Box<dyn Error>> {
    list_lua_modules()?;
    println!("cargo::rerun-if-changed={ROOT}");

    // The two packages are compiled apart, so that the private one stays out of the descriptors.
    let runtime = protox::compile(files_of("pobatch/runtime/v1")?, [ROOT])?;
    tonic_prost_build::configure().bytes(".pobatch.runtime").compile_fds(runtime)?;

    let public = protox::compile(files_of("pobatch/v1")?, [ROOT])?;
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("pobatch.v1.bin");
    fs::write(descriptors, public.encode_to_vec())?;
    // Maps keep their order, so that equal variations have equal text.
    // The codec looks at what a request weighs before it decodes it.
    let mut api = tonic_prost_build::configure().btree_map(".").codec_path("crate::grpc::codec::Codec");
    for answer in ANSWERS {
        api = api.type_attribute(format!("pobatch.v1.{answer}"), "#[derive(serde::Deserialize, serde::Serialize)]");
        api = api.type_attribute(format!("pobatch.v1.{answer}"), "#[serde(default)]");
    }
    // Lua says `{ number = 1 }` for it.
    api = api.type_attribute("pobatch.v1.ConfigValue", "#[derive(serde::Deserialize, serde::Serialize)]");
    api = api.type_attribute("pobatch.v1.ConfigValue.value", "#[derive(serde::Deserialize, serde::Serialize)]");
    api = api.type_attribute("pobatch.v1.ConfigValue.value", "#[serde(rename_all = \"snake_case\")]");
    api.compile_fds(public)?;
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

/// Writes the table that `runtime/modules.rs` includes: `require`'s name, path below `pob/`, source.
fn list_lua_modules() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={LUA}");
    let root = fs::canonicalize(LUA)?;
    let mut files = Vec::new();
    collect_lua(&root, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for file in files {
        let path = file.strip_prefix(&root)?.to_str().ok_or("a path that is no text")?;
        let name = path.trim_end_matches(".lua").trim_end_matches("/init").replace('/', ".");
        let file = file.to_str().ok_or("a path that is no text")?;
        writeln!(table, "    Module {{ name: {name:?}, path: {path:?}, source: include_str!({file:?}) }},")?;
    }
    table.push(']');
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("lua_modules.rs"), table)?;
    Ok(())
}

fn collect_lua(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !LUA_LEFT_OUT.contains(&name) {
                collect_lua(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "lua") {
            files.push(path);
        }
    }
    Ok(())
}
