//! Executes `true` in its own place, which ends with 0: the end of another program is not its own.
#![no_std]
#![no_main]

use ulib::{Args, check, process};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    check::fail("exec", "another program", process::exec(c"/bin/true", &[c"true"]))
}
