//! Prints without end.
#![no_std]
#![no_main]

use ulib::abi::fs::STDOUT;
use ulib::{Args, io};

ulib::program!(main);

/// Length of a line and size of a write, in bytes.
const LINE: usize = 64;
const WRITE: usize = 64 * LINE;

fn main(_: &Args) -> i32 {
    let mut lines = [b'~'; WRITE];
    for line in lines.chunks_mut(LINE) {
        line[LINE - 1] = b'\n';
    }
    loop {
        // Continues even if a write fails.
        let _ = io::write_all(STDOUT, &lines);
    }
}
