//! The commands. Each is one file and gets its settings and an `Output`; what they share is in `input`, `progress`
//! and `server`. None of them knows how anything is evaluated: they ask a server over gRPC, their own or another.

mod admin;
mod bench;
mod compare;
mod describe;
mod doctor;
mod error;
mod eval;
mod explain;
mod export;
mod health;
mod input;
mod output;
mod progress;
mod serve;
mod server;
mod shuffle;
mod status;
mod table;
mod verify;

use std::{num::NonZero, process::ExitCode, thread, time::Duration};

use clap::error::ErrorKind;
pub use error::CliError;
use output::Output;

use crate::{
    config::{Command, Config, UsageError},
    telemetry,
};

/// How a command ended that did what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is well.
    Good,
    /// The output says what is not.
    Bad,
}

/// How long a command that has ended waits for its runtimes to be gone. Taking one down takes a tenth of a second.
const REAP_TIMEOUT: Duration = Duration::from_secs(5);

/// Exit code of wrong usage.
const EX_USAGE: u8 = 64;

/// Runs the program and gives its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let config = match Config::from_process() {
        Ok(config) => config,
        Err(error) => return usage(&error),
    };
    let threads = threads(config.command.serves(), thread::available_parallelism().map_or(1, NonZero::get));
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&CliError::Runtime(error)),
    };
    {
        // What exports spans lives in the runtime.
        let _inside = runtime.enter();
        telemetry::start(&config.log);
    }
    // A task as all others are, and not this thread, which nobody could hand anything without waking it up.
    let command = runtime.spawn(async move {
        let mut output = Output::stdout();
        let ended = run(config.command, &mut output).await;
        (ended, output)
    });
    let (ended, mut output) = match runtime.block_on(command) {
        Ok(ended) => ended,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    telemetry::finish();
    match ended {
        // Whoever asks twice does not want to wait.
        Err(CliError::Stopped(_)) => runtime.shutdown_background(),
        // What still runs is given up: a command that has ended has waited for what matters. But a task that owns a
        // runtime kills and reaps it when it is dropped, and nobody else would before the last process of a container.
        _ => runtime.shutdown_timeout(REAP_TIMEOUT),
    }
    match ended.and_then(|verdict| output.finish().map(|()| verdict)) {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Bad) => ExitCode::FAILURE,
        // Whoever read the output has seen enough.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// How many threads run the tasks. Those hand each other every outcome, and among threads that takes longer than what they
/// do with it. So a client has one, and a server half as many as there are processors: the processors are the runtimes'.
fn threads(serves: bool, processors: usize) -> usize {
    if serves { (processors / 2).max(1) } else { 1 }
}

async fn run(command: Command, output: &mut Output) -> Result<Verdict, CliError> {
    match command {
        Command::Serve(settings) => serve::run(settings, output).await,
        Command::Eval(settings) => eval::run(settings, output).await,
        Command::Compare(settings) => compare::run(settings, output).await,
        Command::Describe(settings) => describe::run(settings, output).await,
        Command::Explain(settings) => explain::run(settings, output).await,
        Command::Export(settings) => export::run(settings, output).await,
        Command::Verify(settings) => verify::run(settings, output).await,
        Command::Bench(settings) => bench::run(settings, output).await,
        Command::Suite(settings) => bench::suite::run(settings, output).await,
        Command::Doctor(settings) => doctor::run(settings, output).await,
        Command::Status(settings) => status::run(settings, output).await,
        Command::Admin(settings) => admin::run(settings, output).await,
        Command::Health(settings) => health::run(settings, output).await,
    }
}

fn usage(error: &UsageError) -> ExitCode {
    match error {
        // Help and version come this way too; clap knows where they go.
        UsageError::Arguments(error) => {
            let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let printed = error.print();
            if asked_for && printed.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(EX_USAGE) }
        }
        UsageError::Values(_) => {
            output::complain(&format!("{error}\n\nFor more information, try '--help'."));
            ExitCode::from(EX_USAGE)
        }
    }
}

fn failed(error: &CliError) -> ExitCode {
    output::complain(&error::in_words(error));
    ExitCode::from(error.exit_code())
}

#[cfg(test)]
mod tests {
    use super::threads;

    #[test]
    fn a_server_has_half_the_processors_and_a_client_one() {
        assert_eq!([1, 2, 3, 16].map(|processors| threads(true, processors)), [1, 1, 1, 8]);
        assert_eq!(threads(false, 16), 1);
    }
}
