//! A base is served by a cold template while a fork of it warms up. Here that fork dies of it; that all goes well is
//! shown in `pob_server`. Alone in its program, as it looks for a child of its own process. Skipped loudly without PoB.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod common;
mod pob_places;

use std::{fs, process, time::Duration};

use common::evaluate;
use pob_places::{places, xml};
use pobatch::{
    build::{outcome::ComputePath, variation::Variation},
    supervisor::{EngineChoice, Settings, Status, Supervisor},
};
use rustix::process::{Pid, Signal, kill_process};

/// How often it is looked whether something has happened.
const POLL: Duration = Duration::from_millis(20);

/// Children of this process.
fn children() -> Vec<u32> {
    let is_ours = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may contain anything, come the state and the parent.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        parent == Some(process::id())
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    all.filter(is_ours).collect()
}

/// Runtimes that the status knows.
fn known(status: &Status) -> Vec<u32> {
    let zygotes = status.engines.iter().filter_map(|engine| engine.zygote_pid);
    let templates = status.bases.iter().filter_map(|base| base.template_pid);
    zygotes.chain(templates).chain(status.shards.iter().filter_map(|shard| shard.pid)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_that_dies_of_warming_up_leaves_the_cold_template_to_serve() {
    let Some(places) = places() else { return };
    let engines = EngineChoice::Pob(places.pob.clone()).alone();
    let supervisor = Supervisor::start(Settings { engines, faults: false, ..common::settings() }).await.unwrap();
    let load = || supervisor.load_base("", xml(&places, "occ-vortex").into());
    let base = load().await.unwrap();
    assert!(base.is_warming_up());
    let known = known(&supervisor.status().await.unwrap());
    let mut pause = tokio::time::interval(POLL);
    let warming_up = loop {
        if let Some(child) = children().into_iter().find(|child| !known.contains(child)) {
            break child;
        }
        pause.tick().await;
    };
    kill_process(Pid::from_raw(warming_up.try_into().unwrap()).unwrap(), Signal::KILL).unwrap();
    while load().await.unwrap().is_warming_up() {
        pause.tick().await;
    }
    let outcomes = evaluate(&supervisor, &base, [Variation::default()]).await;
    assert!(outcomes[0].result.is_ok() && outcomes[0].path == ComputePath::Fast);
    let status = supervisor.status().await.unwrap();
    assert!(known.contains(&status.bases[0].template_pid.unwrap()), "the cold template serves on");
    assert!(status.incidents.iter().any(|incident| incident.what == "base_not_warm"));
}
