use std::sync::Arc;

use learner::{Example, VideoFeatures, ViewerFeatures};

#[derive(Clone, Copy)]
pub enum Action { Like, Save, Share, Comment, Click, NotInterested, Report, Follow }

#[derive(Default)]
pub struct Joiner;

impl Joiner {
    pub fn slate(&mut self, _: u64, _: ViewerFeatures, _: Vec<Arc<VideoFeatures>>, _: i64) {}
    pub fn slate_features(&self, _: u64) -> Option<ViewerFeatures> { None }
    pub fn is_pending(&self, _: u64, _: u64) -> bool { false }
    pub fn impression(&mut self, _: ViewerFeatures, _: Arc<VideoFeatures>, _: i64) {}
    pub fn watch(&mut self, _: u64, _: u64, _: u32, _: u32, _: i64) {}
    pub fn action(&mut self, _: u64, _: u64, _: Action, _: i64) {}
    pub fn tick(&mut self, _: i64) {}
    pub fn drain_into(&mut self, _: &mut Vec<Example>) {}
    pub fn forget_viewer(&mut self, _: u64) {}
    pub fn snapshot(&self) -> Result<Vec<u8>, String> { Ok(Vec::new()) }
    pub fn restore(_: &[u8]) -> Result<Self, String> { Ok(Self) }
}
