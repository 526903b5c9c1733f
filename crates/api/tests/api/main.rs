//! The HTTP face against a real application in a temporary folder, called without sockets.

mod authorization;
mod people;
mod sessions;
mod social;
mod support;
mod uploads;
mod videos;
