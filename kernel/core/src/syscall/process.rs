//! System calls for processes.

use parity_abi::Errno;
use parity_abi::limits::ARG_COUNT_MAX;
use parity_abi::wait::{WCONTINUED, WNOHANG, WUNTRACED, WaitStatus};
use parity_arch::TrapFrame;

use super::Result;
use super::file::read_path;
use crate::faults::{Fault, planted};
use crate::mm::user;
use crate::process::arguments::{self, Argument};
use crate::process::{current, exec as loader, exit as ending, fork as forking, wait};
use crate::thread::scheduler;

pub fn exit(code: i32) -> ! {
    ending::exit(WaitStatus::exited(code))
}

pub fn yield_now() -> Result {
    if !planted(Fault::YieldIgnored) {
        scheduler::yield_now();
    }
    Ok(0)
}

pub fn getpid() -> Result {
    Ok(current().pid.into())
}

pub fn fork(frame: &TrapFrame) -> Result {
    forking::fork(frame).map(u64::from)
}

/// exec(path, argv); a null `argv` means the path as the only argument.
pub fn exec(frame: &mut TrapFrame) -> Result<()> {
    let (path, argv) = (frame.syscall_arg(0), frame.syscall_arg(1));
    let path = read_path(path)?;
    let mut places = [Argument::Kernel(&path); ARG_COUNT_MAX];
    let count = if argv == 0 { 1 } else { arguments::find(argv, &mut places)? };
    loader::exec(&path, &places[..count], frame)
}

/// wait4(pid, status, options, usage). There are no process groups yet, so no child matches a group.
pub fn wait4(pid: i32, status: u64, options: u32, usage: u64) -> Result {
    if options & !(WNOHANG | WUNTRACED | WCONTINUED) != 0 {
        return Err(Errno::EINVAL);
    }
    if usage != 0 {
        // The kernel does not measure resource usage, and zeros would be wrong.
        return Err(Errno::ENOSYS);
    }
    let wanted = match pid {
        -1 => None,
        1.. => Some(pid.unsigned_abs()),
        _ => return Err(Errno::ECHILD),
    };
    let process = current();
    if status != 0 {
        // Checked before the child is reaped.
        process.with_memory(|space| user::check_writable(space, status, size_of::<i32>()))?;
    }
    let Some(ended) = wait::wait(wanted, options & WNOHANG != 0)? else { return Ok(0) };
    if status != 0 {
        process.with_memory(|space| user::write_value(space, status, &ended.status))?;
    }
    Ok(ended.pid.into())
}
