//! Vitals of a descriptor table: the waits at pipes that its process can end.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parity_abi::vitals::{DESCRIPTORS, PROCESSES as PROCESSES_MAX};

/// Pipes of a process: for each descriptor, the address of the wait queue that it can wake, 0 for none.
#[repr(C)]
pub(super) struct PipeEnds {
    taken: AtomicBool,
    /// 0 while unused.
    pub(super) pid: AtomicU32,
    /// Number of pipes at descriptors beyond the array.
    pub(super) more: AtomicU32,
    pub(super) waits: [AtomicU64; DESCRIPTORS],
}

/// A descriptor table's entry in the vitals, allocated with its first pipe. A copy has its own entry.
#[derive(Default)]
pub struct Descriptors {
    pid: u32,
    ends: Option<&'static PipeEnds>,
}

impl Descriptors {
    /// Sets the number of the process that owns the table.
    pub fn set_pid(&mut self, pid: u32) {
        self.pid = pid;
        if let Some(ends) = self.ends {
            ends.pid.store(pid, Ordering::Relaxed);
        }
    }

    /// Records that this descriptor can wake the wait queue at address `waits`; 0: none.
    pub fn set(&mut self, descriptor: usize, waits: u64) {
        if self.ends.is_none() && waits != 0 {
            self.ends = PipeEnds::take(self.pid);
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
        let copy = self.ends.and_then(|ends| Some((ends, PipeEnds::take(self.pid)?)));
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

impl PipeEnds {
    /// Allocates an empty entry; `None` if all are in use.
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

pub(super) static PROCESSES: [PipeEnds; PROCESSES_MAX] = [const {
    PipeEnds {
        taken: AtomicBool::new(false),
        pid: AtomicU32::new(0),
        more: AtomicU32::new(0),
        waits: [const { AtomicU64::new(0) }; DESCRIPTORS],
    }
}; PROCESSES_MAX];
