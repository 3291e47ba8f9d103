//! The `pobatch` program: the command line, or a runtime if the server starts it as one.

use std::process::ExitCode;

use pobatch::{runtime::arena::Arena, telemetry::Log};

/// Serves as the system's allocator everywhere but in runtimes.
#[global_allocator]
static ARENA: Arena = Arena;

fn main() -> ExitCode {
    // Ahead of everything else: a runtime has no threads and no environment, and its arguments are nobody's business.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|command| command == "runtime") {
        return pobatch::runtime::main(&Log::from_arguments(arguments));
    }
    pobatch::cli::main()
}
