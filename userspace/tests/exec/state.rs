//! State that exec keeps and state that it resets, checked by the executed program.

use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use ulib::abi::fs::{
    F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_CLOEXEC, O_NONBLOCK, O_RDONLY,
    O_WRONLY, STDIN,
};
use ulib::abi::signal::SIGSEGV;
use ulib::arch::{Registers, store_byte};
use ulib::child::Child;
use ulib::io::{Fd, Pipe};
use ulib::probe::put_code;
use ulib::process::{Fork, Pid};
use ulib::{Args, Errno, capture, check, fs, io, memory, process};

const PATH: &CStr = c"/bin/exec_from_ext2_test";
/// Exit code of a program whose checks all passed.
const FINE: u8 = 45;
const SEED: u64 = 0x7a5;

/// Roles of the executed program, selected by its argument.
const PARTS: [(&CStr, fn()); 6] = [
    (c"--registers", registers_are_fresh),
    (c"--descriptors", descriptors_are_kept),
    (c"--process", process_is_the_same),
    (c"--executes-data", || execute(DATA.as_ptr().expose_provenance())),
    (c"--executes-stack", || execute((&raw mut *core::hint::black_box(&mut [0_u64; 4])).expose_provenance())),
    // SAFETY: the program is meant to be killed.
    (c"--writes-text", || unsafe { store_byte(registers_are_fresh as fn() as usize) }),
];

/// The break at the program's start.
static START: AtomicUsize = AtomicUsize::new(0);

/// Runs a role, if the argument names one.
pub fn play(args: &Args) {
    START.store(memory::brk(0), Relaxed);
    for (name, part) in PARTS {
        if args.get(1) == Some(name.to_bytes()) {
            part();
            process::exit(FINE.into());
        }
    }
}

pub fn checks() {
    registers();
    descriptors();
    closed_at_once();
    the_same_process();
    for part in [c"--executes-data", c"--executes-stack", c"--writes-text"] {
        Child::start(|| become_part(part)).is_killed(format_args!("program with {part:?}"), SIGSEGV);
    }
}

fn become_part(part: &CStr) -> i32 {
    let errno = process::exec(PATH, &[PATH, part]);
    check::fail(format_args!("exec with {part:?}"), "to run", errno)
}

/// The new program has none of the old one's vector registers, rounding modes and thread pointer.
fn registers() {
    let child = Child::start(|| {
        let errno = Registers::pattern(SEED).hold_and_exec(PATH, c"--registers");
        check::fail("exec with registers", "to run", errno)
    });
    child.exits("program that looks at its registers", FINE);
}

fn registers_are_fresh() {
    check::equal("register of the old program", Registers::left_over(&Registers::pattern(SEED)), None);
}

/// Descriptors that the executed program checks: without close-on-exec, copied before and after a fork.
const KEPT: [Fd; 3] = [30, 31, 32];
const MARKED: [Fd; 4] = [40, 41, 42, 43];

fn descriptors() {
    let file = check::ok("open", fs::open(c"/hello.txt", O_RDONLY, 0));
    let marked = check::ok("open", fs::open(c"/hello.txt", O_RDONLY | O_CLOEXEC, 0));
    let pipe = check::ok("pipe", io::pipe());
    let mark = |from, to: Fd| {
        let answer = io::fcntl(from, F_DUPFD_CLOEXEC, to.unsigned_abs().into());
        check::equal("F_DUPFD_CLOEXEC", answer, Ok(to.unsigned_abs().into()));
    };
    let number = |from, to| check::equal("dup2", io::dup2(from, to), Ok(to));
    mark(file, MARKED[0]);
    mark(pipe.read, MARKED[1]);
    // Copies of a close-on-exec descriptor do not have the flag.
    number(marked, KEPT[0]);
    number(MARKED[1], KEPT[1]);
    let child = Child::start(|| {
        let child = Child::start(|| {
            mark(pipe.write, MARKED[2]);
            number(pipe.write, KEPT[2]);
            number(file, MARKED[3]);
            check::equal("F_SETFD", io::fcntl(MARKED[3], F_SETFD, FD_CLOEXEC.into()), Ok(0));
            become_part(c"--descriptors")
        });
        child.exits("program with descriptors, of a child's child", FINE);
        0
    });
    child.exits("child with a child that runs a program", 0);
    for fd in MARKED[..2].iter().chain([&marked]) {
        check::equal("descriptor of the first program", io::fcntl(*fd, F_GETFD, 0), Ok(FD_CLOEXEC.into()));
    }
    capture::close(&[file, marked, pipe.read, pipe.write, KEPT[0], KEPT[1], MARKED[0], MARKED[1]]);
}

fn descriptors_are_kept() {
    for fd in MARKED {
        check::error(format_args!("F_GETFD of {fd}"), io::fcntl(fd, F_GETFD, 0), Errno::EBADF);
    }
    for (fd, mode) in KEPT.into_iter().zip([O_RDONLY, O_RDONLY, O_WRONLY]) {
        check::equal(format_args!("F_GETFD of {fd}"), io::fcntl(fd, F_GETFD, 0), Ok(0));
        check::equal(format_args!("F_GETFL of {fd}"), io::fcntl(fd, F_GETFL, 0), Ok(mode.into()));
    }
    check::equal("write", io::write(KEPT[2], b"after exec"), Ok(10));
    let mut buffer = [0; 10];
    check::equal("read", io::read(KEPT[1], &mut buffer), Ok(10));
    check::bytes("bytes through a pipe", &buffer, b"after exec");
}

/// exec closes descriptors at once: a reader at the other end sees that while the new program still runs.
fn closed_at_once() {
    let (marked, end) = (check::ok("pipe", io::pipe()), check::ok("pipe", io::pipe()));
    let child = Child::start(|| {
        check::equal("F_SETFD", io::fcntl(marked.write, F_SETFD, FD_CLOEXEC.into()), Ok(0));
        check::equal("dup2", io::dup2(end.read, STDIN), Ok(STDIN));
        capture::close(&[marked.read, end.read, end.write]);
        // It reads its standard input, which does not end until the parent closes it.
        let errno = process::exec(c"/bin/cat", &[c"cat"]);
        check::fail("exec of cat", "to run", errno)
    });
    check::ok("close", io::close(marked.write));
    check::equal("end of the pipe that exec closed", io::read(marked.read, &mut [0]), Ok(0));
    capture::close(&[end.read, end.write, marked.read]);
    child.exits("cat", 0);
}

/// Descriptor from which the executed program reads numbers that the first one wrote.
const NUMBERS: Fd = 50;

/// The executed program is the same process: it has the same pid and children, and its siblings are not its
/// children.
fn the_same_process() {
    let Pipe { read, write } = check::ok("pipe", io::pipe());
    check::equal("F_SETFL", io::fcntl(read, F_SETFL, O_NONBLOCK.into()), Ok(0));
    let sibling = Child::start(|| 3);
    let child = Child::start(|| {
        check::equal("dup2", io::dup2(read, NUMBERS), Ok(NUMBERS));
        let grandchild = match check::ok("fork", process::fork()) {
            Fork::Parent { child } => child,
            Fork::Child => process::exit(6),
        };
        for number in [process::pid(), grandchild, START.load(Relaxed) as Pid] {
            check::ok("number", io::write_all(write, &number.to_le_bytes()));
        }
        // The new program's heap starts empty, independent of the old one's.
        check::ok("heap", memory::grow(1024 * 1024));
        become_part(c"--process")
    });
    child.exits("program that is the same process", FINE);
    sibling.exits("its sibling", 3);
    capture::close(&[read, write]);
}

fn process_is_the_same() {
    let number = || {
        let mut bytes = [0; 4];
        check::equal("bytes of a number", io::read(NUMBERS, &mut bytes), Ok(4));
        i32::from_le_bytes(bytes)
    };
    let (own, grandchild, end) = (number(), number(), number());
    check::equal("pid after exec", process::pid(), own);
    check::equal("break after exec", START.load(Relaxed) as Pid, end);
    check::equal("flags after exec", io::fcntl(NUMBERS, F_GETFL, 0), Ok(O_NONBLOCK.into()));
    Child::started(grandchild).exits("child from before exec", 6);
    check::error("wait without children", process::wait(-1, 0), Errno::ECHILD);
}

static DATA: AtomicU64 = AtomicU64::new(1);

fn execute(address: usize) {
    DATA.store(2, Relaxed);
    // SAFETY: the program's own memory; the program is meant to be killed by the next access.
    let code = unsafe {
        put_code(address);
        core::mem::transmute::<*const (), extern "C" fn()>(core::ptr::with_exposed_provenance(address))
    };
    code();
}
