//! Speed and memory of the views.
