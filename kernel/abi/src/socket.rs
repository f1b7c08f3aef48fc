//! Sockets and waiting on several descriptors.

use crate::plain::plain;

pub const AF_UNIX: u16 = 1;
pub const AF_INET: u16 = 2;

pub const SOCK_STREAM: u32 = 1;
pub const SOCK_DGRAM: u32 = 2;
pub const SOCK_NONBLOCK: u32 = 0x800;
pub const SOCK_CLOEXEC: u32 = 0x8_0000;

pub const SHUT_RD: u32 = 0;
pub const SHUT_WR: u32 = 1;
pub const SHUT_RDWR: u32 = 2;

pub const POLLIN: i16 = 0x001;
pub const POLLPRI: i16 = 0x002;
pub const POLLOUT: i16 = 0x004;
pub const POLLERR: i16 = 0x008;
pub const POLLHUP: i16 = 0x010;
pub const POLLNVAL: i16 = 0x020;

/// Number of descriptors in the `u64` set of `select`.
pub const FD_SETSIZE: usize = 64;

/// Internet address; port and address in network byte order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct SockAddrIn {
    pub family: u16,
    pub port: [u8; 2],
    pub address: [u8; 4],
    pub zero: [u8; 8],
}

/// Local address: a path, or NUL and an abstract name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct SockAddrUn {
    pub family: u16,
    pub path: [u8; 108],
}

/// One entry of `poll`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PollFd {
    pub fd: i32,
    pub events: i16,
    pub revents: i16,
}

plain! {
    SockAddrIn { u16, [u8; 2], [u8; 4], [u8; 8] } = 16;
    SockAddrUn { u16, [u8; 108] } = 110;
    PollFd { i32, i16, i16 } = 8;
}
