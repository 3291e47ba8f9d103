//! The `pobatch` program.
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("runtime") {
        return match pobatch::runtime::main() {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("pobatch: {e}");
                ExitCode::FAILURE
            }
        };
    }
    ExitCode::SUCCESS
}
