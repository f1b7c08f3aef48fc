//! Deadlocks that involve parking, joining or wait queues, not only locks.

use core::sync::atomic::{AtomicBool, Ordering};

use super::device;
use super::stuck::{peer, threads, until};
use crate::sync::{Wait, WaitQueue};
use crate::thread::kthread;

/// Two threads, each of which parks until the other unparks it, and unparks the other only afterwards.
pub fn parks() -> ! {
    fn park_before(other: usize) {
        kthread::park();
        peer(other).unpark();
    }

    threads(&[("left", || park_before(1)), ("right", || park_before(0))])
}

/// Two threads, each of which joins the other.
pub fn joins() -> ! {
    threads(&[("left", || join(1)), ("right", || join(0))])
}

/// A thread that joins itself.
pub fn join_itself() -> ! {
    threads(&[("narcissus", || join(0))])
}

/// A thread joins a parked thread, which it would unpark only afterwards.
pub fn join_of_parked() -> ! {
    threads(&[
        ("parked", || {
            kthread::park();
        }),
        ("joiner", || {
            until(|| peer(0).is_parked());
            join(0);
            peer(0).unpark();
        }),
    ])
}

/// A thread with the disk's request lock joins a thread that needs this lock.
pub fn join_under_lock() -> ! {
    threads(&[
        ("joiner", || {
            device().with_request_lock(|| {
                until(|| device().request_lock_has_waiters());
                join(1);
            });
        }),
        ("wanter", || {
            until(|| device().request_lock_is_held());
            device().with_request_lock(|| ());
        }),
    ])
}

/// Two threads, each of which waits for an event that the other would signal only afterwards.
pub fn queues() -> ! {
    static FIRST: Event = Event::new();
    static SECOND: Event = Event::new();

    threads(&[
        ("left", || {
            FIRST.wait();
            SECOND.come();
        }),
        ("right", || {
            SECOND.wait();
            FIRST.come();
        }),
    ])
}

struct Event {
    came: AtomicBool,
    waiting: WaitQueue,
}

impl Event {
    const fn new() -> Self {
        Self { came: AtomicBool::new(false), waiting: WaitQueue::new(Wait::Queue) }
    }

    fn wait(&self) {
        self.waiting.wait_until(|| self.came.load(Ordering::Acquire).then_some(()));
    }

    fn come(&self) {
        self.came.store(true, Ordering::Release);
        self.waiting.wake_all();
    }
}

fn join(other: usize) {
    peer(other).join();
}
