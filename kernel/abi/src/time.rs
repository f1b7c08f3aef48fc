//! Clocks and timers.

use crate::plain::plain;

pub const CLOCK_REALTIME: u32 = 0;
pub const CLOCK_MONOTONIC: u32 = 1;

pub const ITIMER_REAL: u32 = 0;
pub const ITIMER_VIRTUAL: u32 = 1;
pub const ITIMER_PROF: u32 = 2;

pub const NSEC_PER_SEC: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Timespec {
    pub seconds: i64,
    /// 0 to 999 999 999.
    pub nanoseconds: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Timeval {
    pub seconds: i64,
    /// 0 to 999 999.
    pub microseconds: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Itimerval {
    /// Period; zero: the timer fires once.
    pub interval: Timeval,
    /// Time until the timer fires; zero: not armed.
    pub value: Timeval,
}

impl Timespec {
    /// Time that a counter takes to reach `counts` at `frequency` Hz, rounded down to nanoseconds. Correct
    /// for every 64-bit count if the frequency is below 18 GHz.
    ///
    /// # Panics
    /// If the frequency is 0.
    #[must_use]
    pub const fn of_counts(counts: u64, frequency: u64) -> Self {
        let (seconds, rest) = (counts / frequency, counts % frequency);
        // Only the remainder is multiplied: the product of the whole count would overflow after a few
        // minutes.
        let nanoseconds = rest * NSEC_PER_SEC.unsigned_abs() / frequency;
        Self { seconds: seconds.cast_signed(), nanoseconds: nanoseconds.cast_signed() }
    }
}

#[cfg(test)]
mod tests {
    use super::{NSEC_PER_SEC, Timespec};

    const FREQUENCIES: [u64; 6] = [1, 19_200_000, 62_500_000, 1_000_000_000, 2_394_374_123, 18_000_000_000];

    fn nanoseconds(time: Timespec) -> i128 {
        i128::from(time.seconds) * i128::from(NSEC_PER_SEC) + i128::from(time.nanoseconds)
    }

    #[test]
    fn counts_of_a_second_a_day_and_all_that_there_are_become_times() {
        for frequency in FREQUENCIES {
            let edges = [0, 1, frequency - 1, frequency, frequency + 1, frequency * 3 / 2, u64::MAX];
            let days = [1, 60, 3600, 24 * 3600, 100 * 365 * 24 * 3600]
                .map(|seconds: u64| seconds.saturating_mul(frequency).saturating_add(frequency / 7));
            for counts in edges.into_iter().chain(days) {
                let time = Timespec::of_counts(counts, frequency);
                let expected = i128::from(counts) * i128::from(NSEC_PER_SEC) / i128::from(frequency);
                // At 1 Hz the count is in seconds, and an i64 holds only half of the u64 range.
                if expected / i128::from(NSEC_PER_SEC) <= i128::from(i64::MAX) {
                    assert_eq!(nanoseconds(time), expected, "{counts} at {frequency} Hz");
                }
                assert!((0..NSEC_PER_SEC).contains(&time.nanoseconds), "{time:?}");
            }
        }
    }

    #[test]
    fn a_time_never_goes_back() {
        for frequency in FREQUENCIES {
            let start = frequency.saturating_mul(1000);
            let times = (0..1000).map(|more| Timespec::of_counts(start + more, frequency));
            assert!(times.clone().zip(times.skip(1)).all(|(earlier, later)| earlier <= later));
        }
    }
}

plain! {
    Timespec { i64, i64 } = 16;
    Timeval { i64, i64 } = 16;
    Itimerval { Timeval, Timeval } = 32;
}
