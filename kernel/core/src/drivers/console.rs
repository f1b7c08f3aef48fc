//! The serial console: lines of the kernel and the output of programs, never mixed within one write.

use core::fmt::{self, Write};

use parity_arch::console::console_write;

use crate::sync::SpinLock;

static PORT: SpinLock<Port> = SpinLock::new(Port);

struct Port;

impl Write for Port {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console_write(text.as_bytes());
        Ok(())
    }
}

/// Writes bytes as one piece.
pub fn write(bytes: &[u8]) {
    let _port = PORT.lock();
    console_write(bytes);
}

/// Writes a line of the kernel. Use [`kprintln!`](crate::kprintln).
pub fn print_line(line: fmt::Arguments) {
    // The port itself never fails, and a value whose formatting fails is not worth a panic.
    let _ = writeln!(PORT.lock(), "{line}");
}

/// Writes although somebody may hold the lock, as that somebody may be who panics.
pub fn print_line_in_panic(line: fmt::Arguments) {
    let _ = writeln!(Port, "\n{line}");
}

/// A line of the kernel on the console.
#[macro_export]
macro_rules! kprintln {
    ($($argument:tt)*) => { $crate::drivers::console::print_line(format_args!($($argument)*)) };
}
