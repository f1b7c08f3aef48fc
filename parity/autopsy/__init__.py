"""Autopsies: the state of a guest that hangs or died, read from outside, and the kind of its failure."""
