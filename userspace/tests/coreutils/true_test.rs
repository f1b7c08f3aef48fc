//! `true` does nothing, with exit code 0.
//!
//! Checks: the exit code, and that nothing is printed: alone, with any arguments, with input that it does not
//! read, many times in a row; by a path and by its name alone; the copy in `/sbin`.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::capture::Run;

ulib::test!(main);

fn main(_: &Args) {
    const ALONE: Run<'_> = Run { code: 0, ..Run::new("true", &[c"true"], b"") };
    ALONE.check();
    Run { name: "true by its path", program: c"/bin/true", ..ALONE }.check();
    Run {
        name: "true with arguments",
        arguments: &[c"true", c"--help", c"", c"-x", c"/no_such_file"],
        ..ALONE
    }
    .check();
    Run { name: "true under another name", arguments: &[c"something else"], ..ALONE }.check();
    Run { name: "true with input", ..ALONE.reads(b"input\n") }.check();
    for _ in 0..20 {
        ALONE.check();
    }
    Run { name: "the copy in /sbin", program: c"/sbin/true", ..ALONE }.check();
}
