//! Health, metrics, sample sizes, uplift: the arithmetic, pure and cited.
