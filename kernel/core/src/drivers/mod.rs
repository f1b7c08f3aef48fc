//! Devices.

pub mod block;
pub mod block_cache;
pub mod channel;
pub mod console;
mod probes;
pub mod terminal;
mod virtio_block;
