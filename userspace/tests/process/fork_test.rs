//! `fork` creates an equal and separate process.
//!
//! Checks: the results of `fork` on both sides; distinct pids, the same for parent and child; the child's
//! exit code arrives through `wait`, three times in a row; stack, data and zeroed memory are private in both
//! directions; `exec` of a missing program gives ENOENT and the child continues; all general registers,
//! vector registers, flags and the thread pointer are equal in parent and child after the call; and they keep
//! their values while parent and child preempt each other. Pids continue beyond 255, and many children leak
//! no memory. A yield lets the other process run.
#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use ulib::abi::fs::{F_SETFL, O_NONBLOCK};
use ulib::abi::syscall::GETTID;
use ulib::abi::wait::{WNOHANG, WaitStatus};
use ulib::arch::{Counter, Registers};
use ulib::child::Child;
use ulib::probe::gives_back;
use ulib::process::{Fork, Pid};
use ulib::{Args, Errno, check, io, process};

ulib::test!(main);

fn main(_: &Args) {
    pids();
    private_memory();
    for _ in 0..3 {
        missing_program();
    }
    registers_across_fork();
    registers();
    many_pids();
    yielding();
}

/// More than 256 processes one after another: each has a distinct pid, and its exit code arrives.
fn many_pids() {
    let mut last = process::pid();
    gives_back("many children", 2, || {
        for number in 0..150_u8 {
            let child = Child::start(|| i32::from(number));
            check::less("number of the process before", last, child.pid());
            last = child.pid();
            child.exits("one of many children", number);
        }
    });
    check::less("number of processes", 256, last);
}

/// A yield lets the other process run, which writes a byte at once. Several rounds: the timer may end the
/// other one's time slice early.
fn yielding() {
    let pipe = check::ok("pipe", io::pipe());
    check::equal("F_SETFL", io::fcntl(pipe.read, F_SETFL, O_NONBLOCK.into()), Ok(0));
    for _ in 0..10 {
        let child = Child::start(|| {
            check::ok("child's byte", io::write_all(pipe.write, b"y"));
            0
        });
        for _ in 0..20 {
            process::yield_now();
        }
        check::equal("read of the child's byte", io::read(pipe.read, &mut [0]), Ok(1));
        child.exits("child that writes a byte", 0);
    }
    check::ok("close", io::close(pipe.read));
    check::ok("close", io::close(pipe.write));
}

/// Every child reports its own pid and its parent's as it remembers it.
fn pids() {
    let parent = process::pid();
    let mut seen = [parent; 4];
    for round in 1..seen.len() {
        let pipe = check::ok("pipe", io::pipe());
        let child = Child::start(|| {
            // SAFETY: no memory is involved.
            let thread = unsafe { ulib::call(GETTID, []) };
            check::equal("gettid", thread, Ok(u64::from(process::pid().unsigned_abs())));
            check::ok("child writes its pid", io::write_all(pipe.write, &process::pid().to_le_bytes()));
            40 + round as i32
        });
        check::equal("parent's pid after fork", process::pid(), parent);
        let mut bytes = [0; size_of::<Pid>()];
        check::equal("bytes of the child's pid", io::read_full(pipe.read, &mut bytes), Ok(bytes.len()));
        check::equal("fork's value and the child's own pid", child.pid(), Pid::from_le_bytes(bytes));
        check::equal("pid used before", seen[..round].contains(&child.pid()), false);
        seen[round] = child.pid();
        child.exits("child that tells its pid", 40 + round as u8);
        check::ok("close", io::close(pipe.read));
        check::ok("close", io::close(pipe.write));
    }
}

static DATA: AtomicU32 = AtomicU32::new(0x1111);
static ZEROED: AtomicU32 = AtomicU32::new(0);
/// Several pages.
const STACK_BYTES: usize = 16 * 1024;

fn private_memory() {
    let mut stack = [0x33_u8; STACK_BYTES];
    let stack = black_box(&mut stack);
    let (to_child, to_parent) = (check::ok("pipe", io::pipe()), check::ok("pipe", io::pipe()));
    let child = Child::start(|| {
        // The parent has written to its memory before it sends this byte.
        check::equal("child's signal", io::read(to_child.read, &mut [0]), Ok(1));
        memory_is("child's", stack, (0x1111, 0, 0x33));
        DATA.store(0x2222, Relaxed);
        ZEROED.store(0x4444, Relaxed);
        black_box(&mut *stack).fill(0x55);
        check::ok("child's answer", io::write_all(to_parent.write, &[0]));
        memory_is("child's own", stack, (0x2222, 0x4444, 0x55));
        0
    });
    DATA.store(0x6666, Relaxed);
    ZEROED.store(0x7777, Relaxed);
    black_box(&mut *stack).fill(0x88);
    check::ok("parent's signal", io::write_all(to_child.write, &[0]));
    check::equal("parent's answer", io::read(to_parent.read, &mut [0]), Ok(1));
    memory_is("parent's", stack, (0x6666, 0x7777, 0x88));
    child.exits("child with memory of its own", 0);
    memory_is("parent's, after the child", stack, (0x6666, 0x7777, 0x88));
}

fn memory_is(whose: &str, stack: &[u8; STACK_BYTES], (data, zeroed, filled): (u32, u32, u8)) {
    check::equal(format_args!("{whose} data"), DATA.load(Relaxed), data);
    check::equal(format_args!("{whose} zeroed memory"), ZEROED.load(Relaxed), zeroed);
    check::bytes(format_args!("{whose} stack"), black_box(stack), &[filled; STACK_BYTES]);
}

fn missing_program() {
    let child = Child::start(|| {
        let errno = process::exec(c"/bin/no_such_program", &[c"no_such_program"]);
        check::equal("exec of a missing program", errno, Errno::ENOENT);
        42
    });
    child.exits("child whose exec failed", 42);
}

/// Only the result of the call differs, and the system call changes no other register.
fn registers_across_fork() {
    let (answer, changed) = Registers::pattern(SEED_PARENT).hold_and_fork();
    if answer == 0 {
        check::equal("child's registers after fork", changed, None);
        process::exit(41);
    }
    check::equal("parent's registers after fork", changed, None);
    check::at_least("fork's value", answer, 1);
    Child::started(answer as Pid).exits("child with the parent's registers", 41);
}

/// How often the child holds its registers, and for how long each time. The parent holds its own until the
/// child has ended, because the host may be slow.
const ROUNDS: u64 = 100;
const SPINS: u64 = 500_000;
const SEED_PARENT: u64 = 0x5a;
const SEED_CHILD: u64 = 0xa5;

/// The child starts when the parent has started, and the parent never waits: the child only runs by
/// preemption.
fn registers() {
    let pipe = check::ok("pipe", io::pipe());
    let child = match check::ok("fork", process::fork()) {
        Fork::Parent { child } => child,
        Fork::Child => {
            check::equal("parent's signal", io::read(pipe.read, &mut [0]), Ok(1));
            hold_registers("child's", SEED_CHILD, |rounds| rounds < ROUNDS);
            process::exit(43);
        }
    };
    let mut ended = None;
    hold_registers("parent's", SEED_PARENT, |rounds| {
        if rounds == 1 {
            check::ok("child's signal", io::write_all(pipe.write, &[0]));
        }
        ended = check::ok("end of the child", process::wait(child, WNOHANG));
        ended.is_none()
    });
    check::equal("end of the child", ended, Some((child, WaitStatus::exited(43).encode())));
    check::ok("close", io::close(pipe.read));
    check::ok("close", io::close(pipe.write));
}

/// Holds the registers repeatedly, as long as `more` returns true for the number of rounds.
fn hold_registers(whose: &str, seed: u64, mut more: impl FnMut(u64) -> bool) {
    for rounds in 1.. {
        let counter = if rounds % 2 == 0 { Counter::Argument } else { Counter::Preserved };
        let registers = Registers::pattern(seed + rounds * 0x100);
        check::equal(format_args!("{whose} registers"), registers.hold(SPINS, counter), None);
        if !more(rounds) {
            break;
        }
    }
}
