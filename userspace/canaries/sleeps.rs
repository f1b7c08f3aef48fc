//! Reads from a pipe whose only write end it holds itself.
#![no_std]
#![no_main]

use ulib::{Args, check, io};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    let pipe = check::ok("pipe", io::pipe());
    let read = io::read(pipe.read, &mut [0]);
    check::fail("read of an empty pipe", "to wait for ever", format_args!("{read:?}"))
}
