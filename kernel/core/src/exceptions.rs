//! Kernels that raise exceptions where PID 1 would start, each by a feature of its own.
//!
//! Three panic, as the kernel does on any fault of its own. `test_all_exceptions` takes every exception that
//! the architecture can raise, compares what arrives with what was raised, and goes on: an in-kernel run.

use core::hint::black_box;

use parity_arch::{Exception, Fault, TrapFrame, exception, power};
use parity_record::{Reason, Record, TestStatus};

use crate::drivers::channel;
use crate::kprintln;
use crate::sync::SpinLock;

/// Between raising and catching: what has arrived.
enum Watch {
    Off,
    Waiting,
    Caught(Fault),
}

static WATCH: SpinLock<Watch> = SpinLock::new(Watch::Off);

/// Raises what this kernel was built to raise; returns if that is nothing.
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

/// An exception did not come. No panic, which is what the host waits for.
fn missed(what: &str, result: u32) -> ! {
    kprintln!("{what} did not come: {result}");
    power::power_off()
}

/// Takes a fault of the kernel that was raised on purpose; whether it was.
pub fn catch(fault: Fault, frame: &mut TrapFrame) -> bool {
    if !cfg!(any(feature = "test_all_exceptions", feature = "boot_tests")) {
        return false;
    }
    let mut watch = WATCH.lock();
    let expected = matches!(*watch, Watch::Waiting);
    if expected {
        *watch = Watch::Caught(fault);
        frame.return_from_leaf();
    }
    expected
}

/// Raises all exceptions, one after the other, as a run of in-kernel tests.
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

/// Raises one exception.
///
/// # Errors
/// What came instead, in words.
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

/// Calls a function whose one fault, in a leaf, is survived; that fault.
pub fn caught(act: impl FnOnce()) -> Option<Fault> {
    *WATCH.lock() = Watch::Waiting;
    act();
    match core::mem::replace(&mut *WATCH.lock(), Watch::Off) {
        Watch::Caught(fault) => Some(fault),
        Watch::Waiting | Watch::Off => None,
    }
}
