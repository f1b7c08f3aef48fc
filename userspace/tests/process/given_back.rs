//! Memory that is no longer used is freed.

use ulib::abi::memory::{PROT_READ, PROT_WRITE};
use ulib::abi::signal::SIGSEGV;
use ulib::arch::{KERNEL_ADDRESS, store_byte};
use ulib::child::Child;
use ulib::probe::gives_back;
use ulib::{check, memory, process};

const MIB: usize = 1024 * 1024;
const ROUNDS: usize = 8;

pub fn checks() {
    gives_back("munmap", ROUNDS, || unmap(map(MIB), MIB));
    gives_back("a lowered break", ROUNDS, || {
        let end = memory::brk(0);
        check::equal("raised break", memory::brk(end + MIB), end + MIB);
        check::equal("lowered break", memory::brk(end), end);
    });
    gives_back("children that end", ROUNDS, || {
        let child = Child::start(|| {
            map(MIB);
            0
        });
        child.exits("child with memory", 0);
    });
    gives_back("children that are killed", ROUNDS, || {
        let child = Child::start(|| {
            map(MIB);
            // SAFETY: the store kills the child.
            unsafe { store_byte(KERNEL_ADDRESS) };
            0
        });
        child.is_killed("child with memory", SIGSEGV);
    });
    gives_back("children that become other programs", ROUNDS, || {
        let child = Child::start(|| {
            map(MIB);
            let errno = process::exec(c"/bin/true", &[c"true"]);
            check::fail("exec of true", "to run", errno)
        });
        child.exits("true", 0);
    });
}

#[track_caller]
fn map(bytes: usize) -> usize {
    check::ok("mmap", memory::map(bytes, PROT_READ | PROT_WRITE))
}

fn unmap(address: usize, bytes: usize) {
    // SAFETY: the memory is unused.
    check::ok("munmap", unsafe { memory::unmap(address, bytes) });
}
