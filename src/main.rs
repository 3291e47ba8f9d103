//! The `pobatch` program: the command line, or a runtime if the server starts it as one.

use std::process::ExitCode;

use pobatch::runtime::arena::Arena;

/// Serves as the system's allocator everywhere but in runtimes.
#[global_allocator]
static ARENA: Arena = Arena;

fn main() -> ExitCode {
    // Ahead of everything else: a runtime has no threads and no environment, and its arguments are nobody's business.
    if std::env::args_os().nth(1).is_some_and(|command| command == "runtime") {
        return match pobatch::runtime::main() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("pobatch: {error}");
                ExitCode::FAILURE
            }
        };
    }
    pobatch::cli::main()
}
