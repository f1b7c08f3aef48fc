//! The reference kernel.
#![no_std]
