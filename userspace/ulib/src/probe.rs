//! What a program may do with its memory, tried by children: who may not is killed.

use core::fmt::Display;
use core::hint::black_box;
use core::ptr;

use crate::abi::signal::SIGSEGV;
use crate::arch::{RETURN, store_byte};
use crate::child::Child;
use crate::{check, memory};

/// A use of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
    /// Where [`RETURN`] stands.
    Execute,
}

impl Use {
    /// Uses the memory so.
    ///
    /// # Safety
    /// The address is memory of nobody's that may be used so and holds [`RETURN`] if it is executed, or the program
    /// means to be killed.
    unsafe fn make(self, address: usize) {
        match self {
            Self::Read => {
                // SAFETY: the caller's promise.
                black_box(unsafe { ptr::with_exposed_provenance::<u8>(address).read_volatile() });
            }
            // SAFETY: as above.
            Self::Write => unsafe { store_byte(address) },
            Self::Execute => {
                let code: *const () = ptr::with_exposed_provenance(address);
                // SAFETY: as above; the code does nothing but return.
                unsafe { core::mem::transmute::<*const (), extern "C" fn()>(code)() };
            }
        }
    }
}

/// A child that prepares memory by `prepare`, which gives its address, may use it so.
#[track_caller]
pub fn allows(name: impl Display + Copy, how: Use, prepare: impl FnOnce() -> usize) {
    tried(how, prepare).exits(name, 0);
}

/// A child that prepares memory by `prepare`, which gives its address, is killed for using it so.
#[track_caller]
pub fn refuses(name: impl Display + Copy, how: Use, prepare: impl FnOnce() -> usize) {
    tried(how, prepare).is_killed(name, SIGSEGV);
}

#[track_caller]
fn tried(how: Use, prepare: impl FnOnce() -> usize) -> Child {
    Child::start(|| {
        let address = prepare();
        // SAFETY: the child is there for this.
        unsafe { how.make(address) };
        0
    })
}

/// Puts an instruction there that returns to the caller.
///
/// # Safety
/// The address is writable memory of nobody's.
pub unsafe fn put_code(address: usize) {
    let place: *mut [u8; RETURN.len()] = ptr::with_exposed_provenance_mut(address);
    // SAFETY: the caller's promise.
    unsafe { place.write_unaligned(RETURN) };
}

/// How much less memory may be free after what gave everything back: the kernel keeps some for the next time.
const KEPT_BYTES: usize = 2 * 1024 * 1024;

/// What `body` takes it gives back: the second and further of many rounds leave as much memory free as there was.
/// All rounds together take several times as much as the kernel may keep.
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
