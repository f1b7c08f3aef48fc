//! Parents and children.

use ulib::abi::signal::{SIGILL, SIGSEGV};
use ulib::abi::wait::WNOHANG;
use ulib::arch::{KERNEL_ADDRESS, illegal_instruction, store_byte};
use ulib::child::Child;
use ulib::{Errno, check, process};

/// Children end in different ways, one of them after its own child; afterwards no child is left.
pub fn family() {
    let parent = process::pid();
    let codes = [0_u8, 7, 255];
    let children = codes.map(|code| Child::start(move || i32::from(code)));
    for (child, code) in children.into_iter().zip(codes) {
        check::differ("number of a child", child.pid(), parent);
        child.exits("a child", code);
    }
    let replaced = Child::start(|| {
        let errno = process::exec(c"/bin/hello_world", &[c"hello_world"]);
        check::fail("exec", "another program", errno)
    });
    replaced.exits("a child that runs another program", 42);
    let grown = Child::start(|| {
        Child::start(|| 3).exits("a grandchild", 3);
        4
    });
    grown.exits("a child with a child", 4);
    check::error("a wait without children", process::wait(-1, WNOHANG), Errno::ECHILD);
}

/// A parent sees which signal ended its child.
pub fn child_signals() {
    let illegal = Child::start(|| {
        illegal_instruction();
        0
    });
    illegal.is_killed("a child with an illegal instruction", SIGILL);
    let bad = Child::start(|| {
        // SAFETY: the child is meant to be killed.
        unsafe { store_byte(KERNEL_ADDRESS) };
        0
    });
    bad.is_killed("a child that writes to the kernel", SIGSEGV);
    Child::start(|| 0).exits("a child that does nothing wrong", 0);
}
