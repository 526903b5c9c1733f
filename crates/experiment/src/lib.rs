//! Comparing arms: who is in which, what each is worth, and how sure that is. Numbers in, numbers out.
//!
//! - [`Assignment`]: viewers to arms by a keyed hash, in parts.
//! - [`mean`], [`ratio`], [`difference`], [`lift`]: a figure per viewer with its interval, and two arms beside each other.
//! - [`shares_p_value`]: whether the arms have as many viewers as they were to have.
//! - [`policy_value`]: what a policy that did not choose would have earned, from what one that did choose logged.
//!
//! Invariants:
//! - a viewer's arm is a function of the viewer, the experiment's name and the parts, on every machine and for ever;
//! - the unit of all uncertainty is the viewer: what one viewer does hangs together, so neither pages nor clips are counted as
//!   independent;
//! - a figure without a usable interval (fewer than two viewers) is `None`, never a guess; everything returned is finite.
//!
//! Never IO, never a clock, never chance, never a viewer's id in anything that is returned.

mod assignment;
mod counterfactual;
mod estimate;
mod functions;
mod shares;

pub use assignment::{ARMS_MAX, Assignment, PARTS_MAX};
pub use counterfactual::{Placement, PolicyValue, Recalibration, policy_difference, policy_value, recalibrations};
pub use estimate::{Difference, Estimate, difference, lift, mean, ratio};
pub use shares::shares_p_value;
