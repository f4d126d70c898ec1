//! `playgate status`: what is in the database, what waits, what is stuck.

use domain::{
    page::in_words,
    port::{Catalogue as _, Outbox as _, Rates as _},
    user::Permission,
};
use serde_json::{Value, json};
use store::Counts;

use crate::{app::App, command::policy::short, output::Append as _, retention};

/// Runs the command.
pub async fn run(app: &App) -> anyhow::Result<()> {
    app.require(Permission::Read).await?;
    let counts = app.store.counts().await?;
    let kills = app.store.kills().await?;
    let policy = app.store.active_policy().await?;
    let playbooks = app.store.active_playbooks().await?;
    let mut text = format!(
        "database   {} {}\nwriter     {}\nmail       {}\nplaybooks  {} active\npolicy     {}\n{}",
        app.store.engine_name(),
        app.location(),
        app.writer_name(),
        app.mail_name(),
        playbooks.len(),
        policy.as_ref().map_or("none", |policy| short(&policy.version)),
        sheet(&counts)
    );
    let erased = app.store.erasures().await?;
    let kept = retention::placeholders(app).await?.map(|kept| kept.as_hours() / 24);
    let forgotten = retention::last(app).await?;
    let keys = app.store.master_keys().await?;
    text.append(format_args!(
        "\nprivacy    {erased} people erased; placeholders open for {} days after a run{}; master \
         key {}{}",
        kept.unwrap_or_default(),
        forgotten.map_or_else(String::new, |(at, runs)| {
            format!(" (last forgotten {}, {runs} runs)", at.strftime("%Y-%m-%d %H:%M"))
        }),
        keys.active.join(", "),
        if app.vault().keys().ids().len() > 1 { ", being changed" } else { "" },
    ));
    for kill in &kills {
        text.append(format_args!("\nSTOPPED    {}", kill.in_words()));
    }
    let mut held = Vec::new();
    let rates = app.config.bounds().rates();
    let asked: Vec<_> = rates.iter().map(|(key, _, rate)| (key.clone(), *rate)).collect();
    let spent = app.store.spent(&asked, app.clock.now()).await?;
    for (key, what, rate) in &rates {
        if let Some(next) = spent.get(key) {
            text.append(format_args!("\nHELD       rate of {what} is {rate}, next at {next}"));
            held.push(json!({ "of": what, "rate": rate, "next": next }));
        }
    }
    let value = json!({
        "database": app.store.engine_name(),
        "writer": app.writer_name(),
        "mail": app.mail_name(),
        "playbooks": playbooks.iter().map(|version| &version.name).collect::<Vec<_>>(),
        "policy": policy.map(|policy| policy.version),
        "counts": numbers(&counts),
        "kills": kills,
        "held": held,
        "privacy": {
            "erased": erased,
            "placeholders_kept_days": kept,
            "placeholders_forgotten_at": forgotten.map(|(at, _)| at),
            "master_keys": keys.active,
        },
    });
    app.out.answer(&value, text.trim_end())
}

/// A count that is not taken further than some height.
fn up_to(count: i64) -> String {
    in_words(u64::try_from(count).unwrap_or(0), count < Counts::MOST)
}

/// Row counts for people.
pub fn sheet(counts: &Counts) -> String {
    let states = |states: &std::collections::BTreeMap<String, i64>| {
        if states.is_empty() {
            return "none".to_owned();
        }
        states
            .iter()
            .map(|(state, n)| format!("{} {state}", up_to(*n)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    format!(
        "customers  {} accounts, {} contacts, {} days of use, {} tickets\nruns       {}\n\
         approvals  {}\ntasks      {}\nmessages   {}\naudit      {} events",
        up_to(counts.accounts),
        up_to(counts.contacts),
        up_to(counts.usage_days),
        up_to(counts.tickets),
        states(&counts.runs),
        states(&counts.approvals),
        states(&counts.tasks),
        states(&counts.messages),
        up_to(counts.events)
    )
}

/// Row counts for machines; where one is `counted_up_to`, there are at least so many.
pub fn numbers(counts: &Counts) -> Value {
    json!({
        "accounts": counts.accounts,
        "contacts": counts.contacts,
        "usage_days": counts.usage_days,
        "tickets": counts.tickets,
        "signals": counts.signals,
        "events": counts.events,
        "runs": counts.runs,
        "approvals": counts.approvals,
        "tasks": counts.tasks,
        "messages": counts.messages,
        "counted_up_to": Counts::MOST,
    })
}
