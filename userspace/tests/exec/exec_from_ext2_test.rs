//! `exec` loads programs from the disk, also in the first process and its children.
//!
//! Checks: `/bin/hello_world` runs and exits with 42; `/bin/ls` runs, with output; ENOENT, EACCES without the
//! owner's x bit, ENOTDIR for a directory and through a file, after each of which the old program continues;
//! the new program and the old one can both use the disk right afterwards, and at the same time (no lock is
//! held on the entry into a program); a child of an executed program can do so too; descriptors survive exec
//! with their position, and close-on-exec ones do not, but they survive a failed exec; after the end of a
//! child that called exec, the parent continues with unchanged memory: stack, data, zeroed memory and heap; a
//! parent's registers are preserved meanwhile. An executed program has none of the old one's vector registers
//! and modes, the same pid and children, its own heap and permissions, and the descriptors without
//! close-on-exec, also when the flag was set before a fork; close-on-exec descriptors are closed at once, and
//! copies of them do not have the flag.
#![no_std]
#![no_main]

mod state;

use core::ffi::CStr;
use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ulib::abi::fs::{F_DUPFD_CLOEXEC, O_RDONLY, STDOUT};
use ulib::arch::{Counter, Registers};
use ulib::capture::{self, Run};
use ulib::child::Child;
use ulib::io::Fd;
use ulib::{Args, Errno, check, fs, io, memory, process, time};

ulib::test!(main);

const HELLO_WORLD: &CStr = c"/bin/hello_world";
/// The argument that selects this program's role as the executed program.
const SECOND: &CStr = c"--second";
/// Exit code in that role.
const SECOND_CODE: u8 = 43;

/// The same for the role that checks descriptors.
const THIRD: &CStr = c"--third";
const THIRD_CODE: u8 = 44;
/// Its descriptors: one that survives exec, and those that do not.
const KEPT: Fd = 10;
const CLOSED: [Fd; 3] = [20, 21, 22];

fn main(args: &Args) {
    if args.get(1) == Some(SECOND.to_bytes()) {
        second();
    }
    if args.get(1) == Some(THIRD.to_bytes()) {
        third();
    }
    state::play(args);
    programs_run();
    failures();
    disk_at_the_same_time();
    exec_after_exec();
    descriptors();
    own_memory();
    registers_while_children_load();
    state::checks();
}

fn programs_run() {
    let hello = Run {
        program: HELLO_WORLD,
        code: 42,
        ..Run::new("hello_world", &[c"hello_world"], b"Hello, world!\n")
    };
    hello.check();
    Run { program: c"/bin/ls", ..Run::new("ls", &[c"ls", c"/test"], b"nested.txt\n") }.check();
    Run { name: "hello_world by a way around", program: c"/test/..//bin/./hello_world", ..hello }.check();
}

fn failures() {
    let cases: [(&CStr, Errno); 7] = [
        (c"/bin/no_such_program", Errno::ENOENT),
        (c"/no_such_folder/program", Errno::ENOENT),
        (c"/hello.txt", Errno::EACCES),
        (c"/empty.txt", Errno::EACCES),
        (c"/bin", Errno::ENOTDIR),
        (c"/", Errno::ENOTDIR),
        (c"/hello.txt/program", Errno::ENOTDIR),
    ];
    for (path, errno) in cases {
        check::equal(format_args!("exec of {path:?}"), process::exec(path, &[path]), errno);
        let child = Child::start(|| {
            check::equal(format_args!("child's exec of {path:?}"), process::exec(path, &[path]), errno);
            let errno = process::exec(HELLO_WORLD, &[HELLO_WORLD]);
            check::fail("exec after a failure", "to run", errno)
        });
        child.exits("hello_world after a failure", 42);
    }
}

/// A read of a file on the disk succeeds.
#[track_caller]
fn disk_is_usable() {
    let fd = check::ok("open", fs::open(c"/hello.txt", O_RDONLY, 0));
    capture::stream_is("/hello.txt", fd, b"Hello from ext2!\n");
    check::ok("close", io::close(fd));
}

/// Several children execute a program that reads files while the parent reads files.
fn disk_at_the_same_time() {
    const CHILDREN: usize = 4;
    for _ in 0..3 {
        let pipe = check::ok("pipe", io::pipe());
        let children = [(); CHILDREN].map(|()| {
            let to_pipe = [(pipe.write, STDOUT)];
            let arguments = [c"wc", c"/lines.txt", c"/hello.txt"];
            capture::start(c"/bin/wc", &arguments, &to_pipe, &[pipe.read, pipe.write])
        });
        for _ in 0..5 {
            disk_is_usable();
            process::yield_now();
        }
        check::ok("close", io::close(pipe.write));
        // Each child prints everything in one write.
        let once = b"15 30 111 /lines.txt\n1 3 17 /hello.txt\n16 33 128 total\n";
        let mut expected = [0; 256];
        let all = CHILDREN * once.len();
        for copy in expected[..all].chunks_mut(once.len()) {
            copy.copy_from_slice(once);
        }
        capture::stream_is("outputs of all children", pipe.read, &expected[..all]);
        check::ok("close", io::close(pipe.read));
        for child in children {
            child.exits("wc beside others", 0);
        }
    }
}

/// The executed program starts a child that executes the next one.
fn second() -> ! {
    disk_is_usable();
    Run { program: HELLO_WORLD, code: 42, ..Run::new("hello_world", &[c"hello_world"], b"Hello, world!\n") }
        .check();
    disk_is_usable();
    process::exit(SECOND_CODE.into())
}

fn exec_after_exec() {
    let path = c"/bin/exec_from_ext2_test";
    let child = Child::start(|| {
        let errno = process::exec(path, &[path, SECOND]);
        check::fail("exec of this program", "to run", errno)
    });
    child.exits("this program by exec", SECOND_CODE);
    disk_is_usable();
}

/// Checks the new program's descriptors.
fn third() -> ! {
    capture::stream_is("what is left of the kept file", KEPT, b" from ext2!\n");
    for fd in CLOSED {
        check::error("read of a file closed on exec", io::read(fd, &mut [0]), Errno::EBADF);
    }
    process::exit(THIRD_CODE.into())
}

fn descriptors() {
    let path = c"/bin/exec_from_ext2_test";
    let free = check::ok("dup", io::dup(STDOUT));
    check::ok("close", io::close(free));
    let child = Child::start(|| {
        let file = check::ok("open", fs::open(c"/hello.txt", O_RDONLY, 0));
        check::equal("dup2", io::dup2(file, KEPT), Ok(KEPT));
        check::equal("read", io::read(file, &mut [0; 5]), Ok(5));
        for fd in CLOSED {
            let answer = io::fcntl(file, F_DUPFD_CLOEXEC, fd.unsigned_abs().into());
            check::equal("F_DUPFD_CLOEXEC", answer, Ok(fd.unsigned_abs().into()));
        }
        // A failed exec closes nothing.
        check::equal("exec of a folder", process::exec(c"/bin", &[c"bin"]), Errno::ENOTDIR);
        check::equal("read of a file to be closed on exec", io::read(CLOSED[1], &mut []), Ok(0));
        let errno = process::exec(path, &[path, THIRD]);
        check::fail("exec of this program", "to run", errno)
    });
    child.exits("this program by exec, with descriptors", THIRD_CODE);
    check::equal("parent's first free descriptor", io::dup(STDOUT), Ok(free));
    check::ok("close", io::close(free));
}

static DATA: AtomicU64 = AtomicU64::new(1);
static ZEROED: AtomicU64 = AtomicU64::new(0);
const STACK_BYTES: usize = 8 * 1024;
const HEAP_BYTES: usize = 64 * 1024;

/// The children execute another program, with other content at the same addresses.
fn own_memory() {
    let heap = check::ok("heap", memory::leak(HEAP_BYTES));
    let mut stack = [0; STACK_BYTES];
    for round in 1..=5_u8 {
        heap.fill(round);
        black_box(&mut stack).fill(round + 100);
        DATA.store(u64::from(round) << 32, Relaxed);
        ZEROED.store(u64::from(round) << 40, Relaxed);
        let end = memory::brk(0);
        let child = Child::start(|| {
            heap.fill(0xff);
            DATA.store(0xff, Relaxed);
            let errno = process::exec(HELLO_WORLD, &[c"hello_world"]);
            check::fail("exec of hello_world", "to run", errno)
        });
        child.exits("hello_world", 42);
        check::equal("parent's data", DATA.load(Relaxed), u64::from(round) << 32);
        check::equal("parent's zeroed memory", ZEROED.load(Relaxed), u64::from(round) << 40);
        check::bytes("parent's stack", black_box(&stack), &[round + 100; STACK_BYTES]);
        check::equal("parent's heap", heap.iter().all(|byte| *byte == round), true);
        check::equal("end of the parent's heap", memory::brk(0), end);
    }
}

/// Loading waits for disk interrupts, which arrive while the parent runs. The parent runs for longer than a
/// time slice, so that the child preempts it.
fn registers_while_children_load() {
    const SPINS: u64 = 500_000;
    const HOLD_MS: u64 = 120;
    for child_number in 0..2 {
        let child = capture::start(c"/bin/true", &[c"true"], &[], &[]);
        let (start, mut round) = (time::milliseconds(), 0);
        while round < 16 || time::milliseconds() - start < HOLD_MS {
            let counter = if round % 2 == 0 { Counter::Argument } else { Counter::Preserved };
            let registers = Registers::pattern(child_number << 16 | round);
            check::equal("parent's registers", registers.hold(SPINS, counter), None);
            round += 1;
        }
        child.exits("true", 0);
    }
}
