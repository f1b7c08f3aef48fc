//! `wait4` returns each ended child and its status once.
//!
//! Checks: ECHILD without children, for unrelated processes, for grandchildren and after a child was reaped;
//! pid and status of an exit; one selected child among several, and any of them; a null status pointer, and
//! bad ones, which give EFAULT and do not reap the child; a blocked parent is woken by the exit, also a chain
//! of them one after another; WNOHANG gives 0 while the child lives; unknown options give EINVAL; faults kill
//! a child with their signal; the first process adopts orphans, and is woken for those that had already
//! ended.
#![no_std]
#![no_main]

use ulib::abi::signal::{SIGILL, SIGSEGV};
use ulib::abi::syscall::WAIT4;
use ulib::abi::wait::{WNOHANG, WaitStatus};
use ulib::arch::{KERNEL_ADDRESS, illegal_instruction, store_byte};
use ulib::child::Child;
use ulib::process::{Fork, Pid};
use ulib::{Args, Errno, check, io, process, time};

ulib::test!(main);

const ANY: Pid = -1;

fn main(_: &Args) {
    no_children();
    exit_codes();
    one_of_several();
    without_status();
    bad_status_address();
    blocked_waiter();
    chain_of_waiters(5);
    not_yet_ended();
    strangers();
    killed_by_faults();
    orphan();
    ended_orphan();
    no_children();
}

fn no_children() {
    for (pid, options) in [(ANY, 0), (ANY, WNOHANG), (12345, 0), (process::pid(), 0)] {
        let name = format_args!("wait for {pid} without children, options {options}");
        check::error(name, process::wait(pid, options), Errno::ECHILD);
    }
    check::error("unknown options", process::wait(ANY, 0x40), Errno::EINVAL);
    for group in [0, -2, Pid::MIN] {
        check::error(format_args!("wait for group {group}"), process::wait(group, 0), Errno::ECHILD);
    }
}

fn exit_codes() {
    for (code, status) in [(42, 42), (0, 0), (255, 255), (256, 0), (-1, 255)] {
        Child::start(|| code).exits(format_args!("child that exits with {code}"), status);
    }
}

/// A child without the helper, for waits that the helper does not offer.
fn start(body: impl FnOnce() -> i32) -> Pid {
    match check::ok("fork", process::fork()) {
        Fork::Parent { child } => child,
        Fork::Child => process::exit(body()),
    }
}

fn exited(pid: Pid, code: u8) -> Option<(Pid, i32)> {
    Some((pid, WaitStatus::Exited(code).encode()))
}

fn one_of_several() {
    let children = [1, 2, 3, 4].map(|code| start(|| code));
    let third = process::wait(children[2], 0);
    check::equal("the third child, asked for first", third, Ok(exited(children[2], 3)));
    let mut left = [(children[0], 1), (children[1], 2), (children[3], 4)].map(Some);
    for _ in 0..left.len() {
        let ended = check::ok("wait for any child", process::wait(ANY, 0));
        let found = left.iter_mut().find(|child| child.is_some_and(|(pid, code)| ended == exited(pid, code)));
        match found {
            Some(child) => *child = None,
            None => check::fail("any child", format_args!("{left:?}"), format_args!("{ended:?}")),
        }
    }
    check::error("fifth wait for four children", process::wait(ANY, 0), Errno::ECHILD);
}

fn without_status() {
    let child = start(|| 5);
    // SAFETY: a null status pointer requests no status.
    let ended = unsafe { ulib::call(WAIT4, [child as u64, 0, 0, 0]) };
    check::equal("wait without a status", ended, Ok(child as u64));
    check::error("second wait", process::wait(child, 0), Errno::ECHILD);
}

fn bad_status_address() {
    let child = Child::start(|| 8);
    for address in [8, KERNEL_ADDRESS, main as fn(&Args) as usize] {
        // SAFETY: the kernel must refuse the address.
        let ended = unsafe { ulib::call(WAIT4, [child.pid() as u64, address as u64, 0, 0]) };
        check::error(format_args!("wait with a status at {address:#x}"), ended, Errno::EFAULT);
    }
    child.exits("child whose end could not be told", 8);
}

/// The parent waits before the child ends, and at least as long as the child runs.
fn blocked_waiter() {
    const CHILD_MS: u64 = 50;
    let start = time::milliseconds();
    let child = Child::start(|| {
        let start = time::milliseconds();
        while time::milliseconds() - start < CHILD_MS {
            process::yield_now();
        }
        7
    });
    child.exits("child that takes its time", 7);
    check::at_least("milliseconds of waiting", time::milliseconds() - start, CHILD_MS);
}

/// Each process waits for the next, and the last one ends when all others sleep: each exit wakes one parent.
fn chain_of_waiters(length: u8) {
    let child = Child::start(|| {
        if length == 0 {
            for _ in 0..50 {
                process::yield_now();
            }
        } else {
            chain_of_waiters(length - 1);
        }
        length.into()
    });
    child.exits("link of the chain", length);
}

fn not_yet_ended() {
    let pipe = check::ok("pipe", io::pipe());
    let child = Child::start(|| {
        check::equal("child's signal", io::read(pipe.read, &mut [0]), Ok(1));
        99
    });
    for _ in 0..50 {
        check::equal("WNOHANG while the child lives", process::wait(child.pid(), WNOHANG), Ok(None));
        check::equal("WNOHANG for any child", process::wait(ANY, WNOHANG), Ok(None));
        process::yield_now();
    }
    check::ok("signal to the child", io::write_all(pipe.write, &[0]));
    child.exits("child that was told to end", 99);
    close(pipe);
    let ends_at_once = start(|| 98);
    let ended = loop {
        match check::ok("WNOHANG until the child ended", process::wait(ends_at_once, WNOHANG)) {
            Some(ended) => break Some(ended),
            None => process::yield_now(),
        }
    };
    check::equal("end told by WNOHANG", ended, exited(ends_at_once, 98));
    check::error("WNOHANG after that", process::wait(ends_at_once, WNOHANG), Errno::ECHILD);
}

fn close(pipe: io::Pipe) {
    check::ok("close", io::close(pipe.read));
    check::ok("close", io::close(pipe.write));
}

/// With a living child: waiting for other processes, including the grandchild, gives ECHILD and has no side
/// effect.
fn strangers() {
    let (pids, end) = (check::ok("pipe", io::pipe()), check::ok("pipe", io::pipe()));
    let child = Child::start(|| {
        let grandchild = Child::start(|| {
            check::equal("grandchild's signal", io::read(end.read, &mut [0]), Ok(1));
            3
        });
        check::ok("pid", io::write_all(pids.write, &grandchild.pid().to_le_bytes()));
        grandchild.exits("grandchild", 3);
        4
    });
    let grandchild = read_pid(pids);
    for stranger in [grandchild, process::pid(), 12345] {
        check::error("wait for a stranger", process::wait(stranger, 0), Errno::ECHILD);
        check::error("WNOHANG for a stranger", process::wait(stranger, WNOHANG), Errno::ECHILD);
    }
    check::ok("signal to the grandchild", io::write_all(end.write, &[0]));
    child.exits("child with a child", 4);
    close(pids);
    close(end);
}

fn read_pid(pipe: io::Pipe) -> Pid {
    let mut bytes = [0; size_of::<Pid>()];
    check::equal("bytes of a pid", io::read_full(pipe.read, &mut bytes), Ok(bytes.len()));
    Pid::from_le_bytes(bytes)
}

fn killed_by_faults() {
    let text = main as fn(&Args) as usize;
    for (name, address) in [("null", 0), ("a kernel address", KERNEL_ADDRESS), ("program text", text)] {
        let child = Child::start(|| {
            // SAFETY: the store kills the child.
            unsafe { store_byte(address) };
            0
        });
        child.is_killed(format_args!("child that writes to {name}"), SIGSEGV);
    }
    let child = Child::start(|| {
        illegal_instruction();
        0
    });
    child.is_killed("child with an illegal instruction", SIGILL);
}

/// The grandchild outlives the child and becomes a child of the first process. Only the first process can see
/// it.
fn orphan() {
    if process::pid() != 1 {
        return;
    }
    let (pids, end) = (check::ok("pipe", io::pipe()), check::ok("pipe", io::pipe()));
    let child = Child::start(|| {
        let grandchild = start(|| {
            check::equal("orphan's signal", io::read(end.read, &mut [0]), Ok(1));
            6
        });
        check::ok("pid", io::write_all(pids.write, &grandchild.to_le_bytes()));
        5
    });
    let grandchild = read_pid(pids);
    child.exits("child that leaves an orphan", 5);
    check::equal("living orphan", process::wait(grandchild, WNOHANG), Ok(None));
    check::ok("signal to the orphan", io::write_all(end.write, &[0]));
    check::equal("end of the orphan", process::wait(grandchild, 0), Ok(exited(grandchild, 6)));
    close(pids);
    close(end);
}

/// A process two generations down ends while the first process waits, and leaves a child that ended earlier.
/// The first process's only child still lives, so nothing else wakes it.
fn ended_orphan() {
    if process::pid() != 1 {
        return;
    }
    let (pids, ended, end) = (pipe(), pipe(), pipe());
    let child = Child::start(|| {
        let parent = Child::start(|| {
            let zombie = start(|| {
                // Its copy of the write end is closed with it.
                close(ended);
                7
            });
            check::ok("pid", io::write_all(pids.write, &zombie.to_le_bytes()));
            check::ok("close", io::close(ended.write));
            check::equal("end of the first one's child", io::read(end.read, &mut [0]), Ok(1));
            // By then the first process sleeps.
            for _ in 0..200 {
                process::yield_now();
            }
            8
        });
        check::ok("close", io::close(ended.write));
        parent.exits("process that leaves a child that has ended", 8);
        check::equal("signal to end", io::read(end.read, &mut [0]), Ok(1));
        9
    });
    let zombie = read_pid(pids);
    check::ok("close", io::close(ended.write));
    check::equal("no writer is left", io::read(ended.read, &mut [0]), Ok(0));
    check::ok("signal", io::write_all(end.write, b"x"));
    check::equal("end of the orphan", process::wait(ANY, 0), Ok(exited(zombie, 7)));
    check::ok("signal", io::write_all(end.write, b"x"));
    child.exits("child that lives on", 9);
    close(pids);
    close(end);
    check::ok("close", io::close(ended.read));
}

fn pipe() -> io::Pipe {
    check::ok("pipe", io::pipe())
}
