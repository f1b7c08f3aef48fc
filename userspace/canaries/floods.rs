//! Prints for ever.
#![no_std]
#![no_main]

use ulib::abi::fs::STDOUT;
use ulib::{Args, io};

ulib::program!(main);

/// Bytes of a line, and of a write.
const LINE: usize = 64;
const WRITE: usize = 64 * LINE;

fn main(_: &Args) -> i32 {
    let mut lines = [b'~'; WRITE];
    for line in lines.chunks_mut(LINE) {
        line[LINE - 1] = b'\n';
    }
    loop {
        // For ever means: whether anybody takes it or not.
        let _ = io::write_all(STDOUT, &lines);
    }
}
