//! Canaries that end abnormally.

use alloc::vec::Vec;
use core::fmt;
use core::hint::black_box;

use parity_arch::power;

use super::{device, stuck};
use crate::drivers::console;
use crate::thread::scheduler;

/// Size in bytes of each allocation until memory is exhausted.
const PIECE: usize = 1024 * 1024;

/// Writes a part of a panic's console line, but neither its end nor a panic record.
pub fn half_a_panic() -> ! {
    console::write(b"KERNEL PANIC: canary: half a li");
    power::power_off()
}

/// A panic whose message panics.
pub fn panic_twice() -> ! {
    struct Spiteful;

    impl fmt::Display for Spiteful {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("canary: while its message was formatted")
        }
    }

    panic!("canary: {Spiteful}")
}

/// Overflows a thread's kernel stack.
pub fn overflow_stack() {
    fn deeper(depth: usize) -> usize {
        let room = black_box([depth; 64]);
        if room[0] == usize::MAX { 0 } else { deeper(black_box(depth + 1)) + room[1] }
    }

    stuck::threads(&[("deep", || {
        black_box(deeper(0));
    })])
}

/// Allocates memory without freeing it until the kernel has none.
pub fn exhaust_heap() -> ! {
    loop {
        core::mem::forget(Vec::<u8>::with_capacity(PIECE));
    }
}

/// Yields the processor with a spin lock held.
pub fn yield_with_lock() {
    device().with_driver_locked(scheduler::yield_now);
}

/// Takes a spin lock that this processor already holds.
pub fn lock_twice() {
    device().with_driver_locked(|| device().with_driver_locked(|| ()));
}
