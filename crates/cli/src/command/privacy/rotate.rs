//! `playgate privacy rotate`: another master key, while everything runs.

use std::time::Duration;

use domain::user::Permission;

use crate::{app::App, output::Append as _, rotation};

/// Runs the command.
pub async fn run(app: &App) -> anyhow::Result<()> {
    let by = app.actor(Permission::Administer).await?;
    let done = rotation::rotate(app, &by, Duration::from_millis(10)).await?;
    let mut text = format!(
        "{} keys of people and runs are wrapped by the master key `{}` now{}.",
        done.rewrapped,
        done.key,
        if done.made { ", which is new" } else { "" }
    );
    match (&done.kept[..], done.safe_at) {
        ([], _) => text.append(format_args!(
            "\nEarlier keys are not needed any longer, and {} holds this one only. Copies of the \
             database that were made before open with the earlier key: keep it as long as them.",
            done.place
        )),
        (kept, Some(at)) => text.append(format_args!(
            "\nKeep the earlier key (`{}`) in {} until {} UTC: others may still be at work under \
             it. Whoever serves takes it out of a file by itself after that; elsewhere, run this \
             again and then take it out.",
            kept.join("`, `"),
            done.place,
            at.strftime("%Y-%m-%d %H:%M")
        )),
        (kept, None) => text.append(format_args!(
            "\nThe earlier key (`{}`) may be taken out of {}.",
            kept.join("`, `"),
            done.place
        )),
    }
    text.push_str("\nKeep a copy of the new key apart from the database.");
    app.out.answer(&done, &text)
}
