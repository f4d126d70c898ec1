//! Health, metrics, sample sizes, uplift: the arithmetic, pure and cited.

pub mod edit;
pub mod health;
pub mod metric;
pub mod proportion;
