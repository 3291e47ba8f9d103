//! Our Lua modules, embedded in the binary: all that a VM can `require`. The build script lists them.

/// A module: the name that `require` takes, and its source.
#[derive(Debug)]
pub struct Module {
    /// Name: `adapter.output` for `adapter/output.lua`, `adapter` for `adapter/init.lua`.
    pub name: &'static str,
    /// Path below `pob/`.
    pub path: &'static str,
    /// Lua source.
    pub source: &'static str,
}

/// Every module, ordered by path.
pub const MODULES: &[Module] = include!(concat!(env!("OUT_DIR"), "/lua_modules.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_engines_and_the_border_are_embedded() {
        for name in ["adapter", "sample", "border", "outcome"] {
            assert!(MODULES.iter().any(|module| module.name == name), "{name}");
        }
    }

    #[test]
    fn no_two_modules_have_one_name() {
        let mut names: Vec<_> = MODULES.iter().map(|module| module.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
