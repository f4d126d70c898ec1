//! `playgate run pause|resume|cancel|retry` without an id: many runs, counted and asked about first.

use std::io::IsTerminal as _;

use domain::{
    port::{Customers as _, Forecast, Measure, RunFilter, Tally},
    user::Permission,
};
use serde_json::json;
use server::waits::Awaited;

use crate::{
    app::App,
    bad_input,
    output::{Append as _, table},
};

/// Shows what would be done, asks, does it, and counts.
pub async fn run(app: &App, filter: &RunFilter, what: &Measure, yes: bool) -> anyhow::Result<()> {
    let by = app.actor(Permission::Operate).await?;
    let steward = app.steward();
    let forecast = steward.forecast(filter, what).await?;
    let preview = preview(app, &forecast, what).await?;
    if forecast.count == 0 {
        let value = json!({ "applied": false, "forecast": forecast });
        return app.out.answer(&value, &preview);
    }
    if !yes {
        if app.out.is_json() {
            return app.out.answer(&json!({ "applied": false, "forecast": forecast }), "");
        }
        if !std::io::stdin().is_terminal() {
            bad_input!("{preview}\n\nnothing was changed; say --yes to do it");
        }
        app.out.say(&preview);
        app.out.say(&format!("\nShall {} be {}? [y/N]", these(forecast.count), what.done()));
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if !matches!(answer.trim(), "y" | "Y" | "yes") {
            return app.out.answer(&json!({ "applied": false }), "Nothing was changed.");
        }
    }
    let bar = app.out.progress(what.done(), forecast.count);
    let tell = |tally: Tally| bar.set_position(tally.done);
    let done = steward.intervene_all(filter, what, Some(forecast.count), &by, &tell).await;
    bar.finish_and_clear();
    let tally = done?;
    app.out.answer(
        &json!({ "applied": true, "forecast": forecast, "tally": tally }),
        &format!(
            "{} {} {}, {} not possible, {} gone.",
            runs(tally.done),
            if tally.done == 1 { "was" } else { "were" },
            what.done(),
            tally.not_possible,
            tally.gone
        ),
    )
}

fn runs(count: u64) -> String {
    if count == 1 { "1 run".to_owned() } else { format!("{count} runs") }
}

fn these(count: u64) -> String {
    if count == 1 { "this run".to_owned() } else { format!("these {count} runs") }
}

/// Counts by playbook, state and step, and the first few.
async fn preview(app: &App, forecast: &Forecast, what: &Measure) -> anyhow::Result<String> {
    let mut text = format!("{} would be {}", runs(forecast.count), what.done());
    if forecast.left_alone > 0 {
        text.append(format_args!(
            "; {} more match and are left alone, because it makes no sense in their state",
            forecast.left_alone
        ));
    }
    text.push('.');
    if !forecast.hindered.is_empty() {
        let count: u64 = forecast.hindered.iter().map(|group| group.count).sum();
        let rows = forecast
            .hindered
            .iter()
            .map(|group| {
                let (playbook, step) = (group.playbook.clone(), group.step.clone());
                vec![playbook, step, group.count.to_string(), group.why.clone()]
            })
            .collect();
        let cannot = table(&["playbook", "step", "runs", "why not"], rows);
        text.append(format_args!("\n\n{} cannot be {}:\n{cannot}", runs(count), what.done()));
    }
    if forecast.count == 0 {
        return Ok(text);
    }
    let rows = forecast
        .groups
        .iter()
        .map(|group| {
            let status = group.status.to_string();
            vec![group.playbook.clone(), status, group.step.clone(), group.count.to_string()]
        })
        .collect();
    text.append(format_args!("\n\n{}", table(&["playbook", "state", "step", "runs"], rows)));
    let now = app.clock.now();
    let names = app.names().await?;
    let awaited = Awaited::by(&forecast.first, &app.store, &app.store).await?;
    let mut rows = Vec::new();
    for run in &forecast.first {
        let account = app.store.account(run.account).await?;
        rows.push(vec![
            run.id.to_string(),
            account.map(|account| account.name).unwrap_or_default(),
            awaited.in_words(run, &names, now),
        ]);
    }
    let all = forecast.first.len() as u64 == forecast.count;
    let which = if all { "All of them:" } else { "The first of them:" };
    let first = table(&["run", "account", "waits for"], rows);
    text.append(format_args!("\n\n{which}\n{first}"));
    Ok(text)
}
