//! Disks on virtio-mmio, driven by crate `virtio-drivers`.

use core::ptr::NonNull;

use parity_abi::Errno;
use parity_arch::mem::{phys_to_virt, virt_to_phys};
use parity_arch::{BootInfo, PhysAddr, VirtioMmio};
use parity_inventory::inventory;
use virtio_drivers::device::blk::{BlkReq, BlkResp, SECTOR_SIZE, VirtIOBlk};
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};
use virtio_drivers::{BufferDirection, Hal};

use super::probes;
use crate::faults::{Fault, planted};
use crate::mm::PAGE;
use crate::mm::frame::{self, Purpose};
use crate::sync::{Mutex, SpinLock, Wait, WaitQueue};
use crate::trace;

inventory!("driver", "block: virtio-blk, virtio-mmio");

type Driver = VirtIOBlk<Dma, MmioTransport<'static>>;

/// A virtio-blk disk. A reading thread sleeps until the device interrupts.
pub struct Device {
    /// Held during a request: there is one at a time, so the device's queue cannot overflow.
    request_lock: Mutex<()>,
    driver: SpinLock<Driver>,
    /// Wait queue of the thread whose request is pending.
    done: WaitQueue,
    pub irq: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether the handler returns without acknowledging the interrupt, so that it comes again at once.
    #[cfg(feature = "canaries")]
    pub ignores_interrupts: core::sync::atomic::AtomicBool,
}

fn block_transport(slot: &VirtioMmio) -> Option<MmioTransport<'static>> {
    let header = NonNull::new(phys_to_virt(slot.base).cast::<VirtIOHeader>())?;
    // SAFETY: the boot information gives the address and size of the register block, which the linear map
    // always covers; no other code uses it.
    let transport = unsafe { MmioTransport::new(header, slot.size as usize) }.ok()?;
    (transport.device_type() == DeviceType::Block).then_some(transport)
}

impl Device {
    /// Finds and sets up the first virtio-blk disk; the caller must enable its interrupt.
    ///
    /// # Errors
    /// ENODEV without a disk; EIO if the device does not work.
    pub fn find(boot: &BootInfo) -> Result<Self, Errno> {
        let mut slots = boot.virtio_mmio.iter();
        let (transport, irq) =
            slots.find_map(|slot| Some((block_transport(slot)?, slot.irq))).ok_or(Errno::ENODEV)?;
        let driver = Driver::new(transport).map_err(|_| Errno::EIO)?;
        let bytes = driver.capacity() * SECTOR_SIZE as u64;
        let (request_lock, driver) = (Mutex::new(()), SpinLock::new(driver));
        Ok(Self {
            request_lock,
            driver,
            done: WaitQueue::new(Wait::Disk),
            irq,
            bytes,
            #[cfg(feature = "canaries")]
            ignores_interrupts: false.into(),
        })
    }

    /// Handles the device's interrupt.
    pub fn interrupt(&self) {
        #[cfg(feature = "canaries")]
        if self.ignores_interrupts.load(core::sync::atomic::Ordering::Relaxed) {
            return;
        }
        self.driver.lock().ack_interrupt();
        if !planted(Fault::DiskInterruptLost) {
            self.done.wake_all();
        }
    }

    /// Reads into `buffer` from byte `offset`; both offset and length must be multiples of 512 bytes.
    ///
    /// # Errors
    /// EIO.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        let sector = offset as usize / SECTOR_SIZE;
        let (mut request, mut response) = (BlkReq::default(), BlkResp::default());
        let _request = self.request_lock.lock();
        trace::fire(&probes::START, sector as u32);
        // SAFETY: the three buffers neither move nor are accessed until `complete_read_blocks`.
        let token = unsafe { self.driver.lock().read_blocks_nb(sector, &mut request, buffer, &mut response) };
        let token = token.map_err(|_| Errno::EIO)?;
        self.done.wait_until(|| (self.driver.lock().peek_used() == Some(token)).then_some(()));
        // SAFETY: these are the buffers of the request.
        let read = unsafe { self.driver.lock().complete_read_blocks(token, &request, buffer, &mut response) };
        trace::fire(&probes::END, sector as u32);
        read.map_err(|_| Errno::EIO)
    }
}

/// Access to the locks for canaries, which misuse them.
#[cfg(feature = "canaries")]
impl Device {
    /// Whether a thread holds the request lock.
    pub fn request_lock_is_held(&self) -> bool {
        self.request_lock.is_locked()
    }

    /// Whether a thread waits for the request lock.
    pub fn request_lock_has_waiters(&self) -> bool {
        self.request_lock.has_waiters()
    }

    /// Runs `act` with the request lock held.
    pub fn with_request_lock(&self, act: impl FnOnce()) {
        let _request = self.request_lock.lock();
        act();
    }

    /// Runs `act` with the driver's lock held.
    pub fn with_driver_locked(&self, act: impl FnOnce()) {
        let _driver = self.driver.lock();
        act();
    }
}

/// DMA memory: the device can access all RAM at its physical address.
struct Dma;

// SAFETY: frames come from the frame allocator, zeroed and for exclusive use. Buffers are kernel memory,
// whose physical address the architecture knows; each is physically contiguous, also on a stack.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (u64, NonNull<u8>) {
        let start = frame::allocate(pages, Purpose::Kernel).and_then(|start| {
            let memory = NonNull::new(phys_to_virt(start))?;
            // SAFETY: the frames were just allocated.
            unsafe { memory.write_bytes(0, pages * PAGE) };
            Some((start.0, memory))
        });
        // The crate takes address 0 for a failed allocation.
        start.unwrap_or((0, NonNull::dangling()))
    }

    unsafe fn dma_dealloc(start: u64, _memory: NonNull<u8>, pages: usize) -> i32 {
        frame::free(PhysAddr(start), pages);
        0
    }

    unsafe fn mmio_phys_to_virt(start: u64, _bytes: usize) -> NonNull<u8> {
        NonNull::new(phys_to_virt(PhysAddr(start))).unwrap_or(NonNull::dangling())
    }

    unsafe fn share(buffer: NonNull<[u8]>, _direction: BufferDirection) -> u64 {
        virt_to_phys(buffer.as_ptr()).0
    }

    unsafe fn unshare(_start: u64, _buffer: NonNull<[u8]>, _direction: BufferDirection) {}
}
