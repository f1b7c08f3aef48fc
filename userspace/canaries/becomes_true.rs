//! Executes `true`, which exits with 0: the exit of another program must not count as this one's.
#![no_std]
#![no_main]

use ulib::{Args, check, process};

ulib::program!(main);

fn main(_: &Args) -> i32 {
    check::fail("exec", "another program", process::exec(c"/bin/true", &[c"true"]))
}
