//! The errors of the crate.

use core::fmt;

use parity_abi::Errno;

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The device failed, or is shorter than the file system.
    Io,
    /// The device has no superblock of ext2.
    NotExt2,
    /// The file system uses a feature that this reader does not know.
    Unsupported,
    /// The file system contradicts itself.
    Corrupt,
    /// The directory does not have this name.
    NotFound,
    /// Not a directory.
    NotDirectory,
    /// A directory, which cannot be read as a file.
    IsDirectory,
    /// Not a symbolic link.
    NotSymlink,
    /// Too many symbolic links in one lookup.
    Loop,
    /// A name or a path is too long.
    NameTooLong,
    /// Memory could not be allocated.
    NoMemory,
}

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        match error {
            Error::Io | Error::Corrupt => Self::EIO,
            Error::NotExt2 | Error::Unsupported | Error::NotSymlink => Self::EINVAL,
            Error::NotFound => Self::ENOENT,
            Error::NotDirectory => Self::ENOTDIR,
            Error::IsDirectory => Self::EISDIR,
            Error::Loop => Self::ELOOP,
            Error::NameTooLong => Self::ENAMETOOLONG,
            Error::NoMemory => Self::ENOMEM,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io => "device error",
            Self::NotExt2 => "not an ext2 file system",
            Self::Unsupported => "unknown file system feature",
            Self::Corrupt => "damaged file system",
            Self::NotFound => "no such file or directory",
            Self::NotDirectory => "not a directory",
            Self::IsDirectory => "is a directory",
            Self::NotSymlink => "not a symbolic link",
            Self::Loop => "too many symbolic links",
            Self::NameTooLong => "name too long",
            Self::NoMemory => "out of memory",
        })
    }
}

impl core::error::Error for Error {}
