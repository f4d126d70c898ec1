//! `playgate account`: accounts and what is known of them.

use domain::{
    account::Band,
    page::PageRequest,
    port::{AccountFilter, Customers as _},
    user::Permission,
};

use crate::{
    app::App,
    arguments::{Account, AccountCommand},
    bad_input,
    output::Append as _,
};

/// Runs the command.
pub async fn run(app: &App, account: Account) -> anyhow::Result<()> {
    app.require(Permission::Read).await?;
    match account.command {
        AccountCommand::List { search, limit, cursor } => {
            let filter = AccountFilter { text: search };
            let page = app.store.accounts(&filter, &PageRequest { cursor, limit }).await?;
            let rows = page
                .items
                .iter()
                .map(|account| {
                    vec![
                        account.source_id.clone(),
                        account.name.clone(),
                        account.segment.to_string(),
                        account.lifecycle.to_string(),
                        account.status.to_string(),
                        account
                            .health
                            .map(|score| format!("{score:.0} {}", Band::of(score)))
                            .unwrap_or_default(),
                        account.renewal_date.map(|date| date.to_string()).unwrap_or_default(),
                    ]
                })
                .collect();
            let columns =
                ["id in source", "name", "segment", "lifecycle", "status", "health", "renewal"];
            app.out.list(&page, &columns, rows, "No accounts; `playgate import` reads them in.")?;
            if let Some(next) = &page.next {
                app.out
                    .say(&format!("{} in all; go on with --cursor {next}", page.total_in_words()));
            }
            Ok(())
        }
        AccountCommand::Show { account } => {
            let account = app.account(&account).await?;
            let snapshot = app.store.snapshots(&[account.id], app.clock.now()).await?;
            let Some(snapshot) = snapshot.into_iter().next() else {
                bad_input!("account `{}` is gone", account.name);
            };
            let health = insight::health::assess(&snapshot);
            let mut text = format!(
                "{} ({})\n{} · {} · {} · {}\n",
                snapshot.account.name,
                snapshot.account.id,
                snapshot.account.segment,
                snapshot.account.tier,
                snapshot.account.lifecycle,
                snapshot.account.status
            );
            match &health {
                Some(health) => {
                    text.append(format_args!("health {:.0} {}\n", health.score, health.band));
                    for part in &health.parts {
                        text.append(format_args!("  {:<22} {}\n", part.name, part.words));
                    }
                }
                None => text.push_str("health unknown: too little data\n"),
            }
            text.push_str("contacts\n");
            for contact in &snapshot.contacts {
                text.append(format_args!(
                    "  {:<16} {} <{}> consent {}\n",
                    contact.role.to_string(),
                    contact.full_name(),
                    contact.email.as_deref().unwrap_or("no address"),
                    contact.consent
                ));
            }
            if snapshot.contacts.is_empty() {
                text.push_str("  none\n");
            }
            let value = serde_json::json!({ "snapshot": snapshot, "health": health });
            app.out.answer(&value, text.trim_end())
        }
    }
}
