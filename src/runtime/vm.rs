//! One Lua VM with one engine in it, behind a typed interface.
//!
//! Owns the `Lua` state and everything that crosses its border; how answers are read is in `raw`. Knows the engine
//! contract (`pob/types/contract.lua`) and nothing of Path of Building.

mod raw;

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use mlua::{
    Function, Lua, LuaOptions, LuaSerdeExt, LuaString, StdLib, Table, Value, serde::ser::Options as SerializeOptions,
};

pub use raw::{RawBase, RawEngineInfo, RawFailure, RawOutcome, RawStat, RawStatInfo, RawWarning};
use raw::{optional_text, read_expected, read_outcome, read_stats, read_warnings};

use super::{
    host::{self, Installation, InstallationError},
    journal::Journal,
    modules::MODULES,
};
use crate::build::variation::Variation;

/// Which engine a VM holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// Path of Building.
    Pob,
    /// The embedded one.
    Sample,
}

impl EngineKind {
    /// Name, as in the Lua contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pob => "pob",
            Self::Sample => "sample",
        }
    }
}

/// How to boot an engine.
#[derive(Clone, Debug, Default)]
pub struct BootOptions {
    /// The installation; needed by [`EngineKind::Pob`].
    pub directory: Option<PathBuf>,
    /// Tree versions to parse ahead of time, beside the newest.
    pub tree_versions: Vec<String>,
    /// Whether the sample engine can be made to misbehave, for tests.
    pub faults: bool,
    /// Accelerators of PoB that run: `all`, `none` or names, separated by commas; empty: all.
    pub accelerators: String,
}

/// The base of a variation that goes the plain path.
#[derive(Clone, Copy, Debug)]
pub struct PlainBase<'a> {
    /// The build.
    pub xml: &'a str,
    /// [`RawBase::hints`] of that base; empty: none.
    pub hints: &'a [u8],
    /// Stats beside the selected ones come as extra.
    pub with_others: bool,
}

/// Why the VM did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// The engine says no.
    #[error("{}: {}", .0.kind, .0.message)]
    Engine(RawFailure),
    /// The PoB installation is none.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The engine needs an installation and was given none.
    #[error("the engine needs a Path of Building installation")]
    NoInstallation,
    /// Our own Lua code broke the contract, or Lua could not start.
    #[error(transparent)]
    Lua(#[from] mlua::Error),
}

impl VmError {
    /// The same as a failure of the Lua contract.
    #[must_use]
    pub fn into_failure(self) -> RawFailure {
        let kind = match self {
            Self::Engine(failure) => return failure,
            Self::Lua(mlua::Error::MemoryError(_)) => "memory_limit",
            Self::Installation(_) | Self::NoInstallation | Self::Lua(_) => "engine_error",
        };
        let message = self.to_string();
        let message = message.lines().next().unwrap_or_default().to_owned();
        RawFailure { kind: kind.to_owned(), field: String::new(), message }
    }
}

/// Whether a VM's state is still the one that its base left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Clean,
    /// Its memory limit was hit, or it evaluated the plain way: good for nothing more.
    Spent,
}

/// A Lua VM with an engine.
pub struct Vm {
    lua: Lua,
    kind: EngineKind,
    border: Table,
    /// The names that outcomes are packed by; `None`: none chosen yet.
    selected: Option<Vec<String>>,
    /// The base's names, in order.
    base_names: Vec<String>,
    condition: Condition,
    /// What the runtimes of the base tell each other; `None` but in shard runtimes.
    journal: Rc<RefCell<Option<Journal>>>,
}

impl Vm {
    /// A VM with the engine's code, not booted.
    ///
    /// # Errors
    /// If Lua cannot start, or cannot keep the limit.
    pub fn new(kind: EngineKind, heap_limit_bytes: Option<u64>) -> Result<Self, VmError> {
        // SAFETY: `unsafe_new_with` is unsafe because `ffi` and `debug` let Lua code break memory safety. The code
        // that runs before the lock-down is ours and PoB's, which is trusted; afterwards neither library is reachable.
        // JUSTIFICATION: PoB needs `jit` and `bit`, the packing of outcomes needs `ffi`.
        #[expect(unsafe_code, reason = "all of LuaJIT's libraries are needed, and mlua has no safe way to them")]
        let lua = unsafe { Lua::unsafe_new_with(StdLib::ALL, LuaOptions::default()) };
        if let Some(limit) = heap_limit_bytes {
            lua.set_memory_limit(usize::try_from(limit).unwrap_or(usize::MAX))?;
        }
        let package: Table = lua.globals().get("package")?;
        package.set("path", "")?;
        package.set("cpath", "")?;
        let preload: Table = package.get("preload")?;
        for module in MODULES {
            let chunk = lua.load(module.source).set_name(format!("@pob/{}", module.path));
            preload.set(module.name, chunk.into_function()?)?;
        }
        let require: Function = lua.globals().get("require")?;
        let border: Table = require.call("border")?;
        let vm = Self {
            lua,
            kind,
            border,
            selected: None,
            base_names: Vec::new(),
            condition: Condition::Clean,
            journal: Rc::default(),
        };
        vm.call("open", kind.as_str())?;
        Ok(vm)
    }

    /// Boots the engine and parses the passive trees.
    ///
    /// # Errors
    /// If the installation is none, or the engine does not boot.
    pub fn boot(&mut self, options: &BootOptions) -> Result<(), VmError> {
        let installation = match (self.kind, options.directory.as_deref()) {
            (EngineKind::Pob, None) => return Err(VmError::NoInstallation),
            (EngineKind::Pob, Some(directory)) => Some(Installation::find(directory)?),
            (EngineKind::Sample, _) => None,
        };
        let table = self.lua.create_table()?;
        table.set("directory", installation.as_ref().map(|found| found.root().display().to_string()))?;
        table.set("tree_versions", options.tree_versions.clone())?;
        table.set("faults", options.faults)?;
        table.set("accelerators", options.accelerators.as_str())?;
        let native = host::functions(&self.lua, installation, &self.journal)?;
        self.call("boot", (native, table))?;
        Ok(())
    }

    /// Has another journal from now on, or none.
    pub fn open_journal(&mut self, journal: Option<Journal>) {
        *self.journal.borrow_mut() = journal;
    }

    /// Facts about the engine.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn describe(&mut self) -> Result<RawEngineInfo, VmError> {
        let info: Table = self.call("describe", ())?.get("info")?;
        let stats: Vec<Table> = info.get("stats")?;
        let self_check = match info.get::<Option<Table>>("self_check")? {
            Some(check) => Some((check.get("xml")?, read_expected(&check.get("expected")?)?)),
            None => None,
        };
        Ok(RawEngineInfo {
            self_check,
            name: info.get("name")?,
            version: info.get("version")?,
            tree_versions: info.get("tree_versions")?,
            notice: optional_text(&info, "notice")?,
            stats: stats
                .iter()
                .map(|stat| {
                    Ok(RawStatInfo {
                        name: stat.get("name")?,
                        label: stat.get("label")?,
                        unit: optional_text(stat, "unit")?,
                        better: stat.get::<Option<i32>>("better")?.unwrap_or(0),
                        main: stat.get::<Option<bool>>("main")?.unwrap_or(false),
                    })
                })
                .collect::<mlua::Result<_>>()?,
        })
    }

    /// Loads a base from a clean state.
    ///
    /// # Errors
    /// If the engine does not take the build.
    pub fn load_base(&mut self, xml: &str) -> Result<RawBase, VmError> {
        let loaded = self.call("load_base", self.lua.create_string(xml)?)?;
        let mut stats = read_stats(&loaded.get("stats")?)?;
        stats.sort_by(|a, b| a.name.cmp(&b.name));
        self.base_names = stats.iter().map(|stat| stat.name.clone()).collect();
        self.selected = None;
        let hints = loaded.get::<Option<LuaString>>("hints")?.map_or_else(Vec::new, |hints| hints.as_bytes().to_vec());
        Ok(RawBase { stats, warnings: read_warnings(&loaded)?, hints })
    }

    /// Answers a question about the engine's data or the loaded base: JSON in, JSON out. What the topics are, and what
    /// they say, is between the contract and whoever asks.
    ///
    /// # Errors
    /// If the engine fails, knows no such topic, or the argument is no JSON.
    pub fn inquire(&mut self, topic: &str, argument_json: &[u8]) -> Result<Vec<u8>, VmError> {
        let argument: serde_json::Value = serde_json::from_slice(argument_json).map_err(mlua::Error::external)?;
        let argument = self.lua.to_value(&argument)?;
        let json: LuaString = self.call("inquire", (topic, argument))?.get("json")?;
        Ok(json.as_bytes().to_vec())
    }

    /// Whether warming up takes so long that the first variations should not wait for it: seconds, as against some
    /// milliseconds.
    #[must_use]
    pub fn is_slow_to_warm_up(&self) -> bool {
        self.kind == EngineKind::Pob
    }

    /// Switches the JIT on.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn compile(&mut self) -> Result<(), VmError> {
        self.call("compile", ())?;
        Ok(())
    }

    /// Switches the JIT on and evaluates enough to compile what evaluating needs.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn warm_up(&mut self) -> Result<(), VmError> {
        self.compile()?;
        self.call("warm_up", ())?;
        Ok(())
    }

    /// Evaluates a variation (its canonical JSON) of the loaded base; an empty selection means every stat of the
    /// base, and what else there is.
    pub fn evaluate(&mut self, variation_json: &[u8], selection: &[String], strict: bool) -> RawOutcome {
        self.evaluate_after(variation_json, selection, strict, || {})
    }

    /// The same; `computing` is called before anything is done that may take long. If the outcome was known already, and
    /// nothing had to be parsed to find that out, it is not called at all.
    pub fn evaluate_after(
        &mut self,
        variation_json: &[u8],
        selection: &[String],
        strict: bool,
        mut computing: impl FnMut(),
    ) -> RawOutcome {
        self.answer(selection, strict, |vm, everything| {
            let variation = vm.read_variation(variation_json)?;
            vm.lua.scope(|scope| {
                let computing = scope.create_function_mut(|_, ()| {
                    computing();
                    Ok(())
                })?;
                Ok(vm.call("evaluate", (variation, everything, computing)))
            })?
        })
    }

    /// Evaluates the slow way: writes the varied build, loads it from scratch, reads its output. The VM should never
    /// have loaded a build, and is spent afterwards.
    pub fn evaluate_plain(
        &mut self,
        base: &PlainBase<'_>,
        variation_json: &[u8],
        selection: &[String],
        strict: bool,
    ) -> RawOutcome {
        let everything = selection.is_empty() || base.with_others;
        let outcome = self.answer(selection, strict, |vm, _| {
            let variation = vm.read_variation(variation_json)?;
            let (xml, hints) = (vm.lua.create_string(base.xml)?, vm.lua.create_string(base.hints)?);
            vm.call("evaluate_plain", (xml, hints, variation, everything))
        });
        self.condition = Condition::Spent;
        outcome
    }

    /// The varied build as XML.
    ///
    /// # Errors
    /// If the variation is not valid for this build.
    pub fn export(&mut self, base_xml: &str, variation_json: &[u8]) -> Result<String, VmError> {
        let variation = self.read_variation(variation_json)?;
        let exported = self.call("export", (self.lua.create_string(base_xml)?, variation))?;
        Ok(exported.get("xml")?)
    }

    /// The names that an empty selection stands for, in order; none before a base is loaded.
    #[must_use]
    pub fn base_names(&self) -> &[String] {
        &self.base_names
    }

    /// Runs a full garbage collection. It leaves the collector switched on.
    pub fn collect(&mut self) {
        // An error in a finalizer is not ours to handle.
        if let Err(error) = self.lua.gc_collect() {
            tracing::warn!(%error, "a finalizer failed");
        }
    }

    /// Switches the garbage collector off.
    pub fn stop_collector(&mut self) {
        self.lua.gc_stop();
    }

    /// Lua heap in bytes.
    #[must_use]
    pub fn heap_bytes(&self) -> u64 {
        self.lua.used_memory() as u64
    }

    /// Whether nothing that this VM computes from now on can be trusted.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        // A VM that cannot even answer is as spent as can be.
        let exhausted = || self.border.get::<Function>("memory_exhausted")?.call::<bool>(());
        self.condition == Condition::Spent || exhausted().unwrap_or(true)
    }

    /// Runs a Lua chunk in the VM: for specs.
    ///
    /// # Errors
    /// Whatever the chunk raises.
    pub fn run<R: mlua::FromLuaMulti>(&self, path: &Path, source: &str) -> mlua::Result<R> {
        self.lua.load(source).set_name(format!("@{}", path.display())).call(())
    }

    /// Calls a function of the border and sorts its answer.
    fn call(&self, name: &str, arguments: impl mlua::IntoLuaMulti) -> Result<Table, VmError> {
        let function: Function = self.border.get(name)?;
        let answer: Table = function.call(arguments)?;
        let Some(failure) = answer.get::<Option<Table>>("failure")? else { return Ok(answer) };
        let failure = RawFailure {
            kind: failure.get("kind")?,
            field: optional_text(&failure, "field")?,
            message: optional_text(&failure, "message")?,
        };
        let traceback = optional_text(&answer, "traceback")?;
        if !traceback.is_empty() {
            tracing::warn!(call = name, traceback, "the engine raised an error");
        }
        Err(VmError::Engine(failure))
    }

    /// Turns what an evaluation gives into an outcome.
    fn answer(
        &mut self,
        selection: &[String],
        strict: bool,
        evaluate: impl FnOnce(&Self, bool) -> Result<Table, VmError>,
    ) -> RawOutcome {
        let started = Instant::now();
        let everything = selection.is_empty();
        let result = self
            .select(selection)
            .and_then(|()| evaluate(self, everything))
            .and_then(|answer| Ok(read_outcome(&answer)?));
        let mut outcome = result.unwrap_or_else(|error| RawOutcome::failed(error.into_failure()));
        if outcome.failure.as_ref().is_some_and(|failure| failure.kind == "memory_limit") {
            self.condition = Condition::Spent;
        }
        if strict && let Some(warning) = outcome.warnings.first() {
            let RawWarning { kind, field, message } = warning.clone();
            let failure =
                RawFailure { kind: "strict_warning".to_owned(), field, message: format!("{kind}: {message}") };
            outcome = RawOutcome { warnings: outcome.warnings, ..RawOutcome::failed(failure) };
        }
        outcome.compute_seconds = started.elapsed().as_secs_f64();
        outcome
    }

    /// Tells Lua which names to pack, unless it knows.
    fn select(&mut self, selection: &[String]) -> Result<(), VmError> {
        let wanted = if selection.is_empty() { &self.base_names } else { selection };
        if self.selected.as_deref() != Some(wanted) {
            let select: Function = self.border.get("select")?;
            select.call::<()>(wanted.to_vec())?;
            self.selected = Some(wanted.to_vec());
        }
        Ok(())
    }

    /// A variation as the table of the contract: absent fields are nil, numbers are doubles.
    fn read_variation(&self, json: &[u8]) -> Result<Value, VmError> {
        let variation: Variation = serde_json::from_slice(json).map_err(|error| {
            VmError::Engine(RawFailure {
                kind: "invalid_variation".to_owned(),
                field: String::new(),
                message: error.to_string(),
            })
        })?;
        let options = SerializeOptions::new()
            .set_array_metatable(false)
            .serialize_none_to_null(false)
            .serialize_unit_to_null(false);
        Ok(self.lua.to_value_with(&variation, options)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::outcome::StatValue;

    const HEAP_LIMIT_BYTES: u64 = 32 << 20;

    fn run<R: mlua::FromLuaMulti>(vm: &Vm, source: &str) -> mlua::Result<R> {
        vm.run(Path::new("test"), source)
    }

    #[test]
    fn a_refused_allocation_spends_the_vm_even_if_lua_swallowed_it() {
        let vm = Vm::new(EngineKind::Sample, Some(HEAP_LIMIT_BYTES)).unwrap();
        assert!(!vm.is_spent());
        assert!(!run::<bool>(&vm, "return (pcall(string.rep, 'x', 100e6))").unwrap());
        assert!(vm.is_spent());
        let vm = Vm::new(EngineKind::Sample, Some(HEAP_LIMIT_BYTES)).unwrap();
        run::<()>(&vm, "coroutine.resume(coroutine.create(function() return ('x'):rep(100e6) end))").unwrap();
        assert!(vm.is_spent());
    }

    #[test]
    fn doubles_cross_bit_for_bit() {
        let vm = Vm::new(EngineKind::Sample, None).unwrap();
        let list: Table = run(
            &vm,
            "return require('outcome').list({ a = -0.0, b = 3, c = 1 / 3, d = 1 / 0, e = 2 ^ 53 + 1, f = true, g = 'text', h = {} })",
        )
        .unwrap();
        let mut stats = read_stats(&list).unwrap();
        stats.sort_by(|a, b| a.name.cmp(&b.name));
        let bits: Vec<_> = stats
            .iter()
            .filter_map(|stat| match stat.value {
                StatValue::Number(number) => Some(number.to_bits()),
                _ => None,
            })
            .collect();
        let expected = [-0.0_f64, 3.0, 1.0 / 3.0, f64::INFINITY, 2.0_f64.powi(53)].map(f64::to_bits);
        assert_eq!(bits, expected);
        assert_eq!(stats[5].value, StatValue::Boolean(true));
        assert_eq!(stats[6].value, StatValue::Text("text".to_owned()));
        assert_eq!(stats.len(), 7);
    }

    #[test]
    fn a_variation_arrives_as_the_contract_says() {
        let vm = Vm::new(EngineKind::Sample, None).unwrap();
        let json = br#"{"allocate":[7],"items":[{"slot":"Ring 1","empty":true}],"config":{"a":0.1,"b":3,"c":true}}"#;
        let variation = vm.read_variation(json).unwrap();
        let seen: String = run::<Function>(
            &vm,
            "return function(v) return table.concat({ tostring(v.level), #v.allocate, tostring(v.items[1].text), \
             ('%.17g %.17g'):format(v.config.a, v.config.b), tostring(getmetatable(v.allocate)) }, ' ') end",
        )
        .unwrap()
        .call(variation)
        .unwrap();
        assert_eq!(seen, "nil 1 nil 0.10000000000000001 3 nil");
    }

    #[test]
    fn a_malformed_variation_is_invalid() {
        let mut vm = Vm::new(EngineKind::Sample, None).unwrap();
        let failure = vm.evaluate(b"{\"levle\": 3}", &[], false).failure.unwrap();
        assert_eq!(failure.kind, "invalid_variation");
        assert!(failure.message.contains("levle"));
    }
}
