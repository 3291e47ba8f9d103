//! Which system calls a runtime may make (seccomp).
//!
//! Three answers. *Allowed* is what evaluating needs, named one by one: a list of what is forbidden would be out of
//! date with each kernel. *EPERM* is everything else: a library that tries something harmless goes on without it.
//! *Death* is for what nothing in a runtime tries, however confused: whoever asks to execute a program or to look into
//! another process is no library. The kernel takes the strictest answer of all filters, so the third is a filter of
//! its own. A filter costs nothing between system calls, and evaluating makes few.

use std::{collections::BTreeMap, env, io};

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Allowed with any argument.
const ALLOWED: &[c_long] = &[
    // Talking to the server over the one socket there is, and reading the engine's files. None of these makes a
    // descriptor but `recvmsg`, by which the server passes the socket of a fork.
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_recvmsg,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_close,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    // Memory: the allocator's, and LuaJIT's, which makes its compiled code executable.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Time and chance.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // Itself. Signals can be handled, none can be sent: abort() ends in an illegal instruction instead of SIGABRT.
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The same under the names that only older architectures have.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[c_long] = &[libc::SYS_access, libc::SYS_stat, libc::SYS_lstat, libc::SYS_readlink, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[c_long] = &[];

/// Deadly: no part of a runtime ever has a reason to try.
const DEADLY: &[c_long] = &[
    // Other programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Other views of the system.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_open_by_handle_at,
    // The kernel's favourite ways to be broken into.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // The kernel itself.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
];

/// The flags of the one clone that a runtime makes (see `fork.rs`): a process of its own, and a child of the server.
const FORK_FLAGS: i32 = libc::CLONE_PARENT | libc::SIGCHLD;

/// Flags of an open that writes, creates or cuts off.
const WRITING: i32 = libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC | libc::O_APPEND;

/// Installs both filters.
///
/// # Errors
/// If this kernel or this architecture has no seccomp.
pub fn restrict() -> io::Result<()> {
    let deadly = DEADLY.iter().map(|call| (*call, Vec::new())).collect();
    install(deadly, SeccompAction::Allow, SeccompAction::KillProcess)?;
    install(allowed()?, SeccompAction::Errno(libc::EPERM.unsigned_abs()), SeccompAction::Allow)
}

/// Makes forking deadly, too.
///
/// # Errors
/// If there is no seccomp.
pub fn forbid_forks() -> io::Result<()> {
    install([(libc::SYS_clone, Vec::new())].into(), SeccompAction::Allow, SeccompAction::KillProcess)
}

fn allowed() -> io::Result<Rules> {
    let mut rules: Rules = ALLOWED.iter().chain(ALLOWED_OLD).map(|call| (*call, Vec::new())).collect();
    let equal = SeccompCmpOp::Eq;
    let restricted = [
        // Landlock decides which file; that nothing is opened for writing is decided here already.
        (libc::SYS_openat, vec![vec![(2, SeccompCmpOp::MaskedEq(bits(WRITING)), 0)]]),
        (libc::SYS_clone, vec![vec![(0, equal.clone(), bits(FORK_FLAGS))]]),
        // A fork ties itself to the server; more filters are welcome.
        (
            libc::SYS_prctl,
            vec![
                vec![(0, equal.clone(), bits(libc::PR_SET_PDEATHSIG))],
                vec![(0, equal.clone(), bits(libc::PR_SET_NO_NEW_PRIVS))],
            ],
        ),
        (libc::SYS_seccomp, vec![vec![(0, equal.clone(), u64::from(libc::SECCOMP_SET_MODE_FILTER))]]),
        // One's own limits may be read, and that of processor time set (see `backstop.rs`): whoever moves it has gained
        // nothing, since the server kills by its own clock.
        (
            libc::SYS_prlimit64,
            vec![
                vec![(0, equal.clone(), 0), (2, equal.clone(), 0)],
                vec![(0, equal.clone(), 0), (1, equal.clone(), u64::from(libc::RLIMIT_CPU))],
            ],
        ),
        (libc::SYS_fcntl, vec![vec![(1, equal.clone(), bits(libc::F_GETFD))], vec![(1, equal, bits(libc::F_GETFL))]]),
    ];
    for (call, alternatives) in restricted {
        let alternatives = alternatives.into_iter().map(rule).collect::<io::Result<_>>()?;
        rules.insert(call, alternatives);
    }
    Ok(rules)
}

/// A rule that matches if each argument, named by its index, compares so.
fn rule(arguments: Vec<(u8, SeccompCmpOp, u64)>) -> io::Result<SeccompRule> {
    let conditions = arguments
        .into_iter()
        .map(|(index, operator, value)| {
            // All 64 bits: what a 32-bit comparison would not see, the kernel might.
            SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value).map_err(io::Error::other)
        })
        .collect::<io::Result<_>>()?;
    SeccompRule::new(conditions).map_err(io::Error::other)
}

fn install(rules: Rules, otherwise: SeccompAction, matched: SeccompAction) -> io::Result<()> {
    let architecture = env::consts::ARCH.try_into().map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture).map_err(io::Error::other)?;
    let program: BpfProgram = filter.try_into().map_err(|error: seccompiler::BackendError| io::Error::other(error))?;
    seccompiler::apply_filter(&program).map_err(io::Error::other)
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_both_allowed_and_deadly() {
        let allowed = allowed().unwrap();
        for call in DEADLY {
            assert!(!allowed.contains_key(call), "{call}");
        }
    }

    #[test]
    fn no_allowed_call_makes_a_socket_starts_a_program_sends_a_signal_or_changes_a_file() {
        let allowed = allowed().unwrap();
        let forbidden = [
            libc::SYS_socket,
            libc::SYS_socketpair,
            libc::SYS_connect,
            libc::SYS_bind,
            libc::SYS_listen,
            libc::SYS_accept4,
            libc::SYS_execve,
            libc::SYS_kill,
            libc::SYS_tkill,
            libc::SYS_tgkill,
            libc::SYS_pidfd_send_signal,
            libc::SYS_unlinkat,
            libc::SYS_renameat,
            libc::SYS_mkdirat,
            libc::SYS_linkat,
            libc::SYS_symlinkat,
            libc::SYS_fchmodat,
            libc::SYS_fchownat,
            libc::SYS_truncate,
            libc::SYS_openat2,
            libc::SYS_clone3,
            libc::SYS_memfd_create,
            libc::SYS_setrlimit,
            libc::SYS_setuid,
            libc::SYS_capset,
            libc::SYS_ioctl,
        ];
        for call in forbidden {
            assert!(!allowed.contains_key(&call), "{call}");
        }
    }
}
