//! Where signals come from and deliveries go: CSV files, webhooks, SMTP, a folder of mail.

pub mod export;
pub mod hook;
pub mod import;
pub mod outlet;
pub mod signature;
