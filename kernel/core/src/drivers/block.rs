//! The disk: an image that the loader put into memory, otherwise the first virtio-blk device.

use alloc::boxed::Box;
use core::slice;

use parity_abi::Errno;
use parity_arch::mem::phys_to_virt;
use parity_arch::{BootInfo, intc};
use spin::Once;

use super::probes;
use super::virtio_block::Device;
use crate::trace;

static DISK: Once<Disk> = Once::new();

/// A read-only disk.
pub struct Disk {
    medium: Medium,
    /// Size in bytes.
    pub bytes: u64,
}

enum Medium {
    Memory(&'static [u8]),
    Device(Box<Device>),
}

/// Finds the disk and sets it up. Called once.
///
/// # Errors
/// ENODEV without a disk; EIO if the device does not work.
pub fn init(boot: &BootInfo) -> Result<&'static Disk, Errno> {
    let (medium, bytes) = match &boot.ram_disk {
        Some(range) => {
            let bytes = range.end - range.start;
            // SAFETY: the linear map covers the image, and the frame allocator does not manage its memory.
            let image = unsafe { slice::from_raw_parts(phys_to_virt(range.start), bytes as usize) };
            (Medium::Memory(image), bytes)
        }
        None => {
            let device = Device::find(boot)?;
            let bytes = device.bytes;
            (Medium::Device(Box::new(device)), bytes)
        }
    };
    let disk = DISK.call_once(|| Disk { medium, bytes });
    trace::register(&probes::PROVIDER, &[]);
    if let Medium::Device(device) = &disk.medium {
        intc::enable(device.irq);
    }
    Ok(disk)
}

/// The disk, after [`init`].
pub fn disk() -> Option<&'static Disk> {
    DISK.get()
}

/// Handles an interrupt if it is the disk's; returns whether it was.
pub fn handle_interrupt(irq: u32) -> bool {
    match DISK.get().map(|disk| &disk.medium) {
        Some(Medium::Device(device)) if device.irq == irq => {
            device.interrupt();
            true
        }
        _ => false,
    }
}

impl Disk {
    /// Reads into `buffer` from byte `offset`; both offset and length must be multiples of 512 bytes.
    ///
    /// # Errors
    /// EIO.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        match &self.medium {
            Medium::Device(device) => device.read(offset, buffer),
            Medium::Memory(image) => {
                let rest = image.get(offset as usize..).unwrap_or_default();
                buffer.copy_from_slice(rest.get(..buffer.len()).ok_or(Errno::EIO)?);
                Ok(())
            }
        }
    }
}

/// For canaries.
#[cfg(feature = "canaries")]
impl Disk {
    /// The disk's device, `None` for a memory image.
    pub const fn device(&self) -> Option<&Device> {
        match &self.medium {
            Medium::Device(device) => Some(device),
            Medium::Memory(_) => None,
        }
    }
}
