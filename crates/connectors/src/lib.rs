//! Where signals come from and deliveries go: CSV, webhook, SMTP, mail folder.
