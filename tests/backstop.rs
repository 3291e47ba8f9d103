//! A runtime that computes for too long ends, also if nobody kills it: this test is its server, and never does.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;

use std::{
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::ExitStatusExt as _},
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use common::{PATIENCE, WITCH, fault, level};
use pobatch::{
    build::variation::Variation,
    proto::runtime::{self, Report, command::Command as Order, report::Report as Answer},
    wire::{WireError, read, write},
};
use rustix::process::Signal;

/// Time budget of a variation.
const BUDGET: Duration = Duration::from_millis(100);

/// A runtime that has a base loaded.
struct Alone {
    child: Child,
    socket: UnixStream,
}

impl Alone {
    fn start(sandbox: bool) -> Self {
        let (socket, theirs) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_pobatch"))
            .arg("runtime")
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .unwrap();
        let mut alone = Self { child, socket };
        assert!(matches!(alone.answer(), Ok(Answer::Hello(_))));
        let boot = runtime::Boot { engine: "sample".into(), faults: true, sandbox, ..Default::default() };
        alone.tell(Order::Boot(boot), PATIENCE);
        assert!(matches!(alone.answer(), Ok(Answer::Booted(_))));
        alone.tell(Order::LoadBase(runtime::LoadBase { xml: WITCH.into(), evaluates: true }), PATIENCE);
        assert!(matches!(alone.answer(), Ok(Answer::BaseLoaded(_))));
        alone
    }

    fn tell(&mut self, order: Order, budget: Duration) {
        write(&mut self.socket, &order.within(budget)).unwrap();
    }

    fn answer(&mut self) -> Result<Answer, WireError> {
        read::<Report>(&mut self.socket).map(|report| report.report.unwrap())
    }

    fn evaluate(&mut self, variations: &[Variation]) {
        let variations = variations.iter().map(|variation| serde_json::to_vec(variation).unwrap().into()).collect();
        self.tell(Order::Evaluate(runtime::Evaluate { variations, ..Default::default() }), BUDGET);
    }

    /// Its end, without anybody's doing.
    fn end(mut self) -> ExitStatus {
        assert!(self.answer().is_err(), "it says nothing more");
        self.child.wait().unwrap()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn a_runaway_of_any_sort_ends_without_a_server_that_kills() {
    for (kind, sandbox) in [("loop", true), ("string", true), ("pcall", true), ("loop", false)] {
        let mut alone = Alone::start(sandbox);
        alone.evaluate(&[level(50), fault(kind), level(51)]);
        assert!(matches!(alone.answer(), Ok(Answer::Outcome(outcome)) if outcome.failure.is_none()), "{kind}");
        assert_eq!(alone.end().signal(), Some(Signal::XCPU.as_raw()), "{kind}");
    }
}

#[test]
fn variations_together_may_take_longer_than_the_budget_of_one() {
    let mut alone = Alone::start(true);
    let variations: Vec<_> = (1..=100).map(level).collect();
    let mut computed = Duration::ZERO;
    // More than a whole assignment may take in one go, with what the backstop adds.
    while computed < Duration::from_secs(4) {
        alone.evaluate(&variations);
        for _ in &variations {
            let Ok(Answer::Outcome(outcome)) = alone.answer() else { panic!("an outcome") };
            computed += Duration::from_secs_f64(outcome.compute_seconds);
        }
        assert!(matches!(alone.answer(), Ok(Answer::AssignmentDone(_))));
    }
}
