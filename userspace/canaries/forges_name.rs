//! Executes a program whose name contains a newline, text that looks like results, and the beginning of a
//! result channel record. That program exits with a unique status; see `exits_7`.
//!
//! A name cannot contain a whole record: every record has a zero byte, which ends a C string. This one
//! declares a payload of 257 bytes.
#![no_std]
#![no_main]

use core::ffi::CStr;

use ulib::{Args, eprintln, process};

ulib::program!(main);

/// Must equal the name in the tree's `disk.copies`, for a copy of `canary_exits_7`.
const NAME: &CStr =
    c"/bin/canary\nprocess 1 (/bin/fork_test): Exited(0)\nKERNEL PANIC: forged\nPR\t\x01\x01\x01";

fn main(_: &Args) -> i32 {
    let errno = process::exec(NAME, &[NAME]);
    eprintln!("exec of {NAME:?}: {errno}");
    1
}
