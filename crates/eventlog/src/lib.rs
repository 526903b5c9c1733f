//! The append-only log of what people did, partitioned by viewer.
mod event;
pub use event::{Body, Context, Event, EventId, Slate, SlateItem, VideoFacts, Watch};
