//! One log of the spool, driven on a kernel.
