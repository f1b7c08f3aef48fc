//! The disk: the image that the loader put into memory, else the first virtio-blk device.

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

/// A disk, for reading.
pub struct Disk {
    medium: Medium,
    /// Size in bytes.
    pub bytes: u64,
}

enum Medium {
    Memory(&'static [u8]),
    Device(Box<Device>),
}

/// Looks for the disk and sets it up. Called once.
///
/// # Errors
/// ENODEV if there is none; EIO if it does not answer as it should.
pub fn init(boot: &BootInfo) -> Result<&'static Disk, Errno> {
    let (medium, bytes) = match &boot.ram_disk {
        Some(range) => {
            let bytes = range.end - range.start;
            // SAFETY: the linear map covers it, and it is not among the memory that anybody is given.
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

/// The disk, once it is set up.
pub fn disk() -> Option<&'static Disk> {
    DISK.get()
}

/// Takes a device's interrupt; whether it was the disk's.
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
    /// Fills `buffer`, a multiple of 512 bytes, from byte `offset`, another one.
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

/// What canaries do with its locks, and no driver must.
#[cfg(feature = "canaries")]
impl Disk {
    /// Acts with the disk's turn.
    pub fn while_it_is_ours(&self, act: impl FnOnce()) {
        if let Medium::Device(device) = &self.medium {
            device.while_it_is_ours(act);
        }
    }

    /// Acts with the driver's lock.
    pub fn while_driver_is_locked(&self, act: impl FnOnce()) {
        if let Medium::Device(device) = &self.medium {
            device.while_driver_is_locked(act);
        }
    }
}
