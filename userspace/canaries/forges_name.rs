//! Goes on as a program whose name holds a newline, text that looks like results, and the beginning of a
//! record of the result channel. That program ends with a status of its own; see `exits_7`.
//!
//! A whole record cannot stand in a name: every one holds a zero byte, and a C string ends there. This one
//! says that 257 bytes belong to it.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::{Args, eprintln, process};

ulib::program!(main);

/// As `disk.copies` of the tree has it, for a copy of `canary_exits_7`.
const NAME: &CStr =
    c"/bin/canary\nprocess 1 (/bin/fork_test): Exited(0)\nKERNEL PANIC: forged\nPR\t\x01\x01\x01";

fn main(_: &Args) -> i32 {
    let errno = process::exec(NAME, &[NAME]);
    eprintln!("exec of {NAME:?}: {errno}");
    1
}
