//! Generates a fictional company whose usage, tickets and churn hang together, account by account.
//!
//! Every account is a pure function of the settings and its index, so a hundred thousand of them
//! stream through without being held, in any order, and the same settings give the same bytes. Each
//! has a hidden [`Destiny`] that its data follows and that the product never reads: what a playbook
//! really does can be compared with what the product measures.
//!
//! Nobody here exists. Mail domains end in `.example` (RFC 2606), telephone numbers come from
//! ranges kept for fiction, cards and accounts are the payment industry's test numbers, addresses
//! on the net are documentation ranges (RFC 5737, RFC 3849).

mod calendar;
mod chance;
mod company;
mod contact;
mod conversation;
mod destiny;
mod firm;
mod meeting;
mod name;
mod place;
mod profile;
mod settings;
mod sheet;
mod signal;
mod subscription;
mod survey;
mod team;
mod ticket;
mod usage;

pub use company::{Bundle, Company, SOURCE};
pub use destiny::{Cause, Destiny, Fate, Outcome, Window};
pub use settings::{MOST_EFFECT, Settings, SettingsError};
pub use signal::Signal;
pub use team::Member;

/// The product the fictional company sells.
pub const PRODUCT: &str = "Harborline";
/// The fictional company's own mail domain.
pub const VENDOR_DOMAIN: &str = "harborline.example";
