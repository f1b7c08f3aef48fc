//! Memory: physical frames, kernel heap, user address spaces, and access to user memory.

pub mod address_space;
pub mod admission;
pub mod frame;
pub mod heap;
mod page;
pub mod probes;
pub mod shrinker;
pub mod user;

pub use address_space::AddressSpace;
pub use page::Page;

/// Size of a page and of a frame in bytes.
pub const PAGE: usize = parity_arch::PAGE_SIZE as usize;
