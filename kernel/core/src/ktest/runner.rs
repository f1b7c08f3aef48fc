//! Runs tests one after the other in a thread of its own, and tells the host.

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use parity_arch::{FpState, cpu, power};
use parity_record::{Reason, Record, TestStatus};

use super::crowd::Crowd;
use crate::drivers::channel;
use crate::kprintln;
use crate::thread::{Thread, scheduler};

/// A test: what it found out, or what is wrong.
#[derive(Clone, Copy)]
pub struct Test {
    pub name: &'static str,
    pub run: fn(&mut Fixture) -> Result<String, String>,
}

/// What the tests of a run share.
pub struct Fixture {
    /// What every random choice comes from.
    pub seed: u64,
    /// The threads that one test starts, the next one stops, and a third one joins.
    pub crowd: Crowd,
}

struct Run {
    tests: &'static [Test],
    seed: u64,
}

/// Starts the run, and makes this thread the idle one.
///
/// # Panics
/// Without memory for a thread.
pub fn start(tests: &'static [Test], seed: u64) -> ! {
    let run = Box::into_raw(Box::new(Run { tests, seed }));
    // A plain thread: whether it is a kernel thread is asked by a test.
    match Thread::new("ktest".to_string(), None, FpState::new(), enter, run.expose_provenance()) {
        Ok(thread) => scheduler::start(thread),
        Err(errno) => panic!("cannot start the tests: {errno}"),
    }
    scheduler::run_idle()
}

extern "C" fn enter(run: usize) -> ! {
    scheduler::enter_new_thread();
    cpu::irq_enable();
    // SAFETY: `start` made it by `into_raw` and handed it to this thread alone.
    let run = *unsafe { Box::from_raw(core::ptr::with_exposed_provenance_mut::<Run>(run)) };
    run_all(&run);
    cpu::irq_disable();
    channel::send(Record::Shutdown { reason: Reason::TestsDone });
    power::power_off()
}

fn run_all(run: &Run) {
    kprintln!("ktest: {} tests, seed {}", run.tests.len(), run.seed);
    channel::send(Record::TestPlan { count: run.tests.len() as u32 });
    let mut fixture = Fixture { seed: run.seed, crowd: Crowd::default() };
    for test in run.tests {
        let name = test.name.as_bytes();
        channel::send(Record::TestStart { name });
        let (status, message) = match (test.run)(&mut fixture) {
            Ok(message) => (TestStatus::Ok, message),
            Err(message) => (TestStatus::Failed, message),
        };
        kprintln!("ktest {}: {status:?} {message}", test.name);
        channel::send(Record::TestEnd { status, name, message: message.as_bytes() });
    }
}
