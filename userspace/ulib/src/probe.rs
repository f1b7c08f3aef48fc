//! Tests of memory permissions, by children that are killed if an access is not permitted.

use core::fmt::Display;
use core::hint::black_box;
use core::ptr;

use crate::abi::signal::SIGSEGV;
use crate::arch::{RETURN, store_byte};
use crate::child::Child;
use crate::{check, memory};

/// A kind of access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
    /// Executes [`RETURN`] there.
    Execute,
}

impl Use {
    /// Accesses the memory.
    ///
    /// # Safety
    /// The address is unused memory that permits this access, and holds [`RETURN`] if it is executed; or the
    /// program is meant to be killed.
    unsafe fn make(self, address: usize) {
        match self {
            Self::Read => {
                // SAFETY: guaranteed by the caller.
                black_box(unsafe { ptr::with_exposed_provenance::<u8>(address).read_volatile() });
            }
            // SAFETY: as above.
            Self::Write => unsafe { store_byte(address) },
            Self::Execute => {
                let code: *const () = ptr::with_exposed_provenance(address);
                // SAFETY: as above; the code only returns.
                unsafe { core::mem::transmute::<*const (), extern "C" fn()>(code)() };
            }
        }
    }
}

/// Checks that a child may access memory in this way; `prepare` returns its address.
#[track_caller]
pub fn allows(name: impl Display + Copy, how: Use, prepare: impl FnOnce() -> usize) {
    tried(how, prepare).exits(name, 0);
}

/// Checks that a child is killed by accessing memory in this way; `prepare` returns its address.
#[track_caller]
pub fn refuses(name: impl Display + Copy, how: Use, prepare: impl FnOnce() -> usize) {
    tried(how, prepare).is_killed(name, SIGSEGV);
}

#[track_caller]
fn tried(how: Use, prepare: impl FnOnce() -> usize) -> Child {
    Child::start(|| {
        let address = prepare();
        // SAFETY: the child may be killed.
        unsafe { how.make(address) };
        0
    })
}

/// Writes an instruction that returns to the caller.
///
/// # Safety
/// The address is unused writable memory.
pub unsafe fn put_code(address: usize) {
    let place: *mut [u8; RETURN.len()] = ptr::with_exposed_provenance_mut(address);
    // SAFETY: guaranteed by the caller.
    unsafe { place.write_unaligned(RETURN) };
}

/// Tolerated decrease of free memory: the kernel may keep this much for reuse.
const KEPT_BYTES: usize = 2 * 1024 * 1024;

/// Checks that `body` frees all memory that it allocates: after many rounds, as much memory is free as after
/// the first. All rounds together allocate several times the tolerated decrease.
#[track_caller]
pub fn gives_back(name: impl Display, rounds: usize, mut body: impl FnMut()) {
    body();
    let before = check::ok("free memory", memory::free());
    for _ in 0..rounds {
        body();
    }
    let after = check::ok("free memory", memory::free());
    check::at_least(format_args!("bytes of memory free after {name}"), after + KEPT_BYTES, before);
}
