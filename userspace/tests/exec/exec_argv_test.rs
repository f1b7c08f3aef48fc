//! `exec` passes arguments and replaces the program.
//!
//! Checks: arguments arrive unchanged (two, an empty one, the longest, 64 in all; `argv_test` checks them in
//! the new program); a null vector means the program's name alone; a name without a slash means `/bin`; the
//! new program's exit code is the child's; one argument too many, one byte too many and too many bytes in all
//! give E2BIG; a missing program gives ENOENT and bad addresses EFAULT, and after each failure the old
//! program continues; a parent's memory and pid do not change when its child calls exec.
#![no_std]
#![no_main]

mod digest;

use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use digest::Digest;
use ulib::abi::limits::{ARG_BYTES_MAX, ARG_COUNT_MAX};
use ulib::arch::KERNEL_ADDRESS;
use ulib::child::Child;
use ulib::{Args, Errno, check, process};

ulib::test!(main);

const ARGV_TEST: &CStr = c"/bin/argv_test";
/// Target of execs that must fail: its exit code is not 0, so an `exec` that wrongly succeeds fails the test.
const HELLO_WORLD: &CStr = c"/bin/hello_world";
static DATA: AtomicU32 = AtomicU32::new(1);

fn main(_: &Args) {
    let pid = process::pid();
    let stack = [0x77_u8; 4096];
    let stack = core::hint::black_box(&stack);
    DATA.store(2, Relaxed);

    arguments_arrive();
    other_ways();
    too_big();
    failures();

    check::equal("parent's pid", process::pid(), pid);
    check::equal("parent's data", DATA.load(Relaxed), 2);
    check::bytes("parent's stack", core::hint::black_box(stack), &[0x77; 4096]);
}

/// An argument of the maximum length, NUL included, and one byte more.
static LONGEST: [u8; ARG_BYTES_MAX] = filled();
static TOO_LONG: [u8; ARG_BYTES_MAX + 1] = filled();

const fn filled<const N: usize>() -> [u8; N] {
    let mut bytes = [b'L'; N];
    bytes[N - 1] = 0;
    bytes
}

fn c_str(bytes: &'static [u8]) -> &'static CStr {
    CStr::from_bytes_with_nul(bytes).expect("ends in NUL")
}

fn arguments_arrive() {
    runs("argv_test with two arguments", &[ARGV_TEST, c"hello", c"world 2"]);
    runs("argv_test with an empty argument", &[ARGV_TEST, c"", c"after"]);
    runs("argv_test with nothing but empty arguments", &[ARGV_TEST, c"", c"", c""]);
    runs("argv_test with bytes that are no text", &[ARGV_TEST, c"\xff\x01\xc3", c"--"]);
    runs("argv_test under another name", &[c"", c"x"]);
    runs("argv_test with the longest argument", &[ARGV_TEST, c_str(&LONGEST), c"after"]);
    // One of the 64 arguments is the digest.
    runs("argv_test with 64 arguments", &[ARGV_TEST; ARG_COUNT_MAX - 1]);
}

/// Runs `argv_test` with these arguments, the first of which is the name, and their digest, which it checks.
fn runs(name: &str, arguments: &[&CStr]) {
    let digest = Digest::of(arguments);
    let child = Child::start(|| {
        let mut vector = [c""; ARG_COUNT_MAX];
        vector[0] = arguments[0];
        vector[1] = digest.c_str();
        vector[2..=arguments.len()].copy_from_slice(&arguments[1..]);
        DATA.store(3, Relaxed);
        let errno = process::exec(ARGV_TEST, &vector[..=arguments.len()]);
        check::fail(name, "to run", errno)
    });
    child.exits(name, 0);
}

fn other_ways() {
    let child = Child::start(|| {
        let errno = process::exec_raw(ARGV_TEST.as_ptr().expose_provenance(), 0);
        check::fail("exec with a null vector", "to run", errno)
    });
    child.exits("argv_test with a null vector", 0);
    let child = Child::start(|| {
        let errno = process::exec(c"argv_test", &[ARGV_TEST]);
        check::fail("exec without a slash", "to run", errno)
    });
    child.exits("argv_test without a slash", 0);
    let child = Child::start(|| {
        let errno = process::exec(HELLO_WORLD, &[c"hello_world"]);
        check::fail("exec of hello_world", "to run", errno)
    });
    child.exits("hello_world", 42);
}

fn too_big() {
    let errno = process::exec(HELLO_WORLD, &[HELLO_WORLD; ARG_COUNT_MAX + 1]);
    check::equal("exec with 65 arguments", errno, Errno::E2BIG);
    let errno = process::exec(HELLO_WORLD, &[HELLO_WORLD, c_str(&TOO_LONG)]);
    check::equal("exec with an argument too long", errno, Errno::E2BIG);
    let errno = process::exec(HELLO_WORLD, &[c_str(&LONGEST); ARG_COUNT_MAX]);
    check::equal("exec with more than the stack holds", errno, Errno::E2BIG);
}

fn failures() {
    let errno = process::exec(c"/bin/no_such_program", &[c"no_such_program"]);
    check::equal("exec of a missing program", errno, Errno::ENOENT);
    check::equal("exec of an empty path", process::exec(c"", &[c""]), Errno::ENOENT);
    let path = HELLO_WORLD.as_ptr().expose_provenance();
    for address in [8, KERNEL_ADDRESS] {
        check::equal("exec with a bad path", process::exec_raw(address, 0), Errno::EFAULT);
        check::equal("exec with a bad vector", process::exec_raw(path, address), Errno::EFAULT);
        let vector = [path, address, 0];
        let errno = process::exec_raw(path, (&raw const vector).expose_provenance());
        check::equal("exec with a bad argument", errno, Errno::EFAULT);
    }
    check::equal("exec with a path of 0", process::exec_raw(0, 0), Errno::EFAULT);
}
