//! The end of a process, and with PID 1's the end of the machine's run.

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

/// Ends the running process. The caller must hold nothing that needs dropping.
pub fn exit(status: WaitStatus) -> ! {
    end_current(status);
    scheduler::exit()
}

fn end_current(status: WaitStatus) {
    let process = current();
    trace::fire(&probes::END, process.pid);
    // Not the status of PID 1, in which a test tells what it found.
    let forgotten = planted(Fault::ExitStatusLost) && process.pid != table::INIT;
    let status = if forgotten { WaitStatus::exited(0) } else { status };
    let files = core::mem::take(&mut *process.files.lock());
    drop(files);
    process.drop_memory();
    // Told before the parent can know, so that the host never sees a parent end on account of a child whose
    // end it was not told.
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

/// PID 1 has ended: whoever still lives is ended with it, and the machine is switched off.
fn shut_down() -> ! {
    // Nobody runs any more: this processor is not given away again.
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

/// PID 1 cannot be started: no fault of the kernel's. The host is told why, and the machine is switched off.
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
