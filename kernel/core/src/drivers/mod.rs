//! Device drivers.

pub mod block;
pub mod block_cache;
pub mod channel;
pub mod console;
mod probes;
pub mod terminal;
pub mod virtio_block;
