//! Admission control: the kernel's small allocations, which cannot fail, never exhaust memory.
//!
//! User memory, page tables, stacks, cached blocks and every heap block above [`heap::SMALL`] are refused
//! (ENOMEM) while some frames are still free: the kernel's reserve, and the frames reserved for threads. Each
//! thread has a [`Reservation`] of [`CALL_FRAMES`] frames, enough for the small blocks of one system call,
//! however many threads are in calls. A call that leaves small blocks allocated (fork, open, pipe, a larger
//! descriptor table) must call [`admit`] first; so each thread uses the reserved frames for at most one call.
//!
//! Therefore a collection that can exceed that size grows by `try_reserve`, and the call returns ENOMEM on
//! failure.
//!
//! [`heap::SMALL`]: super::heap::SMALL

use parity_abi::Errno;

use super::frame::{self, Purpose};

/// Frames for the small blocks of one call, including those that remain allocated.
const CALL_FRAMES: usize = 4;

/// Frames that are unavailable to users while this value exists.
pub struct Reservation(());

impl Reservation {
    /// Reserves the frames for one thread's calls.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn for_calls() -> Result<Self, Errno> {
        if frame::reserve(CALL_FRAMES) { Ok(Self(())) } else { Err(Errno::ENOMEM) }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        frame::release_reservation(CALL_FRAMES);
    }
}

/// Admission check before a call leaves small blocks allocated for a user.
///
/// # Errors
/// ENOMEM.
pub fn admit() -> Result<(), Errno> {
    if frame::make_available(1, Purpose::User) { Ok(()) } else { Err(Errno::ENOMEM) }
}
