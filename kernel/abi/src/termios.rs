//! Terminals: `ioctl` requests and the bits of [`Termios`].

use crate::plain::plain;

pub const TCGETS: u64 = 0x5401;
pub const TCSETS: u64 = 0x5402;
pub const TCSETSW: u64 = 0x5403;
pub const TCSETSF: u64 = 0x5404;
pub const TIOCSCTTY: u64 = 0x540e;
pub const TIOCGPGRP: u64 = 0x540f;
pub const TIOCSPGRP: u64 = 0x5410;
pub const TIOCGWINSZ: u64 = 0x5413;

// Octal, as in the C headers.
pub const BRKINT: u32 = 0o2;
pub const ICRNL: u32 = 0o400;
pub const IXON: u32 = 0o2000;
pub const INPCK: u32 = 0o20;
pub const ISTRIP: u32 = 0o40;
pub const INLCR: u32 = 0o100;
pub const IGNCR: u32 = 0o200;

pub const OPOST: u32 = 0o1;
pub const ONLCR: u32 = 0o4;

pub const CS8: u32 = 0o60;
pub const CREAD: u32 = 0o200;

pub const ISIG: u32 = 0o1;
pub const ICANON: u32 = 0o2;
pub const ECHO: u32 = 0o10;
pub const ECHOE: u32 = 0o20;
pub const ECHOK: u32 = 0o40;
pub const ECHONL: u32 = 0o100;
pub const NOFLSH: u32 = 0o200;
pub const TOSTOP: u32 = 0o400;
pub const IEXTEN: u32 = 0o100_000;

/// Length of [`Termios::cc`].
pub const NCCS: usize = 32;
pub const VINTR: usize = 0;
pub const VQUIT: usize = 1;
pub const VERASE: usize = 2;
pub const VKILL: usize = 3;
pub const VEOF: usize = 4;
pub const VTIME: usize = 5;
pub const VMIN: usize = 6;
pub const VSUSP: usize = 10;

/// Settings of a terminal. As on Linux it has padding at the end: `cc` is 32 bytes from byte 17.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Termios {
    pub iflag: u32,
    pub oflag: u32,
    pub cflag: u32,
    pub lflag: u32,
    pub line: u8,
    pub cc: [u8; NCCS],
    pub pad: [u8; 3],
    pub ispeed: u32,
    pub ospeed: u32,
}

/// Size of a terminal in characters and, if known, pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Winsize {
    pub rows: u16,
    pub columns: u16,
    pub x_pixels: u16,
    pub y_pixels: u16,
}

plain! {
    Termios { u32, u32, u32, u32, u8, [u8; NCCS], [u8; 3], u32, u32 } = 60;
    Winsize { u16, u16, u16, u16 } = 8;
}
