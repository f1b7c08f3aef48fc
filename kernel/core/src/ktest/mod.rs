//! In-kernel test runs, instead of PID 1, in kernels built for them.

mod cases;
mod crowd;
mod integration;
mod random;
mod runner;
mod storm;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use parity_arch::BootInfo;

use crate::command_line::CommandLine;
use crate::thread::kthread::{self, Kthread};
use crate::time::tick;
use runner::{Fixture, Test};

/// Timeout in ticks for a thread to start, wake up or end.
const PATIENCE: u64 = 1000;

/// A test's result text, or its failure message.
type Outcome = Result<String, String>;

/// Fails the test with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)*) => {
        if !$condition {
            return Err(alloc::format!($($message)*));
        }
    };
}
use ensure;

/// Lists the tests of an area, as `TESTS` and, in a kernel with this feature, in the inventory. A test is
/// named after its area and its function (`name => function` if several tests share one). Tests after
/// `alone:` end the kernel and only run by name.
macro_rules! tests {
    (
        $feature:literal, $area:literal: $($name:ident $(=> $run:expr)?),* $(,)?
        $(; alone: $($last:ident),+ $(,)?)?
    ) => {
        pub const TESTS: &[$crate::ktest::Test] = &[
            $($crate::ktest::Test {
                name: concat!($area, "_", stringify!($name)),
                area: $area,
                alone: false,
                run: $crate::ktest::tests!(@run $name $(=> $run)?),
            },)*
            $($($crate::ktest::Test {
                name: concat!($area, "_", stringify!($last)),
                area: $area,
                alone: true,
                run: $last,
            },)+)?
        ];

        #[cfg(feature = $feature)]
        const _: () = {
            $(parity_inventory::inventory!("test", concat!($area, "_", stringify!($name), ": ", $area));)*
            $($(parity_inventory::inventory!("test", concat!($area, "_", stringify!($last), ": ", $area, ", alone"));)+)?
        };
    };
    (@run $name:ident) => { $name };
    (@run $name:ident => $run:expr) => { $run };
}
use tests;

/// Runs the tests that this kernel was built for; returns if there are none.
pub fn instead_of_init(boot: &'static BootInfo, line: &CommandLine) {
    let fixture = || Fixture::new(boot, line);
    if cfg!(feature = "kthread_test_only") {
        runner::start(cases::TESTS.to_vec(), fixture());
    }
    if cfg!(feature = "kthread_stress_test") {
        runner::start(crowd::TESTS.to_vec(), fixture());
    }
    if cfg!(feature = "boot_tests") {
        runner::start(integration::chosen(line.boot_tests.as_deref()), fixture());
    }
}

/// Starts a kernel thread.
fn spawn(name: &str, work: impl FnOnce() -> i32 + Send + 'static) -> Result<Arc<Kthread>, String> {
    kthread::run(name, work).map_err(|errno| format!("cannot start {name}: {errno}"))
}

/// Waits for a thread that should end soon; returns whether it ended.
fn ended(thread: &Kthread) -> bool {
    tick::wait_until(PATIENCE, || thread.has_ended())
}
