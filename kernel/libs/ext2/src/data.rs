//! A file's bytes, found by the block numbers in the inode and in tables of block numbers.

use alloc::vec::Vec;

use parity_abi::limits::PATH_MAX;

use crate::inode::POINTERS;
use crate::{BlockDevice, Error, FileType, Filesystem, Inode, Mistake, field, zeroed};

/// Block numbers in the inode that refer to data; the others refer to tables of depth 1, 2 and 3.
const DIRECT: usize = 12;
/// Most blocks in one read of the device.
const RUN_MAX: usize = 32;
const POINTER_BYTES: usize = 4;

/// Blocks of a file that are consecutive on the device, or all missing (they read as zeros).
struct Run {
    first: Option<u32>,
    count: u32,
}

impl<D: BlockDevice> Filesystem<D> {
    /// Reads a regular file from the byte `offset` and returns the number of bytes read: fewer than the buffer
    /// has room for only at the end of the file.
    ///
    /// # Errors
    /// [`Error::IsDirectory`], [`Error::Corrupt`], or the device's error.
    pub fn read(&self, inode: &Inode, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        match inode.kind {
            FileType::Directory => Err(Error::IsDirectory),
            _ => self.read_data(inode, offset, buffer),
        }
    }

    /// The target of a symbolic link.
    ///
    /// # Errors
    /// [`Error::NotSymlink`], [`Error::Corrupt`], or the device's error.
    pub fn read_link(&self, inode: &Inode) -> Result<Vec<u8>, Error> {
        if inode.kind != FileType::Symlink {
            return Err(Error::NotSymlink);
        }
        let size = usize::try_from(inode.size).ok().filter(|size| *size < PATH_MAX).ok_or(Error::Corrupt)?;
        let attributes = if inode.attributes == 0 { 0 } else { self.superblock.block_bytes / 512 };
        let mut target = zeroed(size)?;
        if inode.sectors == attributes || self.device.makes(Mistake::LongLink) {
            // A short target is in the place of the block numbers.
            let mut bytes = [0; POINTERS * POINTER_BYTES];
            for (place, pointer) in bytes.chunks_exact_mut(POINTER_BYTES).zip(inode.pointers) {
                place.copy_from_slice(&pointer.to_le_bytes());
            }
            target.copy_from_slice(bytes.get(..size).ok_or(Error::Corrupt)?);
        } else {
            self.read_data(inode, 0, &mut target)?;
        }
        Ok(target)
    }

    pub(crate) fn read_data(&self, inode: &Inode, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
        let block_bytes = u64::from(self.superblock.block_bytes);
        let left = inode.size.saturating_sub(offset);
        let len = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let (index, within) = (at / block_bytes, at % block_bytes);
            let wanted = (within + (len - done) as u64).div_ceil(block_bytes);
            let run = self.run(inode, index, usize::try_from(wanted).unwrap_or(RUN_MAX))?;
            let bytes = u64::from(run.count) * block_bytes - within;
            let part = &mut buffer[done..len.min(done + bytes as usize)];
            match run.first {
                Some(first) => self.read_blocks(first, run.count, within, part)?,
                None => part.fill(0),
            }
            done += part.len();
        }
        Ok(len)
    }

    /// The run that begins at the file's block `index`: at least one block, at most `wanted`.
    fn run(&self, inode: &Inode, index: u64, wanted: usize) -> Result<Run, Error> {
        let mut pointers = [0; RUN_MAX];
        let known = self.pointers(inode, index, &mut pointers[..wanted.min(RUN_MAX)])?;
        let first = pointers[0];
        let follows = |(pointer, i): &(&u32, u32)| match first {
            0 => **pointer == 0,
            _ => first.checked_add(*i) == Some(**pointer),
        };
        let count = pointers[..known].iter().zip(0..).take_while(follows).count() as u32;
        Ok(Run { first: (first != 0).then_some(first), count })
    }

    /// Fills in the block numbers from the file's block `index` on and returns their number: at least one,
    /// fewer than there is room for at the end of a table.
    fn pointers(&self, inode: &Inode, index: u64, pointers: &mut [u32]) -> Result<usize, Error> {
        if let Some(direct) =
            usize::try_from(index).ok().and_then(|index| inode.pointers[..DIRECT].get(index..))
            && !direct.is_empty()
        {
            let count = direct.len().min(pointers.len());
            pointers[..count].copy_from_slice(&direct[..count]);
            return Ok(count);
        }
        let per_table = u64::from(self.superblock.block_bytes) / POINTER_BYTES as u64;
        let (mut index, mut reach) = (index - DIRECT as u64, per_table);
        for table in &inode.pointers[DIRECT..POINTERS] {
            if index < reach {
                return self.pointers_below(*table, index, reach, pointers);
            }
            index -= reach;
            reach *= per_table;
        }
        Err(Error::Corrupt)
    }

    /// The same as `pointers`, below a table that covers `reach` blocks.
    fn pointers_below(
        &self,
        mut table: u32,
        mut index: u64,
        mut reach: u64,
        pointers: &mut [u32],
    ) -> Result<usize, Error> {
        let per_table = u64::from(self.superblock.block_bytes) / POINTER_BYTES as u64;
        while reach > per_table && table != 0 {
            reach /= per_table;
            let below = if self.device.makes(Mistake::FarTable) { 0 } else { index / reach };
            table = self.pointer(table, below)?;
            index %= reach;
        }
        let index = index % per_table;
        let count = pointers.len().min((per_table - index) as usize);
        let pointers = &mut pointers[..count];
        if table == 0 {
            pointers.fill(0);
        } else {
            let mut bytes = [0; RUN_MAX * POINTER_BYTES];
            let bytes = &mut bytes[..count * POINTER_BYTES];
            self.read_block(table, index * POINTER_BYTES as u64, bytes)?;
            for (i, pointer) in pointers.iter_mut().enumerate() {
                *pointer = field::u32(bytes, i * POINTER_BYTES);
            }
        }
        Ok(count)
    }

    /// One entry of a table of block numbers.
    fn pointer(&self, table: u32, index: u64) -> Result<u32, Error> {
        let mut bytes = [0; POINTER_BYTES];
        self.read_block(table, index * POINTER_BYTES as u64, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }
}
