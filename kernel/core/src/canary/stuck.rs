//! Canaries that never come to an end: threads that wait for each other, or for nothing, or run and get nowhere.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};

use parity_arch::cpu;

use super::device;
use crate::fs::path::Directory;
use crate::kprintln;
use crate::process::exec;
use crate::sync::{IrqGuard, SpinLock, Wait, WaitQueue};
use crate::thread::kthread::{self, Kthread};
use crate::thread::scheduler;
use crate::time::tick;

/// Ticks between two lines of somebody who mutters.
const PAUSE: u64 = 40;
/// Ticks that somebody sleeps who takes his time.
const REST: u64 = 800;

/// The threads of [`threads`].
static PEERS: SpinLock<Vec<Arc<Kthread>>> = SpinLock::new(Vec::new());

/// One of the threads that [`threads`] has started, by its place there.
pub fn peer(place: usize) -> Arc<Kthread> {
    PEERS.lock()[place].clone()
}

/// Runs these threads and nothing else.
pub fn threads(work: &[(&str, fn())]) -> ! {
    // This thread gets the processor back only when no other wants it: all must be there before one runs.
    let irq = IrqGuard::new();
    let started: Result<Vec<_>, _> = work
        .iter()
        .map(|&(name, act)| {
            kthread::run(name, move || {
                act();
                0
            })
        })
        .collect();
    match started {
        Ok(started) => *PEERS.lock() = started,
        Err(errno) => panic!("canary: {} threads: {errno}", work.len()),
    }
    drop(irq);
    scheduler::run_idle()
}

/// Computes with interrupts masked.
pub fn spin() -> ! {
    cpu::irq_disable();
    loop {
        core::hint::spin_loop();
    }
}

/// Waits for interrupts, which come and change nothing.
pub fn sleep() -> ! {
    loop {
        cpu::wait_for_interrupt();
    }
}

/// Prints lines, as fast as it can.
pub fn flood() -> ! {
    loop {
        kprintln!("canary: a line that is not the last one");
    }
}

/// Prints a line now and then, and sleeps meanwhile.
pub fn mutter() -> ! {
    threads(&[("mutter", || {
        loop {
            tick::sleep(PAUSE);
            kprintln!("boot: almost there");
        }
    })])
}

/// Sleeps for so long that it may seem to hang.
pub fn dawdle() {
    tick::sleep(REST);
}

/// One thread has the disk's turn and wants the lines of its cache, another has these and wants its turn.
pub fn deadlock_of_two() -> ! {
    threads(&[
        ("driver", || {
            device().with_turn(|| {
                until(|| device().turn_is_wanted());
                load(b"/bin/true");
            });
        }),
        ("reader", read_after_driver),
    ])
}

/// One thread has the disk's turn and wants to load alone, one has the lines of the disk's cache and wants its
/// turn, one loads alone and wants the lines.
pub fn deadlock_of_three() -> ! {
    threads(&[
        ("driver", || {
            device().with_turn(|| {
                until(exec::is_loading_alone);
                exec::load_alone(b"/bin/true", || ());
            });
        }),
        ("reader", read_after_driver),
        ("loader", || exec::load_alone(b"/bin/true", || until(|| device().turn_is_wanted()))),
    ])
}

/// A thread has the disk's turn and wants it.
pub fn self_deadlock() -> ! {
    threads(&[("driver", || device().with_turn(|| load(b"/bin/sh")))])
}

/// What a thread waits for comes, but nobody tells it.
pub fn lost_wakeup() -> ! {
    static CAME: AtomicBool = AtomicBool::new(false);
    static WAITING: WaitQueue = WaitQueue::new(Wait::Queue);

    threads(&[
        ("waiter", || WAITING.wait_until(|| CAME.load(Ordering::Acquire).then_some(()))),
        ("teller", || {
            until(|| WAITING.waiting() > 0);
            CAME.store(true, Ordering::Release);
        }),
    ])
}

/// Two threads, each of which lets the other go first.
pub fn livelock() -> ! {
    static FIRST_WENT: AtomicBool = AtomicBool::new(false);
    static SECOND_WENT: AtomicBool = AtomicBool::new(false);

    fn after(other: &AtomicBool, own: &AtomicBool) {
        until(|| other.load(Ordering::Acquire));
        own.store(true, Ordering::Release);
    }

    threads(&[
        ("polite", || after(&SECOND_WENT, &FIRST_WENT)),
        ("patient", || after(&FIRST_WENT, &SECOND_WENT)),
    ])
}

/// Lets others run until this is so.
pub fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        scheduler::yield_now();
    }
}

/// Reads a program once somebody has the disk's turn.
fn read_after_driver() {
    until(|| device().turn_is_taken());
    load(b"/bin/sh");
}

/// Reads a program, of which the disk's cache has nothing yet.
pub fn load(path: &[u8]) {
    // What it is does not matter, nor whether it is there.
    drop(exec::load(Directory::ROOT, path, &[]));
}
