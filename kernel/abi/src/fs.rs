//! Files: flags, modes and the layouts of `fstat` and `getdents64`.

use crate::plain::plain;
use crate::time::Timespec;

pub const STDIN: i32 = 0;
pub const STDOUT: i32 = 1;
pub const STDERR: i32 = 2;

pub const O_RDONLY: u32 = 0;
pub const O_WRONLY: u32 = 1;
pub const O_RDWR: u32 = 2;
/// Mask of the access mode in the flags of `open`.
pub const O_ACCMODE: u32 = 3;
pub const O_CREAT: u32 = 0x40;
pub const O_EXCL: u32 = 0x80;
pub const O_NOCTTY: u32 = 0x100;
pub const O_TRUNC: u32 = 0x200;
pub const O_APPEND: u32 = 0x400;
pub const O_NONBLOCK: u32 = 0x800;
pub const O_DIRECTORY: u32 = 0x1_0000;
pub const O_NOFOLLOW: u32 = 0x2_0000;
pub const O_CLOEXEC: u32 = 0x8_0000;

/// Mask of the file type in a mode.
pub const S_IFMT: u32 = 0o170_000;
pub const S_IFIFO: u32 = 0o010_000;
pub const S_IFCHR: u32 = 0o020_000;
pub const S_IFDIR: u32 = 0o040_000;
pub const S_IFBLK: u32 = 0o060_000;
pub const S_IFREG: u32 = 0o100_000;
pub const S_IFLNK: u32 = 0o120_000;
pub const S_IFSOCK: u32 = 0o140_000;
pub const S_ISUID: u32 = 0o4000;
pub const S_ISGID: u32 = 0o2000;
pub const S_ISVTX: u32 = 0o1000;
pub const S_IRUSR: u32 = 0o400;
pub const S_IWUSR: u32 = 0o200;
pub const S_IXUSR: u32 = 0o100;
pub const S_IRGRP: u32 = 0o040;
pub const S_IWGRP: u32 = 0o020;
pub const S_IXGRP: u32 = 0o010;
pub const S_IROTH: u32 = 0o004;
pub const S_IWOTH: u32 = 0o002;
pub const S_IXOTH: u32 = 0o001;

pub const DT_UNKNOWN: u8 = 0;
pub const DT_FIFO: u8 = 1;
pub const DT_CHR: u8 = 2;
pub const DT_DIR: u8 = 4;
pub const DT_BLK: u8 = 6;
pub const DT_REG: u8 = 8;
pub const DT_LNK: u8 = 10;
pub const DT_SOCK: u8 = 12;

pub const SEEK_SET: u32 = 0;
pub const SEEK_CUR: u32 = 1;
pub const SEEK_END: u32 = 2;

pub const F_OK: u32 = 0;
pub const X_OK: u32 = 1;
pub const W_OK: u32 = 2;
pub const R_OK: u32 = 4;

pub const F_DUPFD: u32 = 0;
pub const F_GETFD: u32 = 1;
pub const F_SETFD: u32 = 2;
pub const F_GETFL: u32 = 3;
pub const F_SETFL: u32 = 4;
pub const F_DUPFD_CLOEXEC: u32 = 1030;
pub const FD_CLOEXEC: u32 = 1;

/// Result of `fstat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Stat {
    pub dev: u64,
    pub ino: u64,
    pub nlink: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub pad: u32,
    pub rdev: u64,
    /// Bytes.
    pub size: i64,
    /// Preferred size of one read or write, in bytes.
    pub blksize: i64,
    /// Disk space used, in units of 512 bytes.
    pub blocks: i64,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
    pub reserved: [i64; 3],
}

/// Fixed part of a `getdents64` record. The name follows and ends in NUL; padding aligns the next record to
/// [`DIRENT_ALIGN`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, packed)]
pub struct DirentHeader {
    pub ino: u64,
    /// Directory position of the next record, for `lseek`.
    pub off: i64,
    /// Length of the whole record in bytes.
    pub reclen: u16,
    /// `DT_*`.
    pub kind: u8,
}

/// Alignment of `getdents64` records, in bytes.
pub const DIRENT_ALIGN: usize = 8;

/// Size in bytes of a record whose name has this length.
#[must_use]
pub const fn dirent_bytes(name_len: usize) -> usize {
    (size_of::<DirentHeader>() + name_len + 1).next_multiple_of(DIRENT_ALIGN)
}

plain! {
    Stat {
        u64, u64, u64, u32, u32, u32, u32, u64, i64, i64, i64,
        Timespec, Timespec, Timespec, [i64; 3],
    } = 144;
    DirentHeader { u64, i64, u16, u8 } = 19;
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn stat_is_linux_x86_64() {
        let offsets = [
            offset_of!(Stat, ino),
            offset_of!(Stat, nlink),
            offset_of!(Stat, mode),
            offset_of!(Stat, uid),
            offset_of!(Stat, gid),
            offset_of!(Stat, rdev),
            offset_of!(Stat, size),
            offset_of!(Stat, blksize),
            offset_of!(Stat, blocks),
            offset_of!(Stat, atime),
            offset_of!(Stat, mtime),
            offset_of!(Stat, ctime),
        ];
        assert_eq!(offsets, [8, 16, 24, 28, 32, 40, 48, 56, 64, 72, 88, 104]);
    }

    #[test]
    fn dirent_names_begin_at_19_and_records_are_aligned() {
        assert_eq!(size_of::<DirentHeader>(), 19);
        assert_eq!((dirent_bytes(1), dirent_bytes(4), dirent_bytes(5)), (24, 24, 32));
    }
}
