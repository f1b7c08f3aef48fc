//! The process table: living and ended processes, and their parents.

use alloc::collections::BTreeMap;
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use parity_abi::Errno;

use super::Process;
use crate::faults::{Fault, planted};
use crate::fs::proc::Processes;
use crate::sync::SpinLock;
use crate::thread::Thread;

/// The process that inherits orphaned children.
pub const INIT: u32 = 1;

static NEXT_PID: AtomicU32 = AtomicU32::new(INIT);

static TABLE: SpinLock<BTreeMap<u32, Entry>> = SpinLock::new(BTreeMap::new());

struct Entry {
    process: Arc<Process>,
    parent: u32,
    /// Empty when the thread has ended.
    thread: Weak<Thread>,
    /// Wait status of a process that has ended and was not reaped yet.
    ended: Option<i32>,
}

/// Allocates a number that no process has had.
pub fn next_pid() -> u32 {
    let pid = NEXT_PID.fetch_add(1, Ordering::Relaxed);
    if planted(Fault::PidsCut) { pid & 0xff } else { pid }
}

pub fn insert(process: Arc<Process>, parent: u32, thread: &Arc<Thread>) {
    thread.set_parent(parent);
    let entry = Entry { process, parent, thread: Arc::downgrade(thread), ended: None };
    TABLE.lock().insert(entry.process.pid, entry);
}

/// The parent's number, 0 for PID 1 and for unknown numbers.
pub fn parent_of(pid: u32) -> u32 {
    TABLE.lock().get(&pid).map_or(0, |entry| entry.parent)
}

/// The process with the lowest number above `pid` that has not ended, with its parent's number.
pub fn next_living(pid: u32) -> Option<(Arc<Process>, u32)> {
    let table = TABLE.lock();
    let mut later = table.range(pid.saturating_add(1)..).map(|(_, entry)| entry);
    later.find(|entry| entry.ended.is_none()).map(|entry| (entry.process.clone(), entry.parent))
}

/// Records that a process has ended and makes PID 1 the parent of its children. Returns the processes whose
/// `children` queues must be woken: the parent, and PID 1 if it inherited a child that has ended.
pub fn end(pid: u32, status: i32) -> [Option<Arc<Process>>; 2] {
    let mut table = TABLE.lock();
    let mut inherited_ended = false;
    for child in table.values_mut().filter(|entry| entry.parent == pid) {
        child.parent = INIT;
        inherited_ended |= child.ended.is_some();
    }
    let parent = table.get_mut(&pid).map(|entry| {
        entry.ended = Some(status);
        entry.parent
    });
    let heir = (inherited_ended && !planted(Fault::HeirNotWoken)).then_some(INIT);
    [parent, heir].map(|pid| table.get(&pid?).map(|entry| entry.process.clone()))
}

/// Removes an ended child of `parent` from the table and returns it with its status: the child `wanted`, or
/// any. `None` if there are such children but none has ended.
///
/// # Errors
/// ECHILD if there is no such child.
pub fn reap(parent: u32, wanted: Option<u32>) -> Result<Option<(Arc<Process>, i32)>, Errno> {
    let mut table = TABLE.lock();
    let is_wanted =
        |pid: u32, entry: &Entry| entry.parent == parent && wanted.is_none_or(|wanted| wanted == pid);
    let mut candidates = table.iter().filter(|(pid, entry)| is_wanted(**pid, entry)).peekable();
    candidates.peek().ok_or(Errno::ECHILD)?;
    let ended = candidates.find_map(|(pid, entry)| entry.ended.map(|status| (*pid, status)));
    if planted(Fault::WaitpidNeverReaps) {
        return Ok(ended.and_then(|(pid, status)| Some((table.get(&pid)?.process.clone(), status))));
    }
    Ok(ended.and_then(|(pid, status)| table.remove(&pid).map(|entry| (entry.process, status))))
}

/// The process table for `/proc`.
pub struct Table;

impl Processes for Table {
    fn next(&self, pid: u32) -> Option<u32> {
        TABLE.lock().range(pid.saturating_add(1)..).next().map(|(pid, _)| *pid)
    }

    fn status(&self, pid: u32, to: &mut dyn fmt::Write) -> Option<fmt::Result> {
        let (process, parent, thread, ended) = {
            let table = TABLE.lock();
            let entry = table.get(&pid)?;
            (entry.process.clone(), entry.parent, entry.thread.upgrade(), entry.ended.is_some())
        };
        let state = match thread {
            Some(thread) if !ended && thread.is_asleep() => "S (sleeping)",
            Some(_) if !ended => "R (running)",
            _ => "Z (zombie)",
        };
        let program = process.program();
        let name = program.rsplit('/').next().unwrap_or_default();
        Some(writeln!(to, "Name:\t{name}\nState:\t{state}\nPid:\t{pid}\nPPid:\t{parent}\nThreads:\t1"))
    }
}
