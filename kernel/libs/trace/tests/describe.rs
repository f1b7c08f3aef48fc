//! Masks of providers, parts of counters, and their layout in memory.

use parity_abi::trace::{CPUS, LINE_BYTES, Payload};
use parity_trace::{Counter, Probe, Provider, Text, describe_at};

static TOTAL: Counter = Counter::new(1, "DEMO_TOTAL", "demonstrations");
static PROVIDER: Provider = Provider::new(9, "demo", &[&FIRST, &SECOND], 0b10);
static FIRST: Probe = probe("DEMO_FIRST", 0);
static SECOND: Probe = probe("DEMO_SECOND", 1);

const fn probe(name: &'static str, bit: u8) -> Probe {
    Probe {
        name: Text::new(name),
        text: Text::new("a demonstration"),
        provider: &PROVIDER,
        counter: Some(&TOTAL),
        kind: 0x0900 + bit as u16,
        bit,
        payload: Payload::Number,
    }
}

#[test]
fn a_provider_switches_the_probes_it_has() {
    static OWN: Provider = Provider::new(9, "demo", &[&FIRST, &SECOND], 0b1110);
    assert_eq!(OWN.enabled(), 0b10, "from the start");
    OWN.enable(u64::MAX);
    assert_eq!(OWN.enabled(), 0b11);
    OWN.switch(false);
    assert_eq!(OWN.enabled(), 0);
    OWN.switch(true);
    assert_eq!(OWN.enabled(), 0b10);
    assert_eq!(OWN.probes()[1].name.as_str(), "DEMO_SECOND");
}

#[test]
fn a_counter_counts_by_processor_on_lines_of_their_own() {
    static OWN: Counter = Counter::new(1, "DEMO_TOTAL", "demonstrations");
    OWN.count(0);
    OWN.count(CPUS - 1);
    OWN.count(CPUS - 1);
    OWN.count(CPUS); // no such processor
    let values: Vec<u64> = OWN.values().collect();
    assert_eq!((values.len(), values[0], values[CPUS - 1]), (CPUS, 1, 2));
    assert_eq!(values.iter().sum::<u64>(), 3);
    assert_eq!(describe_at::COUNTER_SLOT_BYTES as usize, LINE_BYTES);
    assert_eq!(size_of::<Counter>(), describe_at::COUNTER_SLOTS as usize + CPUS * LINE_BYTES);
}

#[test]
fn a_reader_from_outside_finds_its_way() {
    let at = |base: usize, offset: u32| base + offset as usize;
    let word = |address: usize| {
        // SAFETY: the offsets of the header are in the static above.
        unsafe { core::ptr::with_exposed_provenance::<usize>(address).read() }
    };
    let provider = (&raw const PROVIDER).expose_provenance();
    let table = word(at(provider, describe_at::PROVIDER_PROBES));
    assert_eq!(word(at(provider, describe_at::PROVIDER_PROBES) + 8), 2);
    assert_eq!(word(table + 8), (&raw const SECOND).expose_provenance());
    let name = at(word(table + 8), describe_at::PROBE_NAME);
    assert_eq!((word(name), word(name + 8)), (SECOND.name.as_str().as_ptr().addr(), "DEMO_SECOND".len()));
}
