//! The clips of a first start, made on the spot.
