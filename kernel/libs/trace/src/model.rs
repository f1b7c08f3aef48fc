//! A model of the ring for loom, which tries every order of a writer's and a reader's steps.

use loom::sync::Arc;
use loom::thread;

use crate::{Event, Ring};

/// The smallest ring in which an event can be overwritten while another stays.
const SIZE: usize = 2;

fn event(number: u64) -> Event {
    Event { timestamp: number + 1, kind: number as u16, cpu: 0, counter: 1, payload: !(number as u32) }
}

fn reads_beside(writes: u64) {
    loom::model(move || {
        let ring = Arc::new(Ring::<SIZE>::new());
        ring.write(event(0));
        let writer = thread::spawn({
            let ring = ring.clone();
            move || (1..writes).for_each(|number| ring.write(event(number)))
        });
        let there = ring.indices();
        assert!(there.end >= 1 && there.end - there.start <= SIZE as u64);
        for index in there {
            // An event that is not being overwritten is complete, and is the event with this number.
            if let Some(found) = ring.read(index) {
                assert_eq!(found, event(index));
            }
        }
        writer.join().expect("the writer ends");
        let last: std::vec::Vec<_> = ring.indices().map(|index| ring.read(index)).collect();
        assert_eq!(
            last,
            (writes - SIZE as u64..writes).map(|number| Some(event(number))).collect::<std::vec::Vec<_>>()
        );
        assert_eq!(ring.dropped(), writes - SIZE as u64);
        assert_eq!(ring.dropped_counted(1), Some(ring.dropped()));
    });
}

#[test]
fn a_reader_beside_the_writer_never_sees_a_torn_event() {
    reads_beside(4);
}

#[test]
fn nor_when_the_ring_goes_round_twice_meanwhile() {
    reads_beside(6);
}
