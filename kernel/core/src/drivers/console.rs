//! The serial console: lines of the kernel and output of programs. One write is never interleaved with
//! another.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use parity_arch::console::console_write;
use parity_arch::cpu;

use crate::faults::{Fault, planted};
use crate::sync::SpinLock;
use crate::thread::scheduler;

static PORT: SpinLock<Port> = SpinLock::new(Port { copy: None });

struct Port {
    /// Output since [`capture`] began.
    copy: Option<Vec<u8>>,
}

impl Port {
    fn write(&mut self, bytes: &[u8]) {
        let most = if planted(Fault::LogLinesCut) { 1000 } else { bytes.len() };
        let bytes = &bytes[..bytes.len().min(most)];
        console_write(bytes);
        if let Some(copy) = &mut self.copy {
            copy.extend_from_slice(bytes);
        }
    }
}

impl Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// Writes bytes without interleaving.
pub fn write(bytes: &[u8]) {
    PORT.lock().write(bytes);
}

/// Runs `act` and returns all console output meanwhile, from any source: for tests.
pub fn capture(act: impl FnOnce()) -> Vec<u8> {
    PORT.lock().copy = Some(Vec::new());
    act();
    PORT.lock().copy.take().unwrap_or_default()
}

/// Writes a line of the kernel. Use [`kprintln!`](crate::kprintln).
pub fn print_line(line: fmt::Arguments) {
    // The port never fails; a failing `Display` implementation only shortens the line.
    let _ = if planted(Fault::LogLinesTorn) {
        writeln!(TornLine, "{line}")
    } else if planted(Fault::LogLinesRunOn) {
        write!(PORT.lock(), "{line}")
    } else {
        writeln!(PORT.lock(), "{line}")
    };
}

/// For a planted fault: other output may come between the pieces of a line.
struct TornLine;

impl Write for TornLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        if cpu::irq_enabled() {
            scheduler::yield_now();
        }
        Ok(())
    }
}

/// Writes without taking the lock, which the panicking code may hold.
pub fn print_line_in_panic(line: fmt::Arguments) {
    let _ = writeln!(Port { copy: None }, "\n{line}");
}

/// Prints a line of the kernel on the console.
#[macro_export]
macro_rules! kprintln {
    ($($argument:tt)*) => { $crate::drivers::console::print_line(format_args!($($argument)*)) };
}
