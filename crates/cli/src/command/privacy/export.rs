//! `playgate privacy export`: everything of a person, as one JSON document.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _};

use anyhow::Context as _;
use domain::user::Permission;
use serde_json::{Value, json};

use crate::{
    app::App, arguments::Export, bad_input, command::privacy::contacts, output::print, person,
};

/// Runs the command.
pub async fn run(app: &App, export: Export) -> anyhow::Result<()> {
    let by = app.actor(Permission::Erase).await?;
    let mut people: Vec<Value> = Vec::new();
    for contact in contacts(app, &export.contact).await? {
        people.extend(person::export(app, contact, &by).await?);
    }
    let document = json!({ "people": people });
    let text = serde_json::to_string_pretty(&document)?;
    let Some(file) = export.out else { return print(&text) };
    let made = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    let mut made = match made {
        Err(err) if err.kind() == std::io::ErrorKind::AlreadyExists => {
            bad_input!("`{}` is there already; choose another name", file.display())
        }
        made => made.with_context(|| format!("`{}` cannot be written", file.display()))?,
    };
    writeln!(made, "{text}")?;
    made.sync_all()?;
    app.out.answer(
        &json!({ "file": file, "people": people.len() }),
        &format!(
            "`{}` holds everything there is, readable by you only. That it was handed out is in \
             the audit trail (stream `privacy`).",
            file.display()
        ),
    )
}
