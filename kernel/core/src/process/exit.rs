//! Process exit, and the shutdown when PID 1 exits.

use parity_abi::Errno;
use parity_abi::signal::SIGKILL;
use parity_abi::wait::WaitStatus;
use parity_arch::{cpu, power};
use parity_record::{Reason, Record};

use super::{Process, current, probes, table};
use crate::drivers::channel;
use crate::faults::{Fault, planted};
use crate::mm::frame;
use crate::thread::scheduler;
use crate::time::since_boot_ms;
use crate::{canary, kprintln, trace};

/// Ends the running process. Nothing on its stack is dropped, so the caller must hold nothing that needs
/// dropping.
pub fn exit(status: WaitStatus) -> ! {
    end_current(status);
    scheduler::exit()
}

fn end_current(status: WaitStatus) {
    let process = current();
    trace::fire(&probes::END, process.pid);
    // Not for PID 1, whose status is the result of a test.
    let forgotten = planted(Fault::ExitStatusLost) && process.pid != table::INIT;
    let status = if forgotten { WaitStatus::exited(0) } else { status };
    let files = core::mem::take(&mut *process.files.lock());
    drop(files);
    process.drop_memory();
    // Reported before the parent can see it, so that the host never receives the end of a parent before the
    // end of a child that it waited for.
    announce(&process, table::parent_of(process.pid), status, false);
    if process.pid == table::INIT {
        shut_down();
    }
    for waiting in table::end(process.pid, status.encode()).into_iter().flatten() {
        if !planted(Fault::ExitDoesNotWake) {
            waiting.children.wake_all();
        }
    }
}

/// Shutdown after the end of PID 1: reports all remaining processes as ended and powers off.
fn shut_down() -> ! {
    // With interrupts masked, no other thread runs again.
    cpu::irq_disable();
    let mut last = table::INIT;
    while let Some((process, parent)) = table::next_living(last) {
        announce(&process, parent, WaitStatus::killed(SIGKILL), true);
        last = process.pid;
    }
    let memory = frame::counts();
    kprintln!(
        "shutdown: PID 1 ended at {} ms; frames: {} of {} free",
        since_boot_ms(),
        memory.free,
        memory.total
    );
    canary::before_shutdown();
    power_off(Reason::InitEnded)
}

/// Reports to the host that PID 1 cannot be started, which is not a fault of the kernel, and powers off.
pub fn without_init(program: &str, errno: Errno) -> ! {
    cpu::irq_disable();
    kprintln!("shutdown: cannot start {program}: {errno}");
    channel::send(Record::ExecFailed { errno: errno.number().into(), program: program.as_bytes() });
    power_off(Reason::NoInit)
}

fn power_off(reason: Reason) -> ! {
    channel::send(Record::Shutdown { reason });
    canary::after_shutdown();
    power::power_off()
}

fn announce(process: &Process, parent: u32, status: WaitStatus, survivor: bool) {
    let (pid, program) = (process.pid, process.program());
    let (status_number, program_bytes) = (status.encode(), program.as_bytes());
    channel::send(Record::ProcEnd {
        pid,
        ppid: parent,
        status: status_number,
        survivor,
        program: program_bytes,
    });
    let how = if survivor { " (survivor of PID 1)" } else { "" };
    kprintln!("process {pid} ({program}): {status:?}{how}");
}
