//! Disks that are virtio-blk devices on virtio-mmio, driven by crate `virtio-drivers`.

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

/// One such disk. Whoever reads sleeps until the device interrupts.
pub struct Device {
    /// Held across a request: one at a time, so the device's queue cannot overflow.
    turn: Mutex<()>,
    driver: SpinLock<Driver>,
    /// Where the reader waits for its request to be done.
    done: WaitQueue,
    pub irq: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether its interrupts are taken and not acknowledged, so that they come again at once.
    #[cfg(feature = "canaries")]
    pub deaf: core::sync::atomic::AtomicBool,
}

fn block_transport(slot: &VirtioMmio) -> Option<MmioTransport<'static>> {
    let header = NonNull::new(phys_to_virt(slot.base).cast::<VirtIOHeader>())?;
    // SAFETY: the boot information names a register block of this size, which the linear map covers for good;
    // nobody else uses it.
    let transport = unsafe { MmioTransport::new(header, slot.size as usize) }.ok()?;
    (transport.device_type() == DeviceType::Block).then_some(transport)
}

impl Device {
    /// The first of them that is a disk, set up; its interrupt is still to be enabled.
    ///
    /// # Errors
    /// ENODEV if there is none; EIO if it does not answer as it should.
    pub fn find(boot: &BootInfo) -> Result<Self, Errno> {
        let mut slots = boot.virtio_mmio.iter();
        let (transport, irq) =
            slots.find_map(|slot| Some((block_transport(slot)?, slot.irq))).ok_or(Errno::ENODEV)?;
        let driver = Driver::new(transport).map_err(|_| Errno::EIO)?;
        let bytes = driver.capacity() * SECTOR_SIZE as u64;
        let (turn, driver) = (Mutex::new(()), SpinLock::new(driver));
        Ok(Self {
            turn,
            driver,
            done: WaitQueue::new(Wait::Disk),
            irq,
            bytes,
            #[cfg(feature = "canaries")]
            deaf: false.into(),
        })
    }

    /// Takes its interrupt.
    pub fn interrupt(&self) {
        #[cfg(feature = "canaries")]
        if self.deaf.load(core::sync::atomic::Ordering::Relaxed) {
            return;
        }
        self.driver.lock().ack_interrupt();
        if !planted(Fault::DiskInterruptLost) {
            self.done.wake_all();
        }
    }

    /// Fills `buffer`, a multiple of 512 bytes, from byte `offset`, another one.
    ///
    /// # Errors
    /// EIO.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Errno> {
        let sector = offset as usize / SECTOR_SIZE;
        let (mut request, mut response) = (BlkReq::default(), BlkResp::default());
        let _turn = self.turn.lock();
        trace::fire(&probes::START, sector as u32);
        // SAFETY: all three buffers stay where they are and are not touched until `complete_read_blocks`.
        let token = unsafe { self.driver.lock().read_blocks_nb(sector, &mut request, buffer, &mut response) };
        let token = token.map_err(|_| Errno::EIO)?;
        self.done.wait_until(|| (self.driver.lock().peek_used() == Some(token)).then_some(()));
        // SAFETY: the buffers that the request was made with.
        let read = unsafe { self.driver.lock().complete_read_blocks(token, &request, buffer, &mut response) };
        trace::fire(&probes::END, sector as u32);
        read.map_err(|_| Errno::EIO)
    }
}

/// What canaries do with its locks, and no driver must.
#[cfg(feature = "canaries")]
impl Device {
    /// Whether somebody has the disk's turn.
    pub fn turn_is_taken(&self) -> bool {
        self.turn.is_taken()
    }

    /// Whether somebody waits for the disk's turn.
    pub fn turn_is_wanted(&self) -> bool {
        self.turn.is_wanted()
    }

    /// Acts with the disk's turn.
    pub fn with_turn(&self, act: impl FnOnce()) {
        let _turn = self.turn.lock();
        act();
    }

    /// Acts with the driver's lock.
    pub fn with_driver_locked(&self, act: impl FnOnce()) {
        let _driver = self.driver.lock();
        act();
    }
}

/// Memory the device can see: all of it, at its physical address.
struct Dma;

// SAFETY: frames come from the frame allocator, zeroed and ours alone; buffers are kernel memory, whose address
// the architecture knows, and as long in physical memory: also a stack's frames lie in a row.
unsafe impl Hal for Dma {
    fn dma_alloc(pages: usize, _direction: BufferDirection) -> (u64, NonNull<u8>) {
        let start = frame::allocate(pages, Purpose::Kernel).and_then(|start| {
            let memory = NonNull::new(phys_to_virt(start))?;
            // SAFETY: these frames were allocated just now.
            unsafe { memory.write_bytes(0, pages * PAGE) };
            Some((start.0, memory))
        });
        // The crate takes address 0 for "no memory".
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
