//! System calls for memory.

use parity_abi::Errno;
use parity_abi::memory::{
    MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE,
};
use parity_arch::mem::USER_END;
use parity_arch::{PAGE_SIZE, Perm};

use super::Result;
use crate::faults::{Fault, planted};
use crate::process::current;

/// Moves the break to `wanted` if possible and returns the resulting break; never an error.
pub fn brk(wanted: u64) -> Result {
    current().with_memory(|space| Ok(space.set_break(wanted)))
}

/// Private anonymous memory at an address that the kernel selects, never both writable and executable: the
/// loader refuses such segments too.
pub fn mmap(length: u64, protection: u32, flags: u32) -> Result {
    if protection & !(PROT_READ | PROT_WRITE | PROT_EXEC) != 0 || flags & MAP_FIXED != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & (MAP_SHARED | MAP_PRIVATE) != MAP_PRIVATE {
        return Err(Errno::EINVAL);
    }
    if flags & MAP_ANONYMOUS == 0 {
        return Err(Errno::ENODEV);
    }
    let both = PROT_WRITE | PROT_EXEC;
    if protection & both == both && !planted(Fault::WritableCode) {
        return Err(Errno::EACCES);
    }
    let write = protection & PROT_WRITE != 0 || planted(Fault::ProtReadWritable);
    let read = write || protection & PROT_READ != 0 || planted(Fault::ProtNoneReadable);
    let perm = Perm { read, write, execute: protection & PROT_EXEC != 0 };
    current().with_memory(|space| space.map_anonymous(length, perm))
}

pub fn munmap(start: u64, length: u64) -> Result {
    let end = start.checked_add(length).filter(|end| *end <= USER_END.as_u64());
    if length == 0 || !start.is_multiple_of(PAGE_SIZE) || end.is_none() {
        return Err(Errno::EINVAL);
    }
    let length = match length {
        _ if planted(Fault::MunmapIgnored) => return Ok(0),
        _ if planted(Fault::MunmapFirstPage) => 1,
        length => length,
    };
    current().with_memory(|space| {
        space.unmap(start, length);
        Ok(0)
    })
}
