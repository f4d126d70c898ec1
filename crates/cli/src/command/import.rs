//! `playgate import`: customer data from CSV files.

use connectors::import::{Import as Reader, Mapping, Options};
use domain::{
    event::{Event, NewEvent, Stream},
    port::Intake as _,
    user::Permission,
};

use crate::{app::App, arguments::Import, assets::read_text, bad_input};

/// Runs the command.
pub async fn run(app: &App, import: Import) -> anyhow::Result<()> {
    let by = app.actor(Permission::Operate).await?;
    let (mapping, name) = if let Some(file) = &import.map {
        let text = read_text(file)?;
        let label = file.display().to_string();
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        (Mapping::parse(&label, &text)?, stem)
    } else {
        let name = import.preset.clone().unwrap_or_else(|| "generic".to_owned());
        let Some(mapping) = Mapping::preset(&name) else {
            bad_input!(
                "there is no preset `{name}`; there are {} — or give your own with --map",
                Mapping::PRESETS.join(", ")
            );
        };
        (mapping, name)
    };
    for path in &import.paths {
        if !path.exists() {
            bad_input!("there is no file or folder `{}`", path.display());
        }
    }
    let source = import.source.clone().unwrap_or(name);
    let options = Options {
        encoding: import.encoding.clone(),
        rejects: import.rejects.clone(),
        announce: import.announce,
        ..Options::default()
    };
    let bar = app.out.progress("rows", 0);
    let report = Reader::new(mapping, &source, options)
        .run(&import.paths, &app.store, &*app.clock, &|rows| bar.set_position(rows))
        .await?;
    bar.finish_and_clear();
    let totals = report.totals();
    let event = Event::DataImported {
        source,
        read: totals.read,
        inserted: totals.inserted,
        updated: totals.updated,
        unchanged: totals.unchanged,
        rejected: totals.rejected,
    };
    app.store
        .imported(NewEvent { stream: Stream::Import, at: app.clock.now(), actor: by, event })
        .await?;
    app.run_if_embedded().await?;
    app.out.answer(&report, &report.to_string())
}
