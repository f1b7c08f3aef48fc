//! The events that the ring keeps, and its layout in memory.

use parity_abi::trace::{
    DROPPED_AT, DROPPED_COUNTED_AT, EVENT_BYTES, EVENTS, READ_INDEX_AT, RING_BYTES, TALLIES, WRITE_INDEX_AT,
};
use parity_trace::{Event, Ring};

fn event(number: u64) -> Event {
    let counter = (number % 3) as u8; // 0, 1 or 2
    Event { timestamp: 1000 + number, kind: number as u16, cpu: 5, counter, payload: 7 * number as u32 }
}

fn filled<const N: usize>(count: u64) -> Box<Ring<N>> {
    let ring = Box::new(Ring::new());
    (0..count).for_each(|number| ring.write(event(number)));
    ring
}

fn bytes(ring: &Ring) -> &[u8] {
    // SAFETY: a ring has no padding, and no thread writes to it.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(ring).cast(), RING_BYTES) }
}

fn word(ring: &Ring, at: usize) -> u64 {
    u64::from_le_bytes(bytes(ring)[at..at + 8].try_into().expect("8 bytes"))
}

#[test]
fn keeps_the_last_events() {
    for count in [0, 1, 7, 8, 9, 20, 8 * 40] {
        let ring = filled::<8>(count);
        let first = count.saturating_sub(8);
        assert_eq!(ring.indices(), first..count);
        for index in ring.indices() {
            assert_eq!(ring.read(index), Some(event(index)));
        }
        assert_eq!(ring.read(count), None, "not written yet");
        assert_eq!(first.checked_sub(1).and_then(|index| ring.read(index)), None, "overwritten");
        assert_eq!(ring.dropped(), first);
        let dropped_of = |counter: u64| (0..first).filter(|number| number % 3 == counter).count() as u64;
        assert_eq!(ring.dropped_counted(1), Some(dropped_of(1)));
        assert_eq!(ring.dropped_counted(2), Some(dropped_of(2)));
        assert_eq!(ring.dropped_counted(3), Some(0));
        assert_eq!((ring.dropped_counted(0), ring.dropped_counted(1 + TALLIES as u8)), (None, None));
    }
}

#[test]
fn lies_in_memory_as_others_count_on() {
    let empty: Box<Ring> = filled(0);
    assert!(bytes(&empty).iter().all(|byte| *byte == 0));
    let ring: Box<Ring> = filled(EVENTS as u64 + 2);
    assert_eq!(word(&ring, WRITE_INDEX_AT), EVENTS as u64 + 2);
    assert_eq!(word(&ring, READ_INDEX_AT), 2);
    assert_eq!(word(&ring, DROPPED_AT), 2);
    assert_eq!(word(&ring, DROPPED_COUNTED_AT), 1);
    // Event 1025 in slot 1: timestamp, type, processor, flags (lap 1, counter 2), payload.
    assert_eq!(1025 % 3, 2);
    let slot = &bytes(&ring)[EVENT_BYTES..2 * EVENT_BYTES];
    assert_eq!(slot[..8], 2025_u64.to_le_bytes());
    assert_eq!(slot[8..10], 1025_u16.to_le_bytes());
    assert_eq!(slot[10..12], [5, 1 << 3 | 2]);
    assert_eq!(slot[12..], (7 * 1025_u32).to_le_bytes());
    // One lap later, and when the lap number no longer fits.
    for lap in [2, 3, 31, 32, 33] {
        let number = lap * EVENTS as u64 + 7;
        let ring: Box<Ring> = filled(number + 1);
        let flags = bytes(&ring)[7 * EVENT_BYTES + 11];
        assert_eq!(u64::from(flags), lap % 32 * 8 + number % 3, "lap {lap}");
    }
}

#[test]
fn an_event_that_is_just_being_written_is_not_given() {
    let mut ring: Box<Ring> = filled(3);
    // SAFETY: the timestamp of the second slot; any number is valid there.
    unsafe { core::ptr::from_mut(&mut *ring).cast::<u64>().add(EVENT_BYTES / 8).write(0) };
    assert_eq!(
        ring.indices().map(|index| ring.read(index)).collect::<Vec<_>>(),
        [Some(event(0)), None, Some(event(2))]
    );
}
