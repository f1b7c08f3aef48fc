//! Canaries that never end: deadlocks, lost wake-ups, livelocks and endless loops.

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

/// Ticks between two lines of [`mutter`].
const PAUSE: u64 = 40;
/// Ticks that [`dawdle`] sleeps.
const REST: u64 = 800;

/// The threads that [`threads`] started.
static PEERS: SpinLock<Vec<Arc<Kthread>>> = SpinLock::new(Vec::new());

/// A thread that [`threads`] started, by its index there.
pub fn peer(place: usize) -> Arc<Kthread> {
    PEERS.lock()[place].clone()
}

/// Starts these threads and then only idles.
pub fn threads(work: &[(&str, fn())]) -> ! {
    // The idle thread runs only when no other thread is ready, so start all threads before one can run.
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

/// Spins with interrupts masked.
pub fn spin() -> ! {
    cpu::irq_disable();
    loop {
        core::hint::spin_loop();
    }
}

/// Waits for interrupts for ever; no interrupt changes anything.
pub fn sleep() -> ! {
    loop {
        cpu::wait_for_interrupt();
    }
}

/// Prints lines without a pause.
pub fn flood() -> ! {
    loop {
        kprintln!("canary: a line that is not the last one");
    }
}

/// Prints a line now and then, and sleeps between.
pub fn mutter() -> ! {
    threads(&[("mutter", || {
        loop {
            tick::sleep(PAUSE);
            kprintln!("boot: almost there");
        }
    })])
}

/// Sleeps so long that the guest seems to hang.
pub fn dawdle() {
    tick::sleep(REST);
}

/// One thread holds the disk's request lock and needs the cache's read lock; another holds the read lock and
/// needs the request lock.
pub fn deadlock_of_two() -> ! {
    threads(&[
        ("driver", || {
            device().with_request_lock(|| {
                until(|| device().request_lock_has_waiters());
                load(b"/bin/true");
            });
        }),
        ("reader", read_after_driver),
    ])
}

/// A cycle of three: one thread holds the disk's request lock and needs the exclusive loading lock, one holds
/// the cache's read lock and needs the request lock, one holds the loading lock and needs the read lock.
pub fn deadlock_of_three() -> ! {
    threads(&[
        ("driver", || {
            device().with_request_lock(|| {
                until(exec::is_loading_alone);
                exec::load_alone(b"/bin/true", || ());
            });
        }),
        ("reader", read_after_driver),
        ("loader", || exec::load_alone(b"/bin/true", || until(|| device().request_lock_has_waiters()))),
    ])
}

/// A thread takes the disk's request lock and needs it again.
pub fn self_deadlock() -> ! {
    threads(&[("driver", || device().with_request_lock(|| load(b"/bin/sh")))])
}

/// The event that a thread waits for occurs, but no thread wakes the waiter.
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

/// Two threads, each of which yields until the other has gone first.
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

/// Yields until the condition is true.
pub fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        scheduler::yield_now();
    }
}

/// Reads a program once another thread holds the disk's request lock.
fn read_after_driver() {
    until(|| device().request_lock_is_held());
    load(b"/bin/sh");
}

/// Reads a program that is not in the disk cache yet.
pub fn load(path: &[u8]) {
    // Only the read matters, not its result.
    drop(exec::load(Directory::ROOT, path, &[]));
}
