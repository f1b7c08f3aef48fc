//! Text to standard output and standard error.

use core::fmt::{self, Write};

use crate::abi::fs::{STDERR, STDOUT};
use crate::io;

/// Where text goes.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    Standard,
    Error,
}

/// Collects text so that a line reaches the kernel as one write: others write to the same place.
struct Buffer {
    output: Output,
    bytes: [u8; 512],
    len: usize,
}

impl Buffer {
    fn flush(&mut self) {
        let fd = match self.output {
            Output::Standard => STDOUT,
            Output::Error => STDERR,
        };
        // There is nowhere to report it if output fails.
        let _ = io::write_all(fd, &self.bytes[..self.len]);
        self.len = 0;
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.len == self.bytes.len() {
                self.flush();
            }
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

#[doc(hidden)]
pub fn _print(output: Output, text: fmt::Arguments<'_>) {
    let mut buffer = Buffer { output, bytes: [0; 512], len: 0 };
    // Writing into the buffer does not fail.
    let _ = buffer.write_fmt(text);
    buffer.flush();
}

/// Prints to standard output.
#[macro_export]
macro_rules! print {
    ($($text:tt)*) => { $crate::_print($crate::Output::Standard, ::core::format_args!($($text)*)) };
}

/// Prints a line to standard output.
#[macro_export]
macro_rules! println {
    ($format:literal $($text:tt)*) => { $crate::print!("{}\n", ::core::format_args!($format $($text)*)) };
}

/// Prints a line to standard error.
#[macro_export]
macro_rules! eprintln {
    ($format:literal $($text:tt)*) => {
        $crate::_print($crate::Output::Error, ::core::format_args!("{}\n", ::core::format_args!($format $($text)*)))
    };
}
