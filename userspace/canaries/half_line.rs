//! Prints half of a line that looks like the end of a run, and waits for ever.
#![no_std]
#![no_main]

use ulib::{Args, check, io, print};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    print!("shutdown: PID 1 ended at 1 ms; frames: 1 of");
    let pipe = check::ok("pipe", io::pipe());
    let read = io::read(pipe.read, &mut [0]);
    check::fail("read of an empty pipe", "to wait for ever", format_args!("{read:?}"))
}
