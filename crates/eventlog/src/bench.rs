//! `watershed bench eventlog`: how fast the local log takes events in and gives them back.
