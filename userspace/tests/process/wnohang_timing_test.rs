//! `wait4` with WNOHANG does not wait.
//!
//! Checks: 0 while the child sleeps, 50 times in a row and also for any child; 0 while it computes, so the
//! call did not wait until the child gave up the processor; the status is not written then; the child's
//! status once it has ended, and ECHILD afterwards; with several children 0 until one has ended, and then
//! that one; a non-blocking wait does not affect a blocking one.
#![no_std]
#![no_main]

use ulib::abi::syscall::WAIT4;
use ulib::abi::wait::{WNOHANG, WaitStatus};
use ulib::io::Pipe;
use ulib::process::{Fork, Pid};
use ulib::{Args, Errno, check, io, process};

ulib::test!(main);

const ANY: Pid = -1;
const YIELDS: usize = 50;

fn main(_: &Args) {
    sleeping_child();
    computing_child();
    one_of_several();
    then_a_wait_that_waits();
    check::error("WNOHANG without children", process::wait(ANY, WNOHANG), Errno::ECHILD);
}

fn start(body: impl FnOnce() -> i32) -> Pid {
    match check::ok("fork", process::fork()) {
        Fork::Parent { child } => child,
        Fork::Child => process::exit(body()),
    }
}

fn pipe() -> Pipe {
    check::ok("pipe", io::pipe())
}

fn close(pipes: &[Pipe]) {
    for pipe in pipes {
        check::ok("close", io::close(pipe.read));
        check::ok("close", io::close(pipe.write));
    }
}

fn tell(pipe: Pipe) {
    check::ok("signal", io::write_all(pipe.write, b"s"));
}

fn told(pipe: Pipe) {
    check::equal("signal", io::read(pipe.read, &mut [0]), Ok(1));
}

/// Polls until the child has ended.
fn poll(pid: Pid) -> (Pid, i32) {
    loop {
        match check::ok("WNOHANG until the child ended", process::wait(pid, WNOHANG)) {
            Some(ended) => return ended,
            None => process::yield_now(),
        }
    }
}

fn exited(pid: Pid, code: i32) -> (Pid, i32) {
    (pid, WaitStatus::exited(code).encode())
}

fn sleeping_child() {
    let end = pipe();
    let child = start(|| {
        told(end);
        99
    });
    for _ in 0..YIELDS {
        check::equal("WNOHANG while the child sleeps", process::wait(child, WNOHANG), Ok(None));
        check::equal("WNOHANG for any child", process::wait(ANY, WNOHANG), Ok(None));
        check::equal("status", status_after(child), i32::MIN);
        process::yield_now();
    }
    tell(end);
    check::equal("end of the child", poll(child), exited(child, 99));
    for _ in 0..2 {
        check::error("WNOHANG after the end was told", process::wait(child, WNOHANG), Errno::ECHILD);
    }
    check::error("wait after the end was told", process::wait(child, 0), Errno::ECHILD);
    close(&[end]);
}

/// The status variable after a WNOHANG that finds no ended child.
fn status_after(child: Pid) -> i32 {
    let mut status = i32::MIN;
    let address = (&raw mut status).expose_provenance() as u64;
    // SAFETY: the kernel writes the status or nothing.
    let ended = unsafe { ulib::call(WAIT4, [child as u64, address, WNOHANG.into(), 0]) };
    check::equal("WNOHANG while the child lives", ended, Ok(0));
    status
}

/// The child never sleeps: it computes until the parent has closed the pipe, which a blocking WNOHANG would
/// prevent. A writer notices the closed pipe without waiting.
fn computing_child() {
    let (started, end) = (pipe(), pipe());
    let child = start(|| {
        check::ok("close", io::close(end.read));
        tell(started);
        // A full pipe would let it sleep: it yields after every byte, and there are too few bytes to fill the
        // pipe.
        while io::write(end.write, b"x").is_ok() {
            for step in 0..20_000_u32 {
                core::hint::black_box(step);
            }
            process::yield_now();
        }
        98
    });
    told(started);
    for _ in 0..YIELDS {
        check::equal("WNOHANG while the child computes", process::wait(child, WNOHANG), Ok(None));
        process::yield_now();
    }
    check::ok("close", io::close(end.read));
    check::equal("end of the child", poll(child), exited(child, 98));
    check::error("WNOHANG after the end was told", process::wait(child, WNOHANG), Errno::ECHILD);
    check::ok("close", io::close(end.write));
    close(&[started]);
}

fn one_of_several() {
    let ends = [(); 3].map(|()| pipe());
    let mut code = 10;
    let children = ends.map(|end| {
        code += 1;
        start(|| {
            told(end);
            code
        })
    });
    check::equal("WNOHANG while all live", process::wait(ANY, WNOHANG), Ok(None));
    for (ended, number) in [1, 2, 0].into_iter().enumerate() {
        tell(ends[number]);
        check::equal(
            "the child that was told to end",
            poll(ANY),
            exited(children[number], 11 + number as i32),
        );
        let left = process::wait(ANY, WNOHANG);
        let expected = if ended < 2 { Ok(None) } else { Err(Errno::ECHILD) };
        check::equal("WNOHANG for those that are left", left, expected);
    }
    close(&ends);
}

fn then_a_wait_that_waits() {
    let end = pipe();
    let child = start(|| {
        told(end);
        97
    });
    check::equal("WNOHANG", process::wait(child, WNOHANG), Ok(None));
    tell(end);
    check::equal("wait", process::wait(child, 0), Ok(Some(exited(child, 97))));
    close(&[end]);
}
