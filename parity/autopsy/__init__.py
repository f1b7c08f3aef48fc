"""Autopsies: what a guest that hangs or died was doing, read from outside, and one word for it."""
