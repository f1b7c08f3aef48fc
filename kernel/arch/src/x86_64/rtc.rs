//! Real-time clock, an MC146818 as on every PC. It has no time zone; QEMU's runs in UTC.

use parity_inventory::inventory;
use x86_64::instructions::port::Port;

use super::cpu;

inventory!("driver", "calendar: MC146818");

const SECONDS: u8 = 0x00;
const MINUTES: u8 = 0x02;
const HOURS: u8 = 0x04;
const DAY: u8 = 0x07;
const MONTH: u8 = 0x08;
const YEAR: u8 = 0x09;
const STATUS_A: u8 = 0x0A;
const STATUS_B: u8 = 0x0B;
/// Register of the century on PCs.
const CENTURY: u8 = 0x32;

/// In status register A: an update is in progress.
const UPDATING: u8 = 1 << 7;
/// In status register B: hours from 0 to 23; binary numbers instead of BCD.
const HOURS_24: u8 = 1 << 1;
const BINARY: u8 = 1 << 2;
/// In the hours of a 12-hour clock: afternoon.
const AFTERNOON: u8 = 1 << 7;
/// Value of a port without a device.
const NO_DEVICE: u8 = 0xFF;

const FIELDS: [u8; 7] = [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR, CENTURY];

/// Seconds since 1970-01-01 UTC, `None` without a real-time clock.
pub fn unix_seconds() -> Option<u64> {
    let state = cpu::irq_save();
    let fields = read_fields();
    let status = register(STATUS_B);
    cpu::irq_restore(state);
    let fields = fields?;
    let number = |byte: u8| {
        let decimal = (byte >> 4) * 10 + (byte & 0xF);
        u64::from(if status & BINARY != 0 { byte } else { decimal })
    };
    let [second, minute, _, day, month, year, century] = fields.map(number);
    let mut hour = number(fields[2] & !AFTERNOON);
    if status & HOURS_24 == 0 {
        hour = hour % 12 + if fields[2] & AFTERNOON != 0 { 12 } else { 0 };
    }
    let days = days_since_1970(century * 100 + year, month, day)?;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// A consistent reading of the registers: two equal readings outside an update.
fn read_fields() -> Option<[u8; 7]> {
    if register(STATUS_A) == NO_DEVICE {
        return None;
    }
    let read = || {
        while register(STATUS_A) & UPDATING != 0 {
            core::hint::spin_loop();
        }
        FIELDS.map(register)
    };
    let mut last = read();
    loop {
        let next = read();
        if next == last {
            return Some(next);
        }
        last = next;
    }
}

fn register(number: u8) -> u8 {
    // SAFETY: the ports are the clock's; if it is absent, accesses have no effect. Reading the selected
    // register has no side effect.
    unsafe {
        Port::new(0x70).write(number);
        Port::new(0x71).read()
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, `None` for an invalid or earlier date.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before_month = BEFORE_MONTH.get(month.checked_sub(1)? as usize)?;
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let leap_days_before = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let years = year.checked_sub(1970)?;
    let leap_days = leap_days_before(year) - leap_days_before(1970) + u64::from(leap(year) && month > 2);
    Some(years * 365 + leap_days + before_month + day.checked_sub(1)?)
}
