//! A kernel without Landlock, played by a filter that this whole process, and so every runtime, lives under. In a file
//! of its own because nothing takes such a filter off again.
#![allow(clippy::unwrap_used, reason = "whatever fails here fails the test")]

mod common;

use common::{WITCH, collect, level, settings, spec, submit_all, with_base};
use pobatch::supervisor::{SandboxMode, Settings, StartError, Supervisor};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

fn lose_landlock() {
    // What a kernel says that was built without it.
    let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let rules = [(libc::SYS_landlock_create_ruleset, Vec::new())].into();
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter_all_threads(&program).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_without_landlock_is_refused_by_name_if_it_is_required_and_used_all_the_same_if_not() {
    lose_landlock();
    let required = Supervisor::start(Settings { sandbox: SandboxMode::Require, ..settings() }).await;
    match required.unwrap_err() {
        StartError::Sandbox(missing) => {
            assert_eq!(missing.len(), 1, "{missing:?}");
            assert!(missing[0].starts_with("Landlock ("), "{missing:?}");
        }
        other => panic!("{other}"),
    }
    for sandbox in [SandboxMode::Prefer, SandboxMode::Off] {
        let (supervisor, base) = with_base(Settings { sandbox, ..settings() }, WITCH).await;
        let outcomes = collect(submit_all(supervisor.open(spec(&base)).await.unwrap(), [level(7)]).await).await;
        assert!(outcomes[0].result.is_ok(), "{sandbox:?}");
    }
}
