//! For tests, of this crate and of others: events by chance, and the suite that every [`EventLog`](crate::EventLog) passes.

pub mod conformance;
mod events;

pub use events::{event, sample_bodies, sample_facts, sample_slate, sample_trial};
