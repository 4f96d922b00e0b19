//! What the tests and the peers benchmark start and stop: Ringpost itself, real Postfix,
//! and the tools that speak to them. Every process is ended by its id.
