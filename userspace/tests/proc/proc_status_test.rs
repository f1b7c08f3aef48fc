//! `/proc/<pid>/status` reports the state of a process.
//!
//! Checks: this process's name, number and parent, and that it runs; a waiting child sleeps; an ended child
//! is a zombie until it is reaped, and then its file is gone; a file opened earlier keeps its content.
#![no_std]
#![no_main]

mod text;

use core::ffi::CStr;

use ulib::abi::fs::O_RDONLY;
use ulib::child::Child;
use ulib::{Args, Errno, check, fs, io, memory, process};

ulib::test!(main);

/// Maximum number of yields until a child must have reached its wait.
const PATIENCE: usize = 10_000;
const CHILD: &CStr = c"/proc/2/status";

fn main(_: &Args) {
    let own = text::read(c"/proc/1/status");
    for (key, value) in [
        ("Name:\t", "proc_status_test"),
        ("State:\t", "R (running)"),
        ("Pid:\t", "1"),
        ("PPid:\t", "0"),
        ("Threads:\t", "1"),
    ] {
        check::equal(key, text::value(own, key), value);
    }
    let pipe = check::ok("pipe", io::pipe());
    let child = Child::start(|| i32::from(io::read(pipe.read, &mut [0]) != Ok(1)));
    check::equal("number of the first child", child.pid(), 2);
    comes_to("S (sleeping)");
    let asleep = text::read(CHILD);
    check::equal("parent", text::value(asleep, "PPid:\t"), "1");
    let before = check::ok("open", fs::open(CHILD, O_RDONLY, 0));
    check::ok("what the child waits for", io::write_all(pipe.write, b"x"));
    comes_to("Z (zombie)");
    check::bytes("file from before", check::ok("read", memory::read_to_end(before)), asleep.as_bytes());
    child.exits("child", 0);
    check::error("status of a child that is gone", fs::open(CHILD, O_RDONLY, 0), Errno::ENOENT);
}

#[track_caller]
fn comes_to(state: &str) {
    for _ in 0..PATIENCE {
        if text::value(text::read(CHILD), "State:\t") == state {
            return check::equal("state", state, state);
        }
        process::yield_now();
    }
    check::fail("state of the child", state, text::read(CHILD));
}
