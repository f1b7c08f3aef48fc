//! From a path to an inode.

use alloc::vec::Vec;

use parity_abi::limits::{PATH_MAX, SYMLINKS_MAX};

use crate::{BlockDevice, Error, FileType, Filesystem, Inode, Mistake, ROOT, joined};

/// Whether to follow a symbolic link at the end of a path. Links before it are always followed, and so is the last
/// one if a slash follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Last,
    AllButLast,
}

/// The result of a walk along a path.
#[derive(Debug)]
pub enum Walk {
    Arrived(Inode),
    /// The walk has reached the covered directory; this part of the path is left.
    Elsewhere(Vec<u8>),
    /// The last directory does not have the path's last name.
    Missing,
}

impl<D: BlockDevice> Filesystem<D> {
    /// The file that `path` names; a path without a leading slash begins in the directory `start`.
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
        match self.walk(start, path, follow, None, &mut 0)? {
            Walk::Arrived(inode) => Ok(inode),
            Walk::Missing => Err(Error::NotFound),
            Walk::Elsewhere(_) => Err(Error::Corrupt),
        }
    }

    /// The same as [`Filesystem::lookup`], but the walk ends at the directory with the inode number `covered`, and an
    /// empty path is `start`. `links` counts the links followed so far; a walk that leaves this file system and comes
    /// back passes it on.
    ///
    /// # Errors
    /// Those of [`Filesystem::lookup`].
    pub fn walk(
        &self,
        start: &Inode,
        path: &[u8],
        follow: Follow,
        covered: Option<u32>,
        links: &mut usize,
    ) -> Result<Walk, Error> {
        let mut rest = joined(path, b"")?;
        let mut here = self.first(start, &rest)?;
        while let Some((name, after)) = next_name(&rest) {
            if here.kind != FileType::Directory {
                return Err(Error::NotDirectory);
            }
            let found = match self.find(&here, name) {
                Err(Error::NotFound) if after.is_empty() => return Ok(Walk::Missing),
                found => found?,
            };
            if found.kind == FileType::Symlink && (!after.is_empty() || follow == Follow::Last) {
                *links += 1;
                if *links > SYMLINKS_MAX && !self.device.makes(Mistake::LinksWithoutEnd) {
                    return Err(Error::Loop);
                }
                let target = self.read_link(&found)?;
                if target.is_empty() {
                    return Err(Error::NotFound);
                }
                let target = joined(&target, after)?;
                here = self.first(&here, &target)?;
                rest = target;
            } else {
                here = found;
                rest = joined(after, b"")?;
            }
            if Some(here.number) == covered {
                return Ok(Walk::Elsewhere(rest));
            }
            // Of `name/` a slash is left, so `name` must be a directory.
            if rest.starts_with(b"/") && here.kind != FileType::Directory {
                return Err(Error::NotDirectory);
            }
        }
        Ok(Walk::Arrived(here))
    }

    /// The directory in which a path begins.
    fn first(&self, start: &Inode, path: &[u8]) -> Result<Inode, Error> {
        if path.starts_with(b"/") { self.inode(ROOT) } else { Ok(start.clone()) }
    }
}

/// The path's first name, and the rest with its leading slash.
fn next_name(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let path = &path[path.iter().position(|byte| *byte != b'/')?..];
    Some(path.split_at(path.iter().position(|byte| *byte == b'/').unwrap_or(path.len())))
}
