//! Lists that go on: a page and the cursor to the next.

use serde::{Deserialize, Serialize};
use store::cursor::Cursor;
use utoipa::{IntoParams, ToSchema};

use crate::Problem;

/// Items of a page when the caller names no number, and the most it may name.
const LIMIT_DEFAULT: u32 = 20;
const LIMIT_MAX: u32 = 100;

/// A part of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Opaque; give it back as `cursor` for what follows. Null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of the application with its items as JSON.
    pub fn of<U>(page: store::cursor::Page<U>, json: impl FnMut(U) -> T) -> Self {
        let page = page.map(json);
        Self { items: page.items, next_cursor: page.next.map(|cursor| cursor.to_string()) }
    }
}

/// Where in a list to go on, and how far.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From the page before.
    pub cursor: Option<String>,
    /// 1 to 100; 20 when absent.
    pub limit: Option<u32>,
}

impl PageQuery {
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
    }

    /// Where to go on; none at the beginning.
    pub fn after(&self) -> Result<Option<Cursor>, Problem> {
        let cursor = self.cursor.as_deref().map(str::parse).transpose();
        cursor.map_err(|_| Problem::bad_request("bad_cursor", "This cursor is not one of ours."))
    }
}
