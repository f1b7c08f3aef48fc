//! Canaries whose threads wait for each other, or for themselves, by other means than two locks.

use core::sync::atomic::{AtomicBool, Ordering};

use super::device;
use super::stuck::{peer, threads, until};
use crate::sync::{Wait, WaitQueue};
use crate::thread::kthread;

/// Two threads, each of which parks until the other unparks it, and would unpark the other afterwards.
pub fn parks() -> ! {
    fn park_before(other: usize) {
        kthread::park();
        peer(other).unpark();
    }

    threads(&[("left", || park_before(1)), ("right", || park_before(0))])
}

/// Two threads, each of which waits for the other to end.
pub fn joins() -> ! {
    threads(&[("left", || join(1)), ("right", || join(0))])
}

/// A thread that waits for its own end.
pub fn join_itself() -> ! {
    threads(&[("narcissus", || join(0))])
}

/// A thread waits for the end of one that parks, which it would unpark afterwards.
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

/// A thread that has the disk's turn waits for the end of one that wants it.
pub fn join_under_lock() -> ! {
    threads(&[
        ("joiner", || {
            device().with_turn(|| {
                until(|| device().turn_is_wanted());
                join(1);
            });
        }),
        ("wanter", || {
            until(|| device().turn_is_taken());
            device().with_turn(|| ());
        }),
    ])
}

/// Two threads, each of which waits for what the other would do afterwards.
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
