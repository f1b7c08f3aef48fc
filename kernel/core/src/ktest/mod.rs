//! In-kernel test runs, which take the place of PID 1 in kernels built for them.

mod cases;
mod crowd;
mod random;
mod runner;
mod storm;

use runner::Test;

/// Ticks that a thread is given to start, to wake up, or to end.
const PATIENCE: u64 = 1000;

/// Fails the test with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err(alloc::format!($($message)*));
        }
    };
}
use ensure;

/// Runs the tests that this kernel was built for; returns if that is none.
pub fn instead_of_init(seed: u64) {
    if cfg!(feature = "kthread_test_only") {
        runner::start(cases::TESTS, seed);
    }
    if cfg!(feature = "kthread_stress_test") {
        runner::start(crowd::TESTS, seed);
    }
}
