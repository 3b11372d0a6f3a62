//! The `crossfade` program.

use std::process::ExitCode;

/// musl's own allocator, of the static program, is slow where threads share it.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    crossfade::cli::main()
}
