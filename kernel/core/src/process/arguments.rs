//! Program arguments, copied directly from their source to the top of the new stack.

use alloc::vec;

use parity_abi::Errno;
use parity_abi::limits::{ARG_BYTES_MAX, ARG_COUNT_MAX, ARG_TOTAL_BYTES_MAX};
use parity_arch::mem::USER_STACK_TOP;

use super::current;
use crate::faults::{Fault, planted};
use crate::mm::{AddressSpace, user};

/// Size of a word on the stack.
const WORD: usize = 8;
/// Alignment of the stack pointer at program start, in bytes.
const STACK_ALIGN: usize = 16;
/// Number of bytes copied at a time.
const PIECE: usize = 256;

/// An argument, without its NUL.
#[derive(Clone, Copy)]
pub enum Argument<'a> {
    Kernel(&'a [u8]),
    /// In the running process's memory, which does not change while its only thread is in this call.
    User {
        address: u64,
        length: usize,
    },
}

impl Argument<'_> {
    const fn length(&self) -> usize {
        match self {
            Self::Kernel(bytes) => bytes.len(),
            Self::User { length, .. } => *length,
        }
    }

    /// Copies it to `address` in a new program's memory.
    fn put(&self, memory: &AddressSpace, address: u64) -> Result<(), Errno> {
        let (from, length) = match *self {
            Self::Kernel(bytes) => return user::load(memory, address, bytes),
            Self::User { address, length } => (address, length),
        };
        let mut piece = [0; PIECE];
        for done in (0..length).step_by(PIECE) {
            let piece = &mut piece[..PIECE.min(length - done)];
            current().with_memory(|space| user::read(space, from + done as u64, piece))?;
            user::load(memory, address + done as u64, piece)?;
        }
        Ok(())
    }
}

/// Finds the arguments in `argv` of the running process; returns their number.
///
/// # Errors
/// EFAULT, E2BIG.
pub fn find(argv: u64, found: &mut [Argument; ARG_COUNT_MAX]) -> Result<usize, Errno> {
    let process = current();
    let _kept = planted(Fault::CallsUnadmitted).then(|| vec![0_u8; ARG_COUNT_MAX * ARG_BYTES_MAX]);
    process.with_memory(|space| {
        for count in 0..=ARG_COUNT_MAX {
            let slot = argv.checked_add((count * WORD) as u64).ok_or(Errno::EFAULT)?;
            let address = user::read_value::<u64>(space, slot)?;
            if address == 0 {
                return Ok(count);
            }
            let place = found.get_mut(count).ok_or(Errno::E2BIG)?;
            let length = user::string_length(space, address, ARG_BYTES_MAX, Errno::E2BIG)?;
            *place = Argument::User { address, length };
        }
        Err(Errno::E2BIG)
    })
}

/// Size in bytes of the arguments on the stack, vector included.
///
/// # Errors
/// E2BIG.
pub fn size(arguments: &[Argument]) -> Result<usize, Errno> {
    let strings: usize = arguments.iter().map(|argument| argument.length() + 1).sum();
    let total = (vector_bytes(arguments) + strings).next_multiple_of(STACK_ALIGN);
    if total > ARG_TOTAL_BYTES_MAX { Err(Errno::E2BIG) } else { Ok(total) }
}

/// Size of the vector: argc, the pointers, NULL.
const fn vector_bytes(arguments: &[Argument]) -> usize {
    (arguments.len() + 2) * WORD
}

/// Fills the top of a new, zeroed stack: argc, pointers to the arguments, NULL, and above them the arguments.
/// Returns the initial stack pointer.
///
/// # Errors
/// E2BIG; EFAULT if the stack is not mapped.
pub fn put(memory: &AddressSpace, arguments: &[Argument]) -> Result<u64, Errno> {
    let sp = USER_STACK_TOP.as_u64() - size(arguments)? as u64;
    let word =
        |index: usize, value: u64| user::load(memory, sp + (index * WORD) as u64, &value.to_le_bytes());
    word(0, arguments.len() as u64)?;
    let mut address = sp + vector_bytes(arguments) as u64;
    for (index, argument) in (1..).zip(arguments) {
        word(index, address)?;
        argument.put(memory, address)?;
        address += argument.length() as u64 + 1;
    }
    Ok(sp)
}
