//! The command loop: reads commands, has the VM do them, writes reports. Strictly in order, over any reader and
//! writer, so that it is tested without processes.

use std::{
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    arena,
    backstop::Backstop,
    fork::Forked,
    host::Installation,
    journal::Journal,
    reference::Reference,
    sandbox::{self, Entered},
    vm::{BootOptions, EngineKind, PlainBase, RawFailure, RawOutcome, RawStat, RawWarning, Vm, VmError},
};
use crate::{
    build::outcome::StatValue,
    proto::runtime as wire,
    wire::{PROTOCOL_VERSION, WireError, encode, read, write},
};

/// Times that the base is evaluated to learn what a variation costs, and whether it stays the same.
const TRIES: usize = 5;

/// The same where variations are waiting.
const TRIES_COLD: usize = 2;

/// Outcomes that were known already and go together: 2 ms, at 60 µs each.
const HELD_MAX: usize = 32;

/// The path of outcomes that were known already, as in the Lua contract.
const KNOWN: &str = "cached";

/// What a runtime was told so far.
#[derive(Default)]
pub struct Runtime {
    vm: Option<Vm>,
    /// What the loaded base must evaluate to.
    reference: Reference,
    /// Variations computed since the base was last compared.
    unchecked: u32,
    /// Whether this process evaluates; the first time, the collector is stopped and forking ends.
    evaluates: bool,
    /// Whether this process is in the sandbox.
    sandboxed: bool,
}

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The server closed the socket.
    Closed,
    /// This process is the child of a fork, and has a socket of its own to serve.
    Child,
}

/// Says hello, then serves until the other end closes or this process wakes up as a child.
///
/// # Errors
/// If the other end does not keep to the protocol, or the socket breaks.
pub fn run<S: Read + Write>(
    runtime: &mut Runtime,
    socket: &mut S,
    mut fork: impl FnMut(&mut S, &wire::Fork) -> io::Result<Forked>,
    mut interrupted: impl FnMut(&mut S) -> bool,
) -> Result<End, WireError> {
    let hello = wire::Hello { protocol_version: PROTOCOL_VERSION, pid: std::process::id() };
    report(socket, wire::report::Report::Hello(hello))?;
    loop {
        let wire::Command { command, budget_seconds } = match read(socket) {
            Ok(command) => command,
            Err(WireError::Closed) => return Ok(End::Closed),
            Err(error) => return Err(error),
        };
        let budget = Duration::try_from_secs_f64(budget_seconds).unwrap_or_default();
        let _backstop = Backstop::new(budget);
        match command.ok_or(WireError::OutOfTurn("an empty command"))? {
            wire::command::Command::Fork(order) => match fork(socket, &order)? {
                Forked::Parent(pid) => report(socket, wire::report::Report::Forked(wire::Forked { pid }))?,
                Forked::Child => return Ok(End::Child),
            },
            wire::command::Command::Evaluate(order) => evaluate(runtime, socket, &order, budget, &mut interrupted)?,
            // It came when the assignment was over already.
            wire::command::Command::Cancel(_) => {}
            other => {
                let answer = match other {
                    wire::command::Command::Boot(boot) => runtime.boot(boot),
                    wire::command::Command::LoadBase(load) => runtime.load_base(&load),
                    wire::command::Command::WarmUp(_) => runtime.warm_up(),
                    wire::command::Command::Collect(_) => runtime.collect(),
                    wire::command::Command::DescribeEngine(_) => runtime.describe(),
                    wire::command::Command::Inquire(question) => runtime.inquire(&question),
                    wire::command::Command::Export(export) => runtime.export(&export),
                    wire::command::Command::Fork(_)
                    | wire::command::Command::Evaluate(_)
                    | wire::command::Command::Cancel(_) => continue,
                };
                report(socket, answer.unwrap_or_else(|error| failed(error.into_failure())))?;
            }
        }
    }
}

fn report(writer: &mut impl Write, report: wire::report::Report) -> Result<(), WireError> {
    write(writer, &wire::Report { report: Some(report) })
}

fn failed(failure: RawFailure) -> wire::report::Report {
    let RawFailure { kind, field, message } = failure;
    wire::report::Report::Failed(wire::Failed { kind, field, message })
}

/// One outcome for each variation, in order, and before anything else is done that may take long: should the next one
/// kill this process, the server knows whose doing it was. Those that were known already, and took no time, go together.
fn evaluate<S: Read + Write>(
    runtime: &mut Runtime,
    socket: &mut S,
    order: &wire::Evaluate,
    budget: Duration,
    interrupted: &mut impl FnMut(&mut S) -> bool,
) -> Result<(), WireError> {
    let span = tracing::warn_span!("evaluate", request_id = order.request_id);
    let _within = span.enter();
    runtime.before_evaluating(order.plain);
    let mut outbox = Outbox::default();
    let mut drifted = false;
    for variation in &order.variations {
        let _backstop = Backstop::new(budget);
        let mut sent = Ok(());
        let outcome = match &mut runtime.vm {
            Some(vm) if order.plain => {
                let base = PlainBase { xml: &order.base_xml, hints: &order.hints, with_others: order.with_others };
                vm.evaluate_plain(&base, variation, &order.stats, order.strict)
            }
            Some(vm) => vm.evaluate_after(variation, &order.stats, order.strict, || sent = outbox.send(socket)),
            None => RawOutcome { failure: Some(not_booted().into_failure()), ..RawOutcome::default() },
        };
        sent?;
        let known = outcome.path == KNOWN;
        outbox.put(wire::report::Report::Outcome(self::outcome(outcome)))?;
        // One that was known ran no calculator, which is what leaves things behind.
        let check = !known && runtime.is_check_due(order);
        if !known || check || outbox.is_full() {
            outbox.send(socket)?;
        }
        if check {
            drifted = !runtime.base_is_intact();
        }
        let grown = order.heap_mark_bytes > 0 && runtime.heap_bytes() > order.heap_mark_bytes;
        if drifted || grown || runtime.is_spent() || (interrupted(socket) && is_cancelled(socket)?) {
            break;
        }
    }
    let done = wire::AssignmentDone { lua_heap_bytes: runtime.heap_bytes(), spent: runtime.is_spent(), drifted };
    outbox.put(wire::report::Report::AssignmentDone(done))?;
    outbox.send(socket)
}

/// Reports that are held back until they are worth a frame's way: those that took no time to compute.
#[derive(Default)]
struct Outbox {
    frames: Vec<u8>,
    count: usize,
}

impl Outbox {
    fn put(&mut self, report: wire::report::Report) -> Result<(), WireError> {
        self.count += 1;
        encode(&wire::Report { report: Some(report) }, &mut self.frames)
    }

    fn is_full(&self) -> bool {
        self.count >= HELD_MAX
    }

    fn send(&mut self, writer: &mut impl Write) -> Result<(), WireError> {
        if self.count > 0 {
            writer.write_all(&self.frames)?;
            writer.flush()?;
            self.frames.clear();
            self.count = 0;
        }
        Ok(())
    }
}

/// Reads the frame that came in the middle of an assignment: only one has a place there.
fn is_cancelled(reader: &mut impl Read) -> Result<bool, WireError> {
    match read::<wire::Command>(reader)?.command {
        Some(wire::command::Command::Cancel(_)) => Ok(true),
        _ => Err(WireError::OutOfTurn("a command in the middle of an assignment")),
    }
}

impl Runtime {
    /// In a fork: has a journal of its own from now on, or none.
    pub fn open_journal(&mut self, journal: Option<OwnedFd>) {
        if let Some(vm) = &mut self.vm {
            vm.open_journal(journal.map(Journal::new));
        }
    }

    fn heap_bytes(&self) -> u64 {
        self.vm.as_ref().map_or(0, Vm::heap_bytes)
    }

    fn is_spent(&self) -> bool {
        self.vm.as_ref().is_none_or(Vm::is_spent)
    }

    /// Every so often: whether the base is to be compared. Counts one more variation that was computed.
    fn is_check_due(&mut self, order: &wire::Evaluate) -> bool {
        self.unchecked += 1;
        !order.plain && order.check_every > 0 && self.unchecked >= order.check_every && !self.is_spent()
    }

    /// Whether the base still evaluates to itself.
    fn base_is_intact(&mut self) -> bool {
        self.unchecked = 0;
        let Some(vm) = &mut self.vm else { return true };
        self.reference.is_met_by(&vm.evaluate(b"{}", &[], false))
    }

    fn vm(&mut self) -> Result<&mut Vm, VmError> {
        self.vm.as_mut().ok_or_else(not_booted)
    }

    fn boot(&mut self, boot: wire::Boot) -> Result<wire::report::Report, VmError> {
        let kind = match boot.engine.as_str() {
            "pob" => EngineKind::Pob,
            _ => EngineKind::Sample,
        };
        let limit = (boot.lua_heap_limit_bytes > 0).then_some(boot.lua_heap_limit_bytes);
        let mut directory = (!boot.directory.is_empty()).then(|| PathBuf::from(boot.directory));
        let mut entered = Entered::default();
        if boot.sandbox {
            if let (EngineKind::Pob, Some(given)) = (kind, &directory) {
                // The installation may begin above the directory given.
                directory = Some(Installation::find(given)?.root().to_owned());
            }
            entered = sandbox::enter(directory.as_deref(), boot.lua_heap_limit_bytes);
            self.sandboxed = true;
        }
        let vm = self.vm.insert(Vm::new(kind, limit)?);
        vm.boot(&BootOptions {
            directory,
            tree_versions: boot.tree_versions,
            faults: boot.faults,
            accelerators: boot.accelerators,
        })?;
        vm.collect();
        Ok(wire::report::Report::Booted(wire::Booted {
            lua_heap_bytes: vm.heap_bytes(),
            sandbox_missing: entered.missing,
            landlock_abi: entered.landlock_abi,
        }))
    }

    fn load_base(&mut self, load: &wire::LoadBase) -> Result<wire::report::Report, VmError> {
        let vm = self.vm()?;
        let cold = vm.is_slow_to_warm_up();
        let base = vm.load_base(&load.xml)?;
        self.reference = Reference::new(&base.stats);
        let trial = match (load.evaluates, cold) {
            (false, _) => None,
            (true, true) => {
                self.vm()?.compile()?;
                Some(self.try_base(TRIES_COLD)?)
            }
            (true, false) => Some(self.warm_up_and_try()?),
        };
        Ok(wire::report::Report::BaseLoaded(wire::BaseLoaded {
            stats: base.stats.into_iter().map(stat).collect(),
            warnings: base.warnings.into_iter().map(warning).collect(),
            hints: base.hints.into(),
            trial,
            cold,
        }))
    }

    fn warm_up(&mut self) -> Result<wire::report::Report, VmError> {
        let trial = self.warm_up_and_try()?;
        arena::join();
        Ok(wire::report::Report::Warmed(wire::Warmed { trial: Some(trial) }))
    }

    fn warm_up_and_try(&mut self) -> Result<wire::Trial, VmError> {
        let vm = self.vm()?;
        vm.warm_up()?;
        vm.collect();
        self.try_base(TRIES)
    }

    /// Evaluates the base so often.
    fn try_base(&mut self, tries: usize) -> Result<wire::Trial, VmError> {
        let vm = self.vm.as_mut().ok_or_else(not_booted)?;
        let mut trial = wire::Trial { variation_seconds: f64::INFINITY, ..wire::Trial::default() };
        for _ in 0..tries {
            let outcome = vm.evaluate(b"{}", &[], false);
            trial.plain_only |= !self.reference.is_met_by(&outcome);
            trial.variation_seconds = trial.variation_seconds.min(outcome.compute_seconds);
        }
        trial.lua_heap_bytes = vm.heap_bytes();
        Ok(trial)
    }

    fn collect(&mut self) -> Result<wire::report::Report, VmError> {
        let evaluates = self.evaluates;
        let vm = self.vm()?;
        let (started, before) = (Instant::now(), vm.heap_bytes());
        vm.collect();
        if evaluates {
            vm.stop_collector();
        }
        Ok(wire::report::Report::Collected(wire::Collected {
            lua_heap_before_bytes: before,
            lua_heap_after_bytes: vm.heap_bytes(),
            seconds: started.elapsed().as_secs_f64(),
        }))
    }

    fn describe(&mut self) -> Result<wire::report::Report, VmError> {
        let info = self.vm()?.describe()?;
        let stats = info.stats.into_iter().map(|info| wire::StatInfo {
            name: info.name,
            label: info.label,
            unit: info.unit,
            better: info.better,
            main: info.main,
        });
        Ok(wire::report::Report::EngineDescribed(wire::EngineDescribed {
            name: info.name,
            version: info.version,
            tree_versions: info.tree_versions,
            stats: stats.collect(),
            notice: info.notice,
            self_check: info
                .self_check
                .map(|(xml, expected)| wire::SelfCheck { xml, expected: expected.into_iter().map(stat).collect() }),
        }))
    }

    fn inquire(&mut self, question: &wire::Inquire) -> Result<wire::report::Report, VmError> {
        let json = self.vm()?.inquire(&question.topic, &question.argument)?;
        Ok(wire::report::Report::Answered(wire::Answered { json: json.into() }))
    }

    fn export(&mut self, export: &wire::Export) -> Result<wire::report::Report, VmError> {
        let xml = self.vm()?.export(&export.base_xml, &export.variation)?;
        Ok(wire::report::Report::Exported(wire::Exported { xml }))
    }

    /// A runtime that evaluates never collects: the server replaces it when its heap has grown, which costs a tenth
    /// of a collection. The plain path loads a whole build and keeps the collector. None is ever forked from again.
    fn before_evaluating(&mut self, plain: bool) {
        if !self.evaluates
            && !plain
            && let Some(vm) = &mut self.vm
        {
            vm.stop_collector();
        }
        if !self.evaluates && self.sandboxed {
            // The only reason not to is that there is no seccomp, which was said when the engine booted.
            let _ = sandbox::seal();
        }
        self.evaluates = true;
    }
}

fn not_booted() -> VmError {
    VmError::Engine(RawFailure {
        kind: "engine_error".into(),
        field: String::new(),
        message: "no engine is booted".into(),
    })
}

fn outcome(outcome: RawOutcome) -> wire::Outcome {
    wire::Outcome {
        kinds: outcome.kinds.into(),
        values: outcome.values.into(),
        extra: outcome.extra.into_iter().map(stat).collect(),
        warnings: outcome.warnings.into_iter().map(warning).collect(),
        failure: outcome.failure.map(|RawFailure { kind, field, message }| wire::Failure { kind, field, message }),
        compute_seconds: outcome.compute_seconds,
        path: outcome.path,
    }
}

fn stat(stat: RawStat) -> wire::Stat {
    let value = match stat.value {
        StatValue::Number(number) => wire::stat::Value::Number(number),
        StatValue::Boolean(boolean) => wire::stat::Value::Boolean(boolean),
        StatValue::Text(text) => wire::stat::Value::Text(text),
    };
    wire::Stat { name: stat.name, value: Some(value) }
}

fn warning(warning: RawWarning) -> wire::Warning {
    let RawWarning { kind, field, message } = warning;
    wire::Warning { kind, field, message }
}
