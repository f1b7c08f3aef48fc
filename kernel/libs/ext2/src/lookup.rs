//! From a path to an inode.

use parity_abi::limits::{PATH_MAX, SYMLINKS_MAX};

use crate::{BlockDevice, Error, FileType, Filesystem, Inode, ROOT};

/// What to do when the last name of a path is a symbolic link. Links before it are always followed, and so
/// is the last one when a slash comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Last,
    AllButLast,
}

impl<D: BlockDevice> Filesystem<D> {
    /// The file that `path` names; one without a leading slash begins in the directory `start`.
    ///
    /// # Errors
    /// [`Error::NotFound`] (an empty path too), [`Error::NotDirectory`], [`Error::Loop`],
    /// [`Error::NameTooLong`], [`Error::Corrupt`], or the device's error.
    pub fn lookup(&self, start: &Inode, path: &[u8], follow: Follow) -> Result<Inode, Error> {
        if path.is_empty() {
            return Err(Error::NotFound);
        }
        if path.len() >= PATH_MAX {
            return Err(Error::NameTooLong);
        }
        let mut rest = path.to_vec();
        let mut here = self.first(start, &rest)?;
        let mut links = 0;
        while let Some((name, after)) = next_name(&rest) {
            if here.kind != FileType::Directory {
                return Err(Error::NotDirectory);
            }
            let found = self.find(&here, name)?;
            if found.kind == FileType::Symlink && (!after.is_empty() || follow == Follow::Last) {
                links += 1;
                if links > SYMLINKS_MAX {
                    return Err(Error::Loop);
                }
                let mut target = self.read_link(&found)?;
                if target.is_empty() {
                    return Err(Error::NotFound);
                }
                target.extend_from_slice(after);
                here = self.first(&here, &target)?;
                rest = target;
            } else {
                here = found;
                rest = after.to_vec();
            }
            // What is left of `name/` is a slash: it says that a directory is meant.
            if rest.starts_with(b"/") && here.kind != FileType::Directory {
                return Err(Error::NotDirectory);
            }
        }
        Ok(here)
    }

    /// Where a path begins.
    fn first(&self, start: &Inode, path: &[u8]) -> Result<Inode, Error> {
        if path.starts_with(b"/") { self.inode(ROOT) } else { Ok(start.clone()) }
    }
}

/// The path's first name and what follows it, the slash in between included.
fn next_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = &path[path.iter().position(|byte| *byte != b'/')?..];
    Some(path.split_at(path.iter().position(|byte| *byte == b'/').unwrap_or(path.len())))
}
