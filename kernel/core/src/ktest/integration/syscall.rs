//! System calls from user mode: results, and errors for what is wrong.

use super::program;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, tests};

tests! { "boot_tests", "syscall": results, bad_descriptors, bad_pointers }

fn results(_: &mut Fixture) -> Outcome {
    program::check("call_results")
}

fn bad_descriptors(_: &mut Fixture) -> Outcome {
    program::check("bad_descriptors")
}

fn bad_pointers(_: &mut Fixture) -> Outcome {
    program::check("bad_pointers")
}
