//! User mode: a program runs there, without kernel privileges.

use alloc::string::String;

use parity_abi::signal::{SIGILL, SIGSEGV};
use parity_abi::wait::WaitStatus;

use super::program;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, ensure, tests};

tests! { "boot_tests", "ring3_smoke": hello, arguments, privileged }

fn hello(_: &mut Fixture) -> Outcome {
    let ended = program::run("/bin/hello_world", &[])?;
    ensure!(ended.output == "Hello, world!\n", "it wrote {:?}", ended.output);
    ensure!(ended.status == WaitStatus::Exited(42), "it ended with {:?}", ended.status);
    Ok(String::new())
}

fn arguments(_: &mut Fixture) -> Outcome {
    let ended = program::run("/bin/echo", &["one", "two words", ""])?;
    ensure!(ended.output == "one two words \n", "it wrote {:?}", ended.output);
    ensure!(ended.status == WaitStatus::Exited(0), "it ended with {:?}", ended.status);
    Ok(String::new())
}

/// A privileged instruction kills a program; the signal differs between architectures.
fn privileged(_: &mut Fixture) -> Outcome {
    program::killed("privileged_instruction", &[SIGILL, SIGSEGV])
}
