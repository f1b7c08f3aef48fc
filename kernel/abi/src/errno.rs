//! Error numbers and their encoding in a system call's return value.

use core::fmt;

/// An error number with Linux x86-64's value: 1 to 4095.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

/// Largest error number that a return value can carry.
pub const MAX_ERRNO: u16 = 4095;

impl Errno {
    /// The error with this number; `None` outside 1 to [`MAX_ERRNO`].
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        if number >= 1 && number <= MAX_ERRNO { Some(Self(number)) } else { None }
    }

    /// The positive number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// Encodes a system call's result as its return value: the value itself or the negative error number.
///
/// A value must be below 2^63; no call returns more.
#[must_use]
pub fn encode(result: Result<u64, Errno>) -> i64 {
    match result {
        Ok(value) => value.cast_signed(),
        Err(errno) => -i64::from(errno.0),
    }
}

/// Decodes a return value: -4095 to -1 are errors, everything else is the value.
///
/// # Errors
/// The error number in the return value.
pub fn decode(returned: i64) -> Result<u64, Errno> {
    u16::try_from(returned.unsigned_abs())
        .ok()
        .filter(|_| returned < 0)
        .and_then(Errno::new)
        .map_or(Ok(returned.cast_unsigned()), Err)
}

macro_rules! numbers {
    ($($name:ident = $number:literal;)*) => {
        impl Errno {
            $(pub const $name: Self = Self($number);)*

            /// The symbolic name; `None` for a number without one here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

numbers! {
    EPERM = 1;
    ENOENT = 2;
    ESRCH = 3;
    EINTR = 4;
    EIO = 5;
    ENXIO = 6;
    E2BIG = 7;
    ENOEXEC = 8;
    EBADF = 9;
    ECHILD = 10;
    EAGAIN = 11;
    ENOMEM = 12;
    EACCES = 13;
    EFAULT = 14;
    EBUSY = 16;
    EEXIST = 17;
    EXDEV = 18;
    ENODEV = 19;
    ENOTDIR = 20;
    EISDIR = 21;
    EINVAL = 22;
    ENFILE = 23;
    EMFILE = 24;
    ENOTTY = 25;
    EFBIG = 27;
    ENOSPC = 28;
    ESPIPE = 29;
    EROFS = 30;
    EMLINK = 31;
    EPIPE = 32;
    EDOM = 33;
    ERANGE = 34;
    EDEADLK = 35;
    ENAMETOOLONG = 36;
    ENOSYS = 38;
    ENOTEMPTY = 39;
    ELOOP = 40;
    EPROTO = 71;
    EOVERFLOW = 75;
    EILSEQ = 84;
    ENOTSOCK = 88;
    EDESTADDRREQ = 89;
    EMSGSIZE = 90;
    EPROTOTYPE = 91;
    ENOPROTOOPT = 92;
    EPROTONOSUPPORT = 93;
    ESOCKTNOSUPPORT = 94;
    EOPNOTSUPP = 95;
    EAFNOSUPPORT = 97;
    EADDRINUSE = 98;
    EADDRNOTAVAIL = 99;
    ENETDOWN = 100;
    ENETUNREACH = 101;
    ECONNABORTED = 103;
    ECONNRESET = 104;
    ENOBUFS = 105;
    EISCONN = 106;
    ENOTCONN = 107;
    ETIMEDOUT = 110;
    ECONNREFUSED = 111;
    EHOSTUNREACH = 113;
    EALREADY = 114;
    EINPROGRESS = 115;
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn return_values() {
        assert_eq!(encode(Ok(7)), 7);
        assert_eq!(encode(Err(Errno::ENOSYS)), -38);
        for result in [Ok(0), Ok(42), Ok(i64::MAX as u64), Err(Errno::EPERM), Err(Errno(MAX_ERRNO))] {
            assert_eq!(decode(encode(result)), result);
        }
    }

    #[test]
    fn only_the_last_4095_values_are_errors() {
        assert_eq!(decode(-4095), Err(Errno(4095)));
        assert_eq!(decode(-4096), Ok((-4096_i64).cast_unsigned()));
        assert_eq!(decode(i64::MIN), Ok(1 << 63));
    }

    #[test]
    fn names_and_range() {
        assert_eq!(Errno::ECHILD.to_string(), "ECHILD");
        assert_eq!(Errno(2000).to_string(), "errno 2000");
        assert_eq!(Errno::new(0), None);
        assert_eq!(Errno::new(MAX_ERRNO + 1), None);
        assert_eq!(Errno::new(38), Some(Errno::ENOSYS));
        assert_eq!((Errno::ENOSYS.number(), Errno::EPERM.number(), Errno(4095).number()), (38, 1, 4095));
        assert_eq!(std::format!("{:?} {:>8}", Errno::EBADF, Errno::EBADF), "EBADF    EBADF");
    }
}
