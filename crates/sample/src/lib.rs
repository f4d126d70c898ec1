//! Generates a fictional company whose usage, tickets and churn hang together, account by account.
