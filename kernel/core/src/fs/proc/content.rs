//! Content of the files in `/proc`.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use parity_abi::Errno;
use spin::Once;

use super::node::{Node, TraceFile};
use crate::faults::{Fault, planted};
use crate::mm::{PAGE, frame};
use crate::thread::scheduler;
use crate::time;
use crate::trace::text;

/// Access to the process table, which belongs to a higher layer.
pub trait Processes: Sync {
    /// The lowest number above `pid` of a process that was not reaped yet.
    fn next(&self, pid: u32) -> Option<u32>;
    /// Writes the content of `status`; `None` if there is no such process.
    fn status(&self, pid: u32, to: &mut dyn Write) -> Option<fmt::Result>;
}

static PROCESSES: Once<&'static dyn Processes> = Once::new();

/// Registers the process table. Called once, before the first process starts.
pub fn register_processes(processes: &'static dyn Processes) {
    PROCESSES.call_once(|| processes);
}

/// Process numbers in ascending order.
pub fn pids() -> impl Iterator<Item = u32> {
    let known = PROCESSES.get().filter(|_| !planted(Fault::ProcHidesProcesses));
    let after = move |pid: u32| known.and_then(|processes| processes.next(pid));
    core::iter::successors(after(0), move |pid| after(*pid))
}

/// A string that grows by `try_reserve`: a write returns an error if memory is short.
#[derive(Default)]
struct Text(Vec<u8>);

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.try_reserve(text.len()).map_err(|_| fmt::Error)?;
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// Current content of a file; empty for a directory.
///
/// # Errors
/// ENOENT if its process was reaped; ENOMEM.
pub fn of(node: Node) -> Result<Vec<u8>, Errno> {
    let mut to = Text::default();
    let written = match node {
        Node::Root | Node::Trace | Node::Process(_) => Ok(()),
        Node::Meminfo => meminfo(&mut to),
        Node::Uptime => uptime(&mut to),
        Node::Status(pid) => {
            let processes = PROCESSES.get().ok_or(Errno::ENOENT)?;
            processes.status(faulty(pid), &mut to).ok_or(Errno::ENOENT)?
        }
        Node::TraceFile(TraceFile::Enable) => text::enable(&mut to),
        Node::TraceFile(TraceFile::Events) => text::events(&mut to),
        Node::TraceFile(TraceFile::Buffer) => text::rings(&mut to, u64::MAX),
        Node::TraceFile(TraceFile::Counters) => text::counter_values(&mut to),
        Node::TraceFile(TraceFile::Providers) => text::provider_masks(&mut to),
    };
    written.map(|()| to.0).map_err(|_| Errno::ENOMEM)
}

/// In kB of 1024 bytes, as on Linux.
fn meminfo(to: &mut impl Write) -> fmt::Result {
    let frames = frame::counts();
    let kib = |count: usize| count * PAGE / 1024;
    writeln!(to, "MemTotal: {:>14} kB", kib(frames.total))?;
    let free = if planted(Fault::AllMemoryFree) { frames.total } else { frames.free };
    writeln!(to, "MemFree: {:>15} kB", kib(free))
}

/// Seconds since boot, and total idle time of the processors in seconds, as on Linux.
fn uptime(to: &mut impl Write) -> fmt::Result {
    let [up, idle] = [time::since_boot(), time::of_counts(scheduler::idle_counts())]
        .map(|time| (time.seconds, time.nanoseconds / 10_000_000));
    let up = if planted(Fault::UptimeStands) { (0, 0) } else { up };
    writeln!(to, "{}.{:02} {}.{:02}", up.0, up.1, idle.0, idle.1)
}

/// The process number, changed by a planted fault.
fn faulty(pid: u32) -> u32 {
    if planted(Fault::StatusOfInit) { 1 } else { pid }
}
