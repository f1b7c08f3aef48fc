//! From a path to an inode.

use alloc::vec::Vec;

use parity_abi::limits::{PATH_MAX, SYMLINKS_MAX};

use crate::{BlockDevice, Error, FileType, Filesystem, Inode, Mistake, ROOT, joined};

/// What to do when the last name of a path is a symbolic link. Links before it are always followed, and so
/// is the last one when a slash comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    Last,
    AllButLast,
}

/// Where a walk along a path has led.
#[derive(Debug)]
pub enum Walk {
    Arrived(Inode),
    /// To a directory in whose place there is something else, with this part of the path left.
    Elsewhere(Vec<u8>),
    /// To a directory that has nothing of the path's last name.
    Missing,
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
        match self.walk(start, path, follow, None, &mut 0)? {
            Walk::Arrived(inode) => Ok(inode),
            Walk::Missing => Err(Error::NotFound),
            Walk::Elsewhere(_) => Err(Error::Corrupt),
        }
    }

    /// As [`Filesystem::lookup`], but it ends at the directory with the number `covered`, and an empty path is `start`.
    /// `links` counts the links that were followed: a path that goes on elsewhere and comes back takes it along.
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
            // What is left of `name/` is a slash: it says that a directory is meant.
            if rest.starts_with(b"/") && here.kind != FileType::Directory {
                return Err(Error::NotDirectory);
            }
        }
        Ok(Walk::Arrived(here))
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
