//! The HTTP face against a real application in a temporary folder, called without sockets.

// All of this is test code, its helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod authorization;
mod events;
mod people;
mod sessions;
mod social;
mod support;
mod uploads;
mod videos;
