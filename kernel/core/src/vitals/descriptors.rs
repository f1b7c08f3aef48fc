//! Vital signs of a table of descriptors: which waits at pipes its process can end.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parity_abi::vitals::{DESCRIPTORS, PROCESSES as PROCESSES_MAX};

/// The pipes of a process: for each descriptor, the address of the waits that it can end, 0 for none.
#[repr(C)]
pub(super) struct Ends {
    taken: AtomicBool,
    /// 0 as long as it is no process's.
    pub(super) pid: AtomicU32,
    /// Pipes given to descriptors that there is no room for here.
    pub(super) more: AtomicU32,
    pub(super) waits: [AtomicU64; DESCRIPTORS],
}

/// What a table of descriptors notes of its pipes, from its first one on. A copy has a note of its own.
#[derive(Default)]
pub struct Descriptors {
    pid: u32,
    ends: Option<&'static Ends>,
}

impl Descriptors {
    /// Number of the process that they belong to.
    pub fn set_pid(&mut self, pid: u32) {
        self.pid = pid;
        if let Some(ends) = self.ends {
            ends.pid.store(pid, Ordering::Relaxed);
        }
    }

    /// Who has this descriptor can end the waits at this address; 0: none.
    pub fn set(&mut self, descriptor: usize, waits: u64) {
        if self.ends.is_none() && waits != 0 {
            self.ends = Ends::take(self.pid);
        }
        let Some(ends) = self.ends else { return };
        match ends.waits.get(descriptor) {
            Some(place) => place.store(waits, Ordering::Relaxed),
            None if waits != 0 => drop(ends.more.fetch_add(1, Ordering::Relaxed)),
            None => {}
        }
    }
}

impl Clone for Descriptors {
    fn clone(&self) -> Self {
        let copy = self.ends.and_then(|ends| Some((ends, Ends::take(self.pid)?)));
        if let Some((from, to)) = copy {
            to.more.store(from.more.load(Ordering::Relaxed), Ordering::Relaxed);
            for (from, to) in from.waits.iter().zip(&to.waits) {
                to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        Self { pid: self.pid, ends: copy.map(|(_, to)| to) }
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        if let Some(ends) = self.ends {
            ends.pid.store(0, Ordering::Relaxed);
            ends.taken.store(false, Ordering::Release);
        }
    }
}

impl Ends {
    /// An empty one; `None` when all are taken.
    fn take(pid: u32) -> Option<&'static Self> {
        let free = |ends: &&Self| !ends.taken.swap(true, Ordering::Acquire);
        let start = pid as usize % PROCESSES_MAX;
        let ends = PROCESSES[start..].iter().chain(&PROCESSES[..start]).find(free)?;
        ends.pid.store(pid, Ordering::Relaxed);
        ends.more.store(0, Ordering::Relaxed);
        ends.waits.iter().for_each(|waits| waits.store(0, Ordering::Relaxed));
        Some(ends)
    }
}

pub(super) static PROCESSES: [Ends; PROCESSES_MAX] = [const {
    Ends {
        taken: AtomicBool::new(false),
        pid: AtomicU32::new(0),
        more: AtomicU32::new(0),
        waits: [const { AtomicU64::new(0) }; DESCRIPTORS],
    }
}; PROCESSES_MAX];
