//! Tracing as text, for the files in `/proc/trace` and for dumps on the console.

use core::fmt::{self, Write};

use parity_abi::trace::CPUS;
use parity_trace::{Event, Probe, Ring};

use super::{BUFFERS, Counter, Provider, counters, is_enabled, providers};
use crate::faults::{Fault, planted};

/// `0` or `1`.
pub fn enable(to: &mut impl Write) -> fmt::Result {
    writeln!(to, "{}", u8::from(is_enabled()))
}

/// All event types: `0xTTTT NAME - text`.
pub fn events(to: &mut impl Write) -> fmt::Result {
    let hidden = usize::from(planted(Fault::TraceHidesProvider));
    for probe in providers().skip(hidden).flat_map(Provider::probes) {
        writeln!(to, "{:#06x} {} - {}", probe.kind, probe.name.as_str(), probe.text.as_str())?;
    }
    Ok(())
}

/// `name: id=0xNN enabled=0x…`
pub fn provider_masks(to: &mut impl Write) -> fmt::Result {
    for provider in providers() {
        writeln!(
            to,
            "{}: id={:#04x} enabled={:#018x}",
            provider.name.as_str(),
            provider.id,
            if planted(Fault::TraceHidesMasks) { 0 } else { provider.enabled() }
        )?;
    }
    Ok(())
}

/// `NAME: total (cpu0=v, …)` for every counter.
pub fn counter_values(to: &mut impl Write) -> fmt::Result {
    writeln!(to, "# {} registered counters", counters().count())?;
    counters().try_for_each(|counter| counter_line(to, counter))
}

fn counter_line(to: &mut impl Write, counter: &Counter) -> fmt::Result {
    // Read once: interrupts keep counting, and the total must equal the sum of the printed values.
    let mut values = [0; CPUS];
    values.iter_mut().zip(counter.values()).for_each(|(kept, value)| *kept = value);
    write!(to, "{}: {} (", counter.name.as_str(), values.iter().sum::<u64>())?;
    let mut separator = "";
    for (cpu, value) in values.into_iter().enumerate() {
        if cpu == 0 || value > 0 {
            write!(to, "{separator}cpu{cpu}={value}")?;
            separator = ", ";
        }
    }
    writeln!(to, ")")
}

/// The rings of all processors with at least one event, each with at most its last `most` events.
pub fn rings(to: &mut impl Write, most: u64) -> fmt::Result {
    writeln!(to, "# cpu idx timestamp type name payload")?;
    for (cpu, ring) in BUFFERS.iter().enumerate() {
        if !ring.indices().is_empty() {
            one_ring(to, cpu, ring, most)?;
        }
    }
    Ok(())
}

/// The ring of processor `cpu`: `cpu idx ts 0xTTTT NAME payload`. Events overwritten meanwhile are skipped.
pub fn one_ring(to: &mut impl Write, cpu: usize, ring: &Ring, most: u64) -> fmt::Result {
    let all = ring.indices();
    let shown = all.start.max(all.end.saturating_sub(most))..all.end;
    writeln!(to, "# CPU {cpu} ({} events)", shown.end - shown.start)?;
    for index in shown {
        if let Some(event) = ring.read(index) {
            write!(to, "{cpu} {index} {} {:#06x} ", event.timestamp, event.kind)?;
            writeln!(to, "{} {}", name_of(&event), event.payload)?;
        }
    }
    Ok(())
}

fn name_of(event: &Event) -> &'static str {
    let probe = providers().flat_map(Provider::probes).find(|probe: &&&Probe| probe.kind == event.kind);
    probe.map_or("UNKNOWN", |probe| probe.name.as_str())
}

/// Executes a command written to `enable`: `0`, `1`, or a provider's name and a mask. Returns whether it was
/// valid.
pub fn command(bytes: &[u8]) -> bool {
    match bytes.trim_ascii() {
        b"0" => super::set_enabled(false),
        b"1" => super::set_enabled(true),
        text => {
            let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let (Some(name), Some(mask), None) = (words.next(), words.next(), words.next()) else {
                return false;
            };
            let provider = providers().find(|provider| provider.name.as_str().as_bytes() == name);
            let mask = core::str::from_utf8(mask).ok().and_then(number);
            let (Some(provider), Some(mask)) = (provider, mask) else { return false };
            provider.enable(mask);
        }
    }
    true
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
