//! Real processes: what happens when runtimes are killed, hang, raise errors or talk nonsense. The sample engine runs
//! in them, with its faults switched on.

mod common;

use std::{collections::HashSet, io::Write, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use common::{
    PATIENCE, RANGER, WITCH, bits, collect, evaluate, fault, front::POLL, level, machine::speak_for, settings, spec,
    submit_all, with_base,
};
use pobatch::{
    build::{
        outcome::{ComputePath, FailureReason, Verification},
        variation::Variation,
    },
    supervisor::{BaseError, Refusal, Settings, ShardState, Submission, Supervisor},
    task,
};
use rustix::process::{Pid, Signal};

fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    // It may have been replaced in the meantime, which is as good.
    let _ = rustix::process::kill_process(pid, signal);
}

fn reason(outcome: &pobatch::build::outcome::Evaluated) -> Option<FailureReason> {
    outcome.result.as_ref().err().map(|failure| failure.reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runtime_costs_no_variation_its_outcome() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let count = 4000;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let (submit, mut outcomes) = (session.submit, session.outcomes);
    let sender = task::spawn("sender", async move {
        for tag in 0..count {
            let variation = Arc::new(level(u32::try_from(tag % 100).unwrap() + 1));
            submit.send(Submission { tag, variation }).await.unwrap();
        }
    });
    let mut all = Vec::new();
    while let Some(outcome) = tokio::time::timeout(PATIENCE, outcomes.recv()).await.expect("no outcome is lost") {
        all.push(outcome);
        if all.len() % 500 == 250 {
            let status = supervisor.status().await.unwrap();
            status.shards.iter().filter_map(|shard| shard.pid).for_each(kill);
        }
    }
    sender.await.unwrap();
    let tags: HashSet<_> = all.iter().map(|outcome| outcome.tag).collect();
    assert_eq!(tags.len(), 4000, "each variation has its outcome");
    assert_eq!(all.len(), 4000, "and only one");
    all.sort_by_key(|outcome| outcome.tag);
    for outcome in &all {
        // A variation that was being computed twice when its runtime was killed has been given up, with a reason.
        match reason(outcome) {
            None => assert_eq!(bits(outcome), bits(&all[usize::try_from(outcome.tag % 100).unwrap()])),
            Some(reason) => assert_eq!(reason, FailureReason::RuntimeCrashed),
        }
    }
    let status = supervisor.status().await.unwrap();
    assert!(status.shards.iter().map(|shard| shard.resets).sum::<u64>() >= 2, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runaway_of_any_sort_fails_alone_and_its_neighbours_do_not_notice() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    for kind in ["loop", "string", "pcall"] {
        let mut spec = spec(&base);
        spec.variation_timeout = Some(Duration::from_millis(300));
        let session = supervisor.open(spec).await.unwrap();
        let outcomes = collect(submit_all(session, [level(10), fault(kind), level(10)]).await).await;
        assert_eq!(reason(&outcomes[1]), Some(FailureReason::TimeLimit), "{kind}");
        assert_eq!(bits(&outcomes[0]), bits(&outcomes[2]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_ends_itself_for_lack_of_time_is_a_runaway_and_not_a_crash() {
    let (supervisor, base) = with_base(Settings { shards: 1, ..settings() }, WITCH).await;
    let outcomes = submit_all(supervisor.open(spec(&base)).await.unwrap(), [fault("loop")]).await;
    let at_work = async {
        loop {
            let shard = supervisor.status().await.unwrap().shards.remove(0);
            if let (true, Some(pid)) = (shard.busy, shard.pid) {
                return pid;
            }
        }
    };
    let pid = tokio::time::timeout(PATIENCE, at_work).await.expect("it is evaluated");
    // What the kernel sends.
    rustix::process::kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::XCPU).unwrap();
    assert_eq!(reason(&collect(outcomes).await[0]), Some(FailureReason::TimeLimit));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_error_is_a_typed_failure_with_its_first_line() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let outcomes = collect(submit_all(session, [fault("error"), Variation::default()]).await).await;
    let failure = outcomes[0].result.as_ref().unwrap_err();
    assert_eq!(failure.reason, FailureReason::EngineError);
    assert!(!failure.message.is_empty() && !failure.message.contains('\n'), "{failure:?}");
    assert!(outcomes[1].result.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_fails_alone_even_if_lua_code_catches_the_error() {
    let mut settings = settings();
    settings.memory.limit_bytes = 256 << 20;
    let (supervisor, base) = with_base(settings, WITCH).await;
    for kind in ["memory", "memory_string", "memory_caught"] {
        let session = supervisor.open(spec(&base)).await.unwrap();
        let outcomes = collect(submit_all(session, [level(10), fault(kind), level(10)]).await).await;
        assert_eq!(reason(&outcomes[1]), Some(FailureReason::MemoryLimit), "{kind}");
        assert_eq!(bits(&outcomes[0]), bits(&outcomes[2]), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn evaluating_leaves_no_trace_in_any_shard() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let mixed = (0..200).map(|index| if index % 4 == 0 { Variation::default() } else { level(index % 100 + 1) });
    let outcomes = collect(submit_all(session, mixed).await).await;
    for outcome in outcomes.iter().step_by(4) {
        assert_eq!(bits(outcome), bits(&outcomes[0]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bases_are_served_by_one_shard_and_keep_apart() {
    let (supervisor, witch) = with_base(common::settings(), WITCH).await;
    let ranger = supervisor.load_base("", RANGER.into()).await.unwrap();
    assert_ne!(witch.id, ranger.id);
    let one = supervisor.open(spec(&witch)).await.unwrap();
    let two = supervisor.open(spec(&ranger)).await.unwrap();
    let (one, two) =
        tokio::join!(async { collect(submit_all(one, (0..300).map(|_| Variation::default())).await).await }, async {
            collect(submit_all(two, (0..300).map(|_| Variation::default())).await).await
        },);
    for outcome in &one {
        assert_eq!(bits(outcome), bits(&one[0]));
    }
    for outcome in &two {
        assert_eq!(bits(outcome), bits(&two[0]));
    }
    assert_ne!(bits(&one[0]), bits(&two[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_whose_next_runtime_is_on_its_way_names_none() {
    let (supervisor, witch) = with_base(Settings { shards: 1, ..settings() }, WITCH).await;
    let ranger = supervisor.load_base("", RANGER.into()).await.unwrap();
    evaluate(&supervisor, &witch, [level(1)]).await;
    let before = supervisor.status().await.unwrap();
    let old = before.shards[0].pid.expect("it has evaluated");
    let template = before.bases.iter().find(|base| base.id == ranger.id).unwrap().template_pid.unwrap();

    // It hears that it is to fork when it is woken up, and not before.
    signal(template, Signal::STOP);
    let outcomes = task::spawn("evaluate", {
        let (supervisor, ranger) = (supervisor.clone(), ranger.clone());
        async move { evaluate(&supervisor, &ranger, [level(2)]).await }
    });
    let forking = async {
        loop {
            let shard = supervisor.status().await.unwrap().shards.remove(0);
            if shard.state == ShardState::Forking {
                return shard;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let shard = tokio::time::timeout(PATIENCE, forking).await.expect("the other base needs another runtime");
    assert_eq!((shard.pid, shard.heap_bytes, shard.resident_bytes), (None, 0, 0));
    signal(template, Signal::CONT);
    assert_eq!(outcomes.await.unwrap().iter().filter_map(reason).count(), 0);
    let pid = supervisor.status().await.unwrap().shards[0].pid;
    assert!(pid.is_some_and(|pid| pid != old), "{pid:?} after {old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_template_is_loaded_again_and_its_session_goes_on() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let first = collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), [level(50)]).await).await;
    let status = supervisor.status().await.unwrap();
    status.bases.iter().filter_map(|base| base.template_pid).for_each(kill);
    status.shards.iter().filter_map(|shard| shard.pid).for_each(kill);
    let second = collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), [level(50)]).await).await;
    assert_eq!(bits(&first[0]), bits(&second[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_says_half_a_frame_is_loaded_again_and_holds_nobody_up() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let first = collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), [level(50)]).await).await;
    let status = supervisor.status().await.unwrap();
    // Announces a frame of 256 bytes, and would take the answer to the next fork for a part of it.
    assert!(status.bases.iter().filter_map(|base| base.template_pid).all(|pid| speak_for(pid, &[0, 0, 1, 0])));
    status.shards.iter().filter_map(|shard| shard.pid).for_each(kill);
    let second = collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), [level(50)]).await).await;
    assert_eq!(bits(&first[0]), bits(&second[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_zygote_is_booted_again() {
    let (supervisor, _) = with_base(settings(), WITCH).await;
    let status = supervisor.status().await.unwrap();
    status.zygote_pids().for_each(kill);
    let again = async {
        while supervisor.load_base("", RANGER.into()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("a base can be loaded again");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_runtime_outlives_its_supervisor() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), (1..50).map(level)).await).await;
    let status = supervisor.status().await.unwrap();
    let mut pids: Vec<_> = status.shards.iter().filter_map(|shard| shard.pid).collect();
    pids.extend(status.bases.iter().filter_map(|base| base.template_pid).chain(status.zygote_pids()));
    assert!(pids.len() >= 3, "{status:?}");
    drop(supervisor);
    for pid in pids {
        let gone = async {
            while std::fs::exists(format!("/proc/{pid}")).unwrap() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("the runtime goes with its supervisor");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_talks_nonsense_is_no_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("nonsense");
    let mut script = std::fs::File::create(&path).unwrap();
    script.write_all(b"#!/bin/sh\nprintf '\\377\\377\\377\\377nonsense' >&0\nexec sleep 60\n").unwrap();
    script.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    drop(script);
    let mut settings = settings();
    settings.executable = path;
    let error = Supervisor::start(settings).await.unwrap_err();
    assert!(error.to_string().contains("protocol"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_queue_with_it() {
    let (supervisor, base) = with_base(settings(), WITCH).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let outcomes = submit_all(session, (0..1000).map(|index| level(index % 100 + 1))).await;
    drop(outcomes);
    let empty = async {
        loop {
            let status = supervisor.status().await.unwrap();
            if status.queued == 0 && status.sessions == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("nothing is left of the session");
    let session = supervisor.open(spec(&base)).await.unwrap();
    assert!(collect(submit_all(session, [level(3)]).await).await[0].result.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_can_be_verified_by_the_plain_path() {
    let mut settings = settings();
    settings.verify_ratio = 1.0;
    let (supervisor, base) = with_base(settings, WITCH).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let outcomes = collect(submit_all(session, (1..=20).map(level)).await).await;
    assert!(outcomes.iter().all(|outcome| outcome.path == ComputePath::Plain && outcome.result.is_ok()));
    assert!(outcomes.iter().all(|outcome| outcome.verification == Some(Verification::Same)));
    let counters = supervisor.status().await.unwrap().counters;
    assert_eq!((counters.verified, counters.mismatches, counters.drifts), (20, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fast_path_that_is_wrong_is_told_of_and_the_client_gets_the_truth() {
    let mut settings = settings();
    settings.shards = 1;
    // Every second one: what the first one leaves behind makes the second one wrong.
    settings.verify_ratio = 0.5;
    let (supervisor, base) = with_base(settings, WITCH).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let outcomes = collect(submit_all(session, [fault("leak"), level(10)]).await).await;
    let found: Vec<_> = outcomes.iter().map(|outcome| outcome.verification).collect();
    assert_eq!(found, [None, Some(Verification::Different)]);
    let counters = supervisor.status().await.unwrap().counters;
    assert_eq!((counters.verified, counters.mismatches), (1, 1));
    let session = supervisor.open(spec(&base)).await.unwrap();
    let again = collect(submit_all(session, [level(10)]).await).await;
    assert_eq!(bits(&outcomes[1]), bits(&again[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_grows_beyond_the_hard_mark_is_reset_and_nothing_is_lost() {
    let mut settings = settings();
    // Below what a single variation allocates, so that every assignment ends behind its first one.
    settings.memory.soft_bytes = 0;
    settings.memory.hard_bytes = 1;
    let (supervisor, base) = with_base(settings, WITCH).await;
    let session = supervisor.open(spec(&base)).await.unwrap();
    let outcomes = collect(submit_all(session, (0..100).map(|index| level(index % 50 + 1))).await).await;
    for (first, second) in outcomes.iter().zip(&outcomes[50..]) {
        assert_eq!(bits(first), bits(second));
    }
    let status = supervisor.status().await.unwrap();
    assert!(status.shards.iter().map(|shard| shard.resets).sum::<u64>() >= 90, "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_base_makes_room_for_another_and_a_used_one_does_not() {
    let mut settings = settings();
    settings.bases_max = 1;
    let (supervisor, witch) = with_base(settings, WITCH).await;
    let session = supervisor.open(spec(&witch)).await.unwrap();
    let refused = supervisor.load_base("", RANGER.into()).await.unwrap_err();
    assert!(matches!(refused, BaseError::Refused(Refusal::BasesFull)), "{refused}");
    drop(session);
    let loaded = async {
        while supervisor.load_base("", RANGER.into()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, loaded).await.expect("the witch goes when her session has ended");
    assert!(matches!(supervisor.find_base("", witch.id).await, Err(BaseError::Unknown(_))));
    assert_eq!(supervisor.status().await.unwrap().counters.evictions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_beyond_the_total_mark_is_refused() {
    let mut settings = settings();
    settings.memory.total_bytes = 1;
    let supervisor = Supervisor::start(settings).await.unwrap();
    let refused = supervisor.load_base("", WITCH.into()).await.unwrap_err();
    assert!(matches!(refused, BaseError::Refused(Refusal::MemoryFull)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_does_not_load_is_remembered_for_a_while() {
    let supervisor = Supervisor::start(settings()).await.unwrap();
    let bad = "<PathOfBuilding><Tree><Spec treeVersion=\"9_99\"/></Tree></PathOfBuilding>";
    let first = supervisor.load_base("", bad.into()).await.unwrap_err();
    let second = supervisor.load_base("", bad.into()).await.unwrap_err();
    assert_eq!(first.to_string(), second.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn identical_variations_are_computed_once_and_say_the_same() {
    let mut settings = settings();
    settings.cache_bytes = 1 << 20;
    let (supervisor, base) = with_base(settings, WITCH).await;
    let both = [0, 1].map(|_| supervisor.open(spec(&base)));
    let [first, second] = both;
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let variations = || (0..200).map(|index| level(index % 50 + 1));
    let (first, second) = tokio::join!(submit_all(first, variations()), submit_all(second, variations()));
    let (first, second) = tokio::join!(collect(first), collect(second));
    assert_eq!((first.len(), second.len()), (200, 200));
    let computed = |outcomes: &[pobatch::build::outcome::Evaluated]| {
        outcomes.iter().filter(|outcome| outcome.path != ComputePath::Cached).count()
    };
    assert_eq!(computed(&first) + computed(&second), 50);
    for (index, outcome) in first.iter().chain(&second).enumerate() {
        assert_eq!(bits(outcome), bits(&first[index % 50]), "{index}");
    }
    assert_eq!(supervisor.status().await.unwrap().counters.cached, 350);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_variation_of_a_client_that_leaves_gets_its_outcome() {
    let mut settings = settings();
    settings.cache_bytes = 1 << 20;
    settings.shards = 1;
    let (supervisor, base) = with_base(settings, WITCH).await;
    let leaving = supervisor.open(spec(&base)).await.unwrap();
    let staying = supervisor.open(spec(&base)).await.unwrap();
    // The shard is busy with the first for good, so the others of that client wait in the queue.
    let leaving = submit_all(leaving, [fault("loop"), level(7), level(8)]).await;
    let queued = async {
        while supervisor.status().await.unwrap().queued < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, queued).await.expect("it comes to the runaway");
    let staying = submit_all(staying, [level(7), level(8)]).await;
    drop(leaving);
    let outcomes = collect(staying).await;
    assert_eq!(outcomes.len(), 2);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()), "{outcomes:?}");
}
