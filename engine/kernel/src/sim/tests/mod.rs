//! The simulated world does what it says.
