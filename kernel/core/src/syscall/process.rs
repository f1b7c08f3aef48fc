//! Calls about processes.

use alloc::vec::Vec;

use parity_abi::Errno;
use parity_abi::limits::{ARG_BYTES_MAX, ARG_COUNT_MAX, PATH_MAX};
use parity_abi::wait::{WCONTINUED, WNOHANG, WUNTRACED, WaitStatus};
use parity_arch::TrapFrame;

use super::Result;
use crate::faults::{Fault, planted};
use crate::mm::{AddressSpace, user};
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

/// exec(path, argv); a null `argv` stands for the path alone.
pub fn exec(frame: &mut TrapFrame) -> Result<()> {
    let (path, argv) = (frame.syscall_arg(0), frame.syscall_arg(1));
    let (path, mut arguments) = current().with_memory(|space| {
        let path = user::read_string(space, path, PATH_MAX, Errno::ENAMETOOLONG)?;
        Ok((path, read_arguments(space, argv)?))
    })?;
    if argv == 0 {
        arguments.push(path.clone());
    }
    let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
    loader::exec(&path, &arguments, frame)
}

fn read_arguments(space: &AddressSpace, argv: u64) -> Result<Vec<Vec<u8>>> {
    let mut arguments = Vec::new();
    if argv == 0 {
        return Ok(arguments);
    }
    loop {
        let slot = argv.checked_add(arguments.len() as u64 * 8).ok_or(Errno::EFAULT)?;
        match user::read_value::<u64>(space, slot)? {
            0 => return Ok(arguments),
            _ if arguments.len() == ARG_COUNT_MAX => return Err(Errno::E2BIG),
            string => arguments.push(user::read_string(space, string, ARG_BYTES_MAX, Errno::E2BIG)?),
        }
    }
}

/// wait4(pid, status, options, usage). There are no process groups yet, so a group is nobody's child.
pub fn wait4(pid: i32, status: u64, options: u32, usage: u64) -> Result {
    if options & !(WNOHANG | WUNTRACED | WCONTINUED) != 0 {
        return Err(Errno::EINVAL);
    }
    if usage != 0 {
        // Nobody measures what a process uses, and zeros would be a lie.
        return Err(Errno::ENOSYS);
    }
    let wanted = match pid {
        -1 => None,
        1.. => Some(pid.unsigned_abs()),
        _ => return Err(Errno::ECHILD),
    };
    let process = current();
    if status != 0 {
        // Asked before the child is gone for good.
        process.with_memory(|space| user::check_writable(space, status, size_of::<i32>()))?;
    }
    let Some(ended) = wait::wait(wanted, options & WNOHANG != 0)? else { return Ok(0) };
    if status != 0 {
        process.with_memory(|space| user::write_value(space, status, &ended.status))?;
    }
    Ok(ended.pid.into())
}
