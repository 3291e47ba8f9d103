//! Our Lua modules, embedded in the binary.
//!
//! Owns the list of files below `pob/` that a VM can `require`; `types/` and `spec/` are not among them.

/// A module: the name that `require` takes, and its source.
pub struct Module {
    /// Name, for example `adapter.output`.
    pub name: &'static str,
    /// Path below `pob/`, for chunk names and for the test.
    pub path: &'static str,
    /// Lua source.
    pub source: &'static str,
}

macro_rules! modules {
    ($($name:literal => $path:literal,)+) => {
        &[$(Module { name: $name, path: $path, source: include_str!(concat!("../../pob/", $path)) },)+]
    };
}

/// Every module.
pub const MODULES: &[Module] = modules! {
    "adapter" => "adapter/init.lua",
    "adapter.base" => "adapter/base.lua",
    "adapter.boot" => "adapter/boot.lua",
    "adapter.calculate" => "adapter/calculate.lua",
    "adapter.describe" => "adapter/describe.lua",
    "border" => "border.lua",
    "host" => "host/init.lua",
    "host.files" => "host/files.lua",
    "host.guard" => "host/guard.lua",
    "host.modules" => "host/modules.lua",
    "host.order" => "host/order.lua",
    "host.utf8" => "host/utf8.lua",
    "host.window" => "host/window.lua",
    "outcome" => "outcome.lua",
};

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    fn lua_files(directory: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                lua_files(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "lua") {
                found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_lua_file_but_types_and_specs_is_listed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("pob");
        let mut found = BTreeSet::new();
        lua_files(&root, &root, &mut found);
        found.retain(|path| !path.starts_with("types/") && !path.starts_with("spec/"));
        let listed: BTreeSet<String> = MODULES.iter().map(|module| module.path.to_owned()).collect();
        assert_eq!(found, listed);
    }

    #[test]
    fn a_module_is_named_after_its_path() {
        for module in MODULES {
            let name = module.path.trim_end_matches(".lua").trim_end_matches("/init").replace('/', ".");
            assert_eq!(module.name, name);
        }
    }
}
