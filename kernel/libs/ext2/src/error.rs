//! What can go wrong.

use core::fmt;

use parity_abi::Errno;

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The device failed or is too short.
    Io,
    /// No superblock of ext2.
    NotExt2,
    /// A feature is on that this reader does not know.
    Unsupported,
    /// The file system contradicts itself.
    Corrupt,
    /// No such name in a directory.
    NotFound,
    /// A directory was needed.
    NotDirectory,
    /// A directory cannot be read as bytes.
    IsDirectory,
    /// Not a symbolic link.
    NotSymlink,
    /// Too many symbolic links in one lookup.
    Loop,
    /// A name or a path is too long.
    NameTooLong,
    /// There is no memory for what is read.
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
