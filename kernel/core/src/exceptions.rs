//! Kernels that raise exceptions instead of starting PID 1, each behind its own feature.
//!
//! Three panic, like any kernel fault. `test_all_exceptions` raises every exception of the architecture,
//! compares the received fault with the expected one, and continues: an in-kernel test run.

use core::hint::black_box;

use parity_arch::{Exception, Fault, TrapFrame, exception, power};
use parity_record::{Reason, Record, TestStatus};

use crate::drivers::channel;
use crate::kprintln;
use crate::sync::SpinLock;

/// State of an expected fault.
enum Expected {
    None,
    Waiting,
    Caught(Fault),
}

static EXPECTED: SpinLock<Expected> = SpinLock::new(Expected::None);

/// Raises the exceptions that this kernel was built for; returns if there are none.
pub fn instead_of_init() {
    if cfg!(feature = "test_divide_by_zero") {
        let quotient = black_box(1_u32) / black_box(0);
        missed("the division by zero", quotient);
    }
    if cfg!(feature = "test_invalid_opcode") {
        exception::undefined();
        missed("the undefined instruction", 0);
    }
    if cfg!(feature = "test_page_fault") {
        exception::read_unmapped();
        missed("the page fault", 0);
    }
    if cfg!(feature = "test_all_exceptions") {
        run_all();
    }
}

/// Reports a missing exception. It does not panic, because the host expects a panic as success.
fn missed(what: &str, result: u32) -> ! {
    kprintln!("{what} did not come: {result}");
    power::power_off()
}

/// Records a deliberate fault of the kernel and returns from its function; returns whether the fault was
/// expected.
pub fn catch(fault: Fault, frame: &mut TrapFrame) -> bool {
    if !cfg!(any(feature = "test_all_exceptions", feature = "boot_tests")) {
        return false;
    }
    let mut state = EXPECTED.lock();
    let expected = matches!(*state, Expected::Waiting);
    if expected {
        *state = Expected::Caught(fault);
        frame.return_from_leaf();
    }
    expected
}

/// Raises all exceptions one after another, as a run of in-kernel tests.
fn run_all() -> ! {
    channel::send(Record::TestPlan { count: exception::ALL.len() as u32 });
    for exception in exception::ALL {
        let name = exception.name.as_bytes();
        channel::send(Record::TestStart { name });
        let (status, message) = match raised(exception) {
            Ok(()) => (TestStatus::Ok, ""),
            Err(message) => (TestStatus::Failed, message),
        };
        kprintln!("exception {}: {status:?} {message}", exception.name);
        channel::send(Record::TestEnd { status, name, message: message.as_bytes() });
    }
    channel::send(Record::Shutdown { reason: Reason::TestsDone });
    power::power_off()
}

/// Raises an exception and checks its kind.
///
/// # Errors
/// Description of what happened instead.
pub fn raised(exception: &Exception) -> Result<(), &'static str> {
    match caught(|| (exception.raise)()) {
        Some(fault) if fault.kind == exception.kind => Ok(()),
        Some(fault) => {
            kprintln!("{fault:?}, but expected {:?}", exception.kind);
            Err("another exception came")
        }
        None => Err("no exception came"),
    }
}

/// Calls a function that may fault once, in a leaf function; returns that fault.
pub fn caught(act: impl FnOnce()) -> Option<Fault> {
    *EXPECTED.lock() = Expected::Waiting;
    act();
    match core::mem::replace(&mut *EXPECTED.lock(), Expected::None) {
        Expected::Caught(fault) => Some(fault),
        Expected::Waiting | Expected::None => None,
    }
}
