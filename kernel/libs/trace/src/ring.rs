//! The ring buffer of one processor.
//!
//! The writer first excludes the event that it is going to overwrite (`read_index`), then marks the slot as empty,
//! fills it, and last publishes it (`write_index`). Wherever the machine stops between two of these steps, the events
//! from `read_index` to `write_index` are complete. A reader that runs at the same time reads `read_index` again after
//! it has copied an event, and so knows whether the writer has overwritten it.

#[cfg(not(all(loom, test)))]
use core::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(all(loom, test))]
use loom::sync::atomic::{AtomicU64, Ordering, fence};

use parity_abi::trace::{COUNTER_BITS, EVENTS, TALLIES};

/// An event of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The processor's time counter, never 0.
    pub timestamp: u64,
    pub kind: u16,
    pub cpu: u8,
    /// Number of the counter for events of this kind, 0 for none.
    pub counter: u8,
    pub payload: u32,
}

/// The last `N` events of one processor. `N` is a power of two.
#[repr(C, align(64))]
pub struct Ring<const N: usize = EVENTS> {
    slots: [Slot; N],
    write_index: AtomicU64,
    read_index: AtomicU64,
    dropped: AtomicU64,
    dropped_counted: [AtomicU64; TALLIES],
}

#[repr(C, align(16))]
struct Slot {
    /// 0: empty, or the writer is filling it.
    timestamp: AtomicU64,
    /// Type, cpu, flags and payload; the type is in the lowest bits.
    content: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Ring>() == parity_abi::trace::RING_BYTES && align_of::<Ring>() == 64);

const CPU_SHIFT: u32 = 16;
const FLAGS_SHIFT: u32 = 24;
const PAYLOAD_SHIFT: u32 = 32;
const FLAGS_MASK: u64 = 0xff;
const COUNTER_MASK: u64 = (1 << COUNTER_BITS) - 1;

impl<const N: usize> Ring<N> {
    const SIZE: u64 = {
        assert!(N.is_power_of_two());
        N as u64
    };

    #[cfg(not(all(loom, test)))]
    pub const fn new() -> Self {
        Self {
            slots: [const { Slot { timestamp: AtomicU64::new(0), content: AtomicU64::new(0) } }; N],
            write_index: AtomicU64::new(0),
            read_index: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            dropped_counted: [const { AtomicU64::new(0) }; TALLIES],
        }
    }

    /// Adds an event; it replaces the oldest one if the ring is full. Only one caller at a time.
    pub fn write(&self, event: Event) {
        let index = self.write_index.load(Ordering::Relaxed);
        let slot = self.slot(index);
        if index >= Self::SIZE {
            self.drop_oldest(slot, index + 1 - Self::SIZE);
        }
        slot.timestamp.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        slot.content.store(encode(&event, Self::lap(index)), Ordering::Relaxed);
        slot.timestamp.store(event.timestamp, Ordering::Relaxed);
        self.write_index.store(index + 1, Ordering::Release);
    }

    fn drop_oldest(&self, slot: &Slot, count: u64) {
        let counter = slot.content.load(Ordering::Relaxed) >> FLAGS_SHIFT & COUNTER_MASK;
        if let Some(tally) = counter.checked_sub(1).and_then(|index| self.dropped_counted.get(index as usize))
        {
            tally.store(tally.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        self.dropped.store(count, Ordering::Relaxed);
        self.read_index.store(count, Ordering::Relaxed);
    }

    /// The numbers of the events in the ring. They count all events ever written, so no number is used twice.
    pub fn indices(&self) -> core::ops::Range<u64> {
        let end = self.write_index.load(Ordering::Acquire);
        self.read_index.load(Ordering::Relaxed).min(end)..end
    }

    /// The event with this number; `None` if the ring does not have it (any more).
    pub fn read(&self, index: u64) -> Option<Event> {
        let slot = self.slot(index);
        let timestamp = slot.timestamp.load(Ordering::Relaxed);
        let content = slot.content.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let still_there = self.read_index.load(Ordering::Relaxed) <= index;
        (timestamp != 0 && still_there && index < self.write_index.load(Ordering::Acquire))
            .then(|| decode(timestamp, content))
    }

    /// The number of events that were overwritten.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The number of overwritten events that this counter had counted.
    pub fn dropped_counted(&self, counter: u8) -> Option<u64> {
        let tally = self.dropped_counted.get(usize::from(counter).checked_sub(1)?)?;
        Some(tally.load(Ordering::Relaxed))
    }

    fn slot(&self, index: u64) -> &Slot {
        &self.slots[(index % Self::SIZE) as usize]
    }

    /// The low bits of the lap number, as many as an event has room for.
    const fn lap(index: u64) -> u64 {
        (index / Self::SIZE) & (FLAGS_MASK >> COUNTER_BITS)
    }
}

#[cfg(not(all(loom, test)))]
impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

const fn encode(event: &Event, lap: u64) -> u64 {
    let flags = event.counter as u64 & COUNTER_MASK | lap << COUNTER_BITS;
    event.kind as u64
        | (event.cpu as u64) << CPU_SHIFT
        | flags << FLAGS_SHIFT
        | (event.payload as u64) << PAYLOAD_SHIFT
}

const fn decode(timestamp: u64, content: u64) -> Event {
    Event {
        timestamp,
        kind: content as u16,
        cpu: (content >> CPU_SHIFT) as u8,
        counter: (content >> FLAGS_SHIFT & COUNTER_MASK) as u8,
        payload: (content >> PAYLOAD_SHIFT) as u32,
    }
}

#[cfg(all(loom, test))]
impl<const N: usize> Ring<N> {
    /// Loom's atomics have no constant constructor.
    pub fn new() -> Self {
        Self {
            slots: core::array::from_fn(|_| Slot {
                timestamp: AtomicU64::new(0),
                content: AtomicU64::new(0),
            }),
            write_index: AtomicU64::new(0),
            read_index: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            dropped_counted: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}
