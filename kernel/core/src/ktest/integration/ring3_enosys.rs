//! Unknown system calls return ENOSYS, and the program continues.

use super::program;
use crate::ktest::runner::Fixture;
use crate::ktest::{Outcome, tests};

tests! { "boot_tests", "ring3_enosys": unknown_calls }

fn unknown_calls(_: &mut Fixture) -> Outcome {
    program::check("unknown_calls")
}
