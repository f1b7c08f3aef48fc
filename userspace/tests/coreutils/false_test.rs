//! `false` does nothing, with exit code 1.
//!
//! Checks: the exit code, and that nothing is printed: alone, with any arguments, with input that it does not
//! read, many times in a row; by a path and by its name alone.
#![no_std]
#![no_main]

use ulib::Args;
use ulib::capture::Run;

ulib::test!(main);

fn main(_: &Args) {
    const ALONE: Run<'_> = Run { code: 1, ..Run::new("false", &[c"false"], b"") };
    ALONE.check();
    Run { name: "false by its path", program: c"/bin/false", ..ALONE }.check();
    Run {
        name: "false with arguments",
        arguments: &[c"false", c"--help", c"", c"-x", c"/no_such_file"],
        ..ALONE
    }
    .check();
    Run { name: "false under another name", arguments: &[c"something else"], ..ALONE }.check();
    Run { name: "false with input", ..ALONE.reads(b"input\n") }.check();
    for _ in 0..20 {
        ALONE.check();
    }
}
