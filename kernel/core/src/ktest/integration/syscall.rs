//! System calls from user mode: results, and errors for bad arguments.

use super::program;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, tests};

tests! { "boot_tests", "syscall": results, bad_descriptors, bad_pointers, partial_buffers, refused_mappings }

fn results(_: &mut Fixture) -> Outcome {
    program::check("call_results")
}

fn bad_descriptors(_: &mut Fixture) -> Outcome {
    program::check("bad_descriptors")
}

fn bad_pointers(_: &mut Fixture) -> Outcome {
    program::check("bad_pointers")
}

fn partial_buffers(_: &mut Fixture) -> Outcome {
    program::check("partial_buffers")
}

fn refused_mappings(_: &mut Fixture) -> Outcome {
    program::check("refused_mappings")
}
