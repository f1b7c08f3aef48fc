//! Text to standard output and standard error.

use core::fmt::{self, Write};

use crate::abi::fs::{STDERR, STDOUT};
use crate::io;

/// Destination of text.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    Standard,
    Error,
}

/// Buffers text so that a line reaches the kernel as one write: other processes write to the same file.
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
        // A failed output cannot be reported.
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
    // A write to the buffer never fails.
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
