//! Linux's wait status: how a parent learns how a child ended.

/// Return at once if no child has ended.
pub const WNOHANG: u32 = 1;
/// Report stopped children too.
pub const WUNTRACED: u32 = 2;
/// Report continued children too.
pub const WCONTINUED: u32 = 8;

const CORE_FLAG: i32 = 0x80;
const STOPPED: i32 = 0x7f;
const CONTINUED: i32 = 0xffff;

/// A decoded wait status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStatus {
    /// Called exit; the low eight bits of the exit code.
    Exited(u8),
    /// Ended by this signal; `core`: with the core flag.
    Signaled { signal: u8, core: bool },
    /// Stopped by this signal.
    Stopped(u8),
    /// Continued after a stop.
    Continued,
}

impl WaitStatus {
    /// The status of a process that called exit with this code.
    #[must_use]
    pub const fn exited(code: i32) -> Self {
        Self::Exited((code & 0xff) as u8)
    }

    /// The status of a process ended by this signal, without core flag.
    #[must_use]
    pub const fn killed(signal: u8) -> Self {
        Self::Signaled { signal, core: false }
    }

    /// The wait status as a number.
    #[must_use]
    pub const fn encode(self) -> i32 {
        match self {
            Self::Exited(code) => (code as i32) << 8,
            Self::Signaled { signal, core } => (signal & 0x7f) as i32 | if core { CORE_FLAG } else { 0 },
            Self::Stopped(signal) => (signal as i32) << 8 | STOPPED,
            Self::Continued => CONTINUED,
        }
    }

    /// Decodes a wait status; `None` if the number is not a valid one.
    #[must_use]
    pub const fn decode(status: i32) -> Option<Self> {
        let (low, high) = (status & 0x7f, ((status >> 8) & 0xff) as u8);
        if status == CONTINUED {
            Some(Self::Continued)
        } else if status & !0xffff != 0 {
            None
        } else if low == 0 && status & CORE_FLAG == 0 {
            Some(Self::Exited(high))
        } else if low == STOPPED && status & CORE_FLAG == 0 {
            Some(Self::Stopped(high))
        } else if low != 0 && low != STOPPED && high == 0 {
            Some(Self::Signaled { signal: low as u8, core: status & CORE_FLAG != 0 })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_linux() {
        assert_eq!(WaitStatus::exited(42).encode(), 42 << 8);
        assert_eq!(WaitStatus::exited(-1).encode(), 0xff00);
        assert_eq!(WaitStatus::exited(256).encode(), 0);
        assert_eq!(WaitStatus::killed(11).encode(), 11);
        assert_eq!(WaitStatus::Signaled { signal: 11, core: true }.encode(), 139);
        assert_eq!(WaitStatus::Stopped(20).encode(), 0x147f);
        assert_eq!(WaitStatus::Continued.encode(), 0xffff);
    }

    #[test]
    fn every_number_means_one_thing_or_nothing() {
        let mut known = 0;
        for number in -0x10000..0x20000 {
            if let Some(status) = WaitStatus::decode(number) {
                assert_eq!(status.encode(), number);
                known += 1;
            }
        }
        // 256 exits, 126 signals with and without core flag, 256 stops, one continue.
        assert_eq!(known, 256 + 2 * 126 + 256 + 1);
    }
}
