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
    /// Zero: once.
    pub interval: Timeval,
    /// Time until it fires; zero: not armed.
    pub value: Timeval,
}

plain! {
    Timespec { i64, i64 } = 16;
    Timeval { i64, i64 } = 16;
    Itimerval { Timeval, Timeval } = 32;
}
