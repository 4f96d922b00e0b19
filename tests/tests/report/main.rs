//! The report of a real run: what its JSON is, and what a real browser makes of its page.

mod browser;
mod page;
mod run;
mod schema;
