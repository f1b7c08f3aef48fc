//! The integration tests (suites/integration.yaml lists the same ones).

mod arm64_boot_post;
mod async_executor;
mod boot_post;
mod exception;
mod guard_page;
mod interrupt;
mod kernel_build;
mod keyboard;
mod logging;
mod memory;
mod pressure;
mod program;
mod ring3_enosys;
mod ring3_smoke;
mod simple_kernel;
mod stack_bounds;
mod syscall;
mod system;
mod timer;

use alloc::vec::Vec;

use super::Test;
use crate::kprintln;

/// All tests, in the order in which they run.
const AREAS: &[&[Test]] = &[
    boot_post::TESTS,
    simple_kernel::TESTS,
    kernel_build::TESTS,
    arm64_boot_post::TESTS,
    memory::TESTS,
    pressure::TESTS,
    exception::TESTS,
    interrupt::TESTS,
    timer::TESTS,
    guard_page::TESTS,
    stack_bounds::TESTS,
    async_executor::TESTS,
    keyboard::TESTS,
    logging::TESTS,
    ring3_smoke::TESTS,
    ring3_enosys::TESTS,
    syscall::TESTS,
    system::TESTS,
];

/// The tests with these names, or all that can run together. An unknown name is reported and skipped; the
/// host then misses its result.
pub fn chosen(names: Option<&str>) -> Vec<Test> {
    // Tests start programs and wait for them, as PID 1 would.
    program::stand_in_for_init();
    let all = || AREAS.iter().flat_map(|area| area.iter().copied());
    let Some(names) = names else { return all().filter(|test| !test.alone).collect() };
    for name in names.split(',').filter(|name| all().all(|test| test.name != *name)) {
        kprintln!("command line: boot_tests={name}: there is no such test");
    }
    all().filter(|test| names.split(',').any(|name| name == test.name)).collect()
}
