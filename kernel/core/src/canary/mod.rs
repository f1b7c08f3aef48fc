//! Canaries: deliberate failures of the kernel that prove that the host tells them apart.
//!
//! They exist only in builds with feature `canaries`; `canary=NAME` on the command line selects one of
//! [`chosen`], and `panic_at=STAGE` a panic after that stage of the boot.

#[cfg(feature = "canaries")]
mod chosen;
#[cfg(feature = "canaries")]
mod ends;
#[cfg(feature = "canaries")]
mod machine;
#[cfg(feature = "canaries")]
mod stuck;
#[cfg(feature = "canaries")]
mod untrue;
#[cfg(feature = "canaries")]
mod waits;

#[cfg(feature = "canaries")]
pub use chosen::{after_shutdown, at_stage, before_shutdown, choose, instead_of_init, says_hello};

/// The disk's device, whose locks canaries misuse.
#[cfg(feature = "canaries")]
fn device() -> &'static crate::drivers::virtio_block::Device {
    let disk = crate::drivers::block::disk();
    disk.and_then(|disk| disk.device()).unwrap_or_else(|| panic!("canary: the disk is no device"))
}

#[cfg(not(feature = "canaries"))]
mod nothing {
    pub const fn choose(_command_line: &str) {}
    pub const fn says_hello() -> bool {
        true
    }
    pub const fn at_stage(_stage: &str) {}
    pub const fn instead_of_init() {}
    pub const fn before_shutdown() {}
    pub const fn after_shutdown() {}
}

#[cfg(not(feature = "canaries"))]
pub use nothing::{after_shutdown, at_stage, before_shutdown, choose, instead_of_init, says_hello};
