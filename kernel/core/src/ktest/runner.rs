//! Runs tests one after another in their own thread, and reports results to the host.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use parity_arch::{BootInfo, FpState, cpu, power};
use parity_record::{Reason, Record, TestStatus};

use super::Outcome;
use super::crowd::Crowd;
use crate::command_line::CommandLine;
use crate::drivers::channel;
use crate::kprintln;
use crate::thread::{Thread, scheduler};

/// A test.
#[derive(Clone, Copy)]
pub struct Test {
    pub name: &'static str,
    /// Its subject.
    pub area: &'static str,
    /// Whether the test must end the kernel, so that no test can follow.
    pub alone: bool,
    pub run: fn(&mut Fixture) -> Outcome,
}

/// State that the tests of a run share.
pub struct Fixture {
    pub boot: &'static BootInfo,
    pub tick_hz: u32,
    /// Seed of all random choices.
    pub seed: u64,
    /// Threads that one test starts, the next one stops, and a third one joins.
    pub crowd: Crowd,
}

impl Fixture {
    pub fn new(boot: &'static BootInfo, line: &CommandLine) -> Self {
        Self { boot, tick_hz: line.tick_hz, seed: line.seed, crowd: Crowd::default() }
    }
}

struct Run {
    tests: Vec<Test>,
    fixture: Fixture,
}

/// Starts the run, and makes this thread the idle thread.
///
/// # Panics
/// If there is no memory for a thread.
pub fn start(tests: Vec<Test>, fixture: Fixture) -> ! {
    let run = Box::into_raw(Box::new(Run { tests, fixture }));
    // A plain thread, not a kernel thread: a test checks that it is none.
    match Thread::new(Arc::new("ktest".to_string()), None, FpState::new(), enter, run.expose_provenance()) {
        Ok(thread) => scheduler::start(thread),
        Err(errno) => panic!("cannot start the tests: {errno}"),
    }
    scheduler::run_idle()
}

extern "C" fn enter(run: usize) -> ! {
    scheduler::enter_new_thread();
    cpu::irq_enable();
    // SAFETY: `start` made it by `into_raw` and passed it only to this thread.
    let run = *unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<Run>(run)) };
    run_all(run);
    cpu::irq_disable();
    channel::send(Record::Shutdown { reason: Reason::TestsDone });
    power::power_off()
}

fn run_all(run: Run) {
    let Run { tests, mut fixture } = run;
    kprintln!("ktest: {} tests, seed {}", tests.len(), fixture.seed);
    channel::send(Record::TestPlan { count: tests.len() as u32 });
    for test in tests {
        let name = test.name.as_bytes();
        channel::send(Record::TestStart { name });
        let (status, message) = match (test.run)(&mut fixture) {
            Ok(message) => (TestStatus::Ok, message),
            Err(message) => (TestStatus::Failed, message),
        };
        kprintln!("ktest {} ({}): {status:?} {message}", test.name, test.area);
        channel::send(Record::TestEnd { status, name, message: message.as_bytes() });
    }
}
