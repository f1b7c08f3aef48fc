//! Directories: names and their inodes.

use core::ops::ControlFlow;

use parity_abi::fs as abi;
use parity_abi::limits::NAME_MAX;

use crate::{BlockDevice, Error, FileType, Filesystem, Inode, Mistake, field, zeroed};

/// Bytes before the name: inode number, length of the record, length of the name, type.
const HEADER_BYTES: usize = 8;
/// Records begin on multiples of this.
const ALIGN: usize = 4;

/// One name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub inode: u32,
    /// `DT_*`; `DT_UNKNOWN` if the directory has no types.
    pub kind: u8,
    pub name: &'a [u8],
    /// Offset of the next entry in the directory; [`Filesystem::scan`] continues from there.
    pub next: u64,
}

/// `DT_*` of a type on the disk.
const fn kind(byte: u8) -> u8 {
    match byte {
        1 => abi::DT_REG,
        2 => abi::DT_DIR,
        3 => abi::DT_CHR,
        4 => abi::DT_BLK,
        5 => abi::DT_FIFO,
        6 => abi::DT_SOCK,
        7 => abi::DT_LNK,
        _ => abi::DT_UNKNOWN,
    }
}

/// Reads the record at offset `at` of a directory's block: its entry (`None` if it is unused) and its length.
fn record(block: &[u8], at: usize, base: u64) -> Result<(Option<Entry<'_>>, usize), Error> {
    let header = block.get(at..at + HEADER_BYTES).ok_or(Error::Corrupt)?;
    let (inode, len, name_len) =
        (field::u32(header, 0), usize::from(field::u16(header, 4)), usize::from(header[6]));
    if len < HEADER_BYTES + name_len || len % ALIGN != 0 || len > block.len() - at {
        return Err(Error::Corrupt);
    }
    let name = &block[at + HEADER_BYTES..at + HEADER_BYTES + name_len];
    if inode == 0 {
        return Ok((None, len));
    }
    if name.is_empty() || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
        return Err(Error::Corrupt);
    }
    let next = base + (at + len) as u64;
    Ok((Some(Entry { inode, kind: kind(header[7]), name, next }), len))
}

impl<D: BlockDevice> Filesystem<D> {
    /// Visits a directory's entries, including `.` and `..`, from `offset` (0 or an entry's `next`; any other offset
    /// means the next entry) until the visitor breaks, and returns the value of the break.
    ///
    /// # Errors
    /// [`Error::NotDirectory`], [`Error::Corrupt`], or the device's error.
    pub fn scan<B>(
        &self,
        directory: &Inode,
        offset: u64,
        mut visit: impl FnMut(&Entry<'_>) -> ControlFlow<B>,
    ) -> Result<Option<B>, Error> {
        if directory.kind != FileType::Directory {
            return Err(Error::NotDirectory);
        }
        let block_bytes = u64::from(self.superblock.block_bytes);
        if !directory.size.is_multiple_of(block_bytes) {
            return Err(Error::Corrupt);
        }
        let mut block = zeroed(self.superblock.block_bytes as usize)?;
        // Records do not cross blocks, so each block starts with a record.
        let mut base = offset - offset % block_bytes;
        while base < directory.size {
            self.read_data(directory, base, &mut block)?;
            let mut at = 0;
            while at < block.len() {
                let (entry, len) = record(&block, at, base)?;
                if let Some(entry) = entry.filter(|_| base + at as u64 >= offset)
                    && let ControlFlow::Break(value) = visit(&entry)
                {
                    return Ok(Some(value));
                }
                at += len;
            }
            base += block_bytes;
            if self.device.makes(Mistake::OneBlockFolder) {
                break;
            }
        }
        Ok(None)
    }

    /// The inode of `name` in a directory.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NameTooLong`], and those of [`Self::scan`].
    pub fn find(&self, directory: &Inode, name: &[u8]) -> Result<Inode, Error> {
        if name.len() > NAME_MAX {
            return Err(Error::NameTooLong);
        }
        let number = self.scan(directory, 0, |entry| {
            if entry.name == name { ControlFlow::Break(entry.inode) } else { ControlFlow::Continue(()) }
        })?;
        self.inode(number.ok_or(Error::NotFound)?)
    }
}
