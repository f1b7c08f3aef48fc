//! Canaries that come to a bad end.

use alloc::vec::Vec;
use core::fmt;
use core::hint::black_box;

use parity_arch::power;

use super::stuck;
use crate::drivers::{block, console};
use crate::thread::scheduler;

/// Bytes that are asked for at a time until there are no more.
const PIECE: usize = 1024 * 1024;

/// The console's line of a panic, but no end of it, and no record.
pub fn half_a_panic() -> ! {
    console::write(b"KERNEL PANIC: canary: half a li");
    power::power_off()
}

/// A panic whose message panics.
pub fn panic_twice() -> ! {
    struct Spiteful;

    impl fmt::Display for Spiteful {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("canary: while it was told")
        }
    }

    panic!("canary: {Spiteful}")
}

/// Runs over the end of a thread's stack.
pub fn overflow_stack() {
    fn deeper(depth: usize) -> usize {
        let room = black_box([depth; 64]);
        if room[0] == usize::MAX { 0 } else { deeper(black_box(depth + 1)) + room[1] }
    }

    stuck::threads(&[("deep", || {
        black_box(deeper(0));
    })])
}

/// Keeps memory until the kernel has none.
pub fn exhaust_heap() -> ! {
    loop {
        core::mem::forget(Vec::<u8>::with_capacity(PIECE));
    }
}

/// Gives the processor away with a spin lock held.
pub fn yield_with_lock() {
    if let Some(disk) = block::disk() {
        disk.while_driver_is_locked(scheduler::yield_now);
    }
}

/// Takes a spin lock that it holds.
pub fn lock_twice() {
    if let Some(disk) = block::disk() {
        disk.while_driver_is_locked(|| disk.while_driver_is_locked(|| ()));
    }
}
