//! Admission: why the kernel's small blocks, which cannot be refused, never run out.
//!
//! A program's memory, page tables, stacks, cached blocks and every block of the heap above [`heap::SMALL`] are
//! refused (ENOMEM) while some frames are still free: the kernel's reserve, and what is promised to the threads.
//! Each thread has a [`Promise`] of [`CALL_FRAMES`] frames, so that the small blocks which a call takes always exist,
//! however many threads are in calls. A call that leaves small blocks behind (fork, open, pipe, a larger table of
//! descriptors) asks [`admit`] first; so each thread can take from the promised frames for one call at most.
//!
//! So a collection that can grow above that size is grown by `try_reserve`, and its user gets ENOMEM.
//!
//! [`heap::SMALL`]: super::heap::SMALL

use parity_abi::Errno;

use super::frame::{self, Purpose};

/// Frames that the small blocks of one call fit into, those that it leaves behind included.
const CALL_FRAMES: usize = 4;

/// Frames that users cannot have as long as this exists.
pub struct Promise(());

impl Promise {
    /// What one thread needs in its calls.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn for_calls() -> Result<Self, Errno> {
        if frame::promise(CALL_FRAMES) { Ok(Self(())) } else { Err(Errno::ENOMEM) }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        frame::take_promise_back(CALL_FRAMES);
    }
}

/// To be asked before a call leaves small blocks behind on behalf of a user.
///
/// # Errors
/// ENOMEM.
pub fn admit() -> Result<(), Errno> {
    if frame::make_available(1, Purpose::User) { Ok(()) } else { Err(Errno::ENOMEM) }
}
