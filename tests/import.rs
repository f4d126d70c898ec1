//! Is customer data read in whole, once, and with a report that says what is wrong with it?

use std::{fs, path::Path};

use cli::{arguments::Import, command};
use domain::{
    page::PageRequest,
    port::{AccountFilter, Customers as _},
};
use world::{Database, World};

use crate::on_both;

on_both! {
    a_file_read_twice_changes_nothing,
    a_bad_row_stops_nobody_else,
    what_the_sample_writes_can_be_read_back,
}

fn import(paths: &[&Path]) -> Import {
    Import {
        paths: paths.iter().map(|path| path.to_path_buf()).collect(),
        preset: None,
        map: None,
        source: Some("crm".to_owned()),
        encoding: None,
        rejects: None,
        announce: false,
    }
}

async fn accounts(world: &World) -> u64 {
    let page = world.app.store.accounts(&AccountFilter::default(), &PageRequest::default()).await;
    page.expect("accounts").total
}

async fn a_file_read_twice_changes_nothing(database: Database) {
    let world = World::new(database).await;
    let file = world.folder().join("accounts.csv");
    // Byte-order mark, semicolons, CRLF and a quoted line break, as spreadsheets write them.
    let text = "\u{feff}source_id;name;domain;status\r\nA-1;\"Müller\r\nSöhne\";mueller.example;active\r\nA-2;Acme;acme.example;active\r\n";
    fs::write(&file, text).expect("a file");
    for _ in 0..2 {
        command::import::run(&world.app, import(&[&file])).await.expect("the import");
        assert_eq!(accounts(&world).await, 2);
    }
    let trail = cli::audit::stream(&*world.app.ledger, "import").await.expect("the trail");
    let last: serde_json::Value = serde_json::from_str(&trail[1].data).expect("an event");
    assert_eq!((&last["inserted"], &last["unchanged"]), (&0.into(), &2.into()));
}

async fn a_bad_row_stops_nobody_else(database: Database) {
    let world = World::new(database).await;
    let file = world.folder().join("accounts.csv");
    let long = "x".repeat(1_000_000);
    let text = format!(
        "source_id,name,domain,status\nA-1,Good,good.example,active\nA-2,Bad,bad.example,nonsense\n\
         A-3,{long},long.example,active\nA-4,Fine,fine.example,active\n"
    );
    fs::write(&file, text).expect("a file");
    let rejects = world.folder().join("rejects.csv");
    let mut arguments = import(&[&file]);
    arguments.rejects = Some(rejects.clone());
    command::import::run(&world.app, arguments).await.expect("the import");
    assert_eq!(accounts(&world).await, 2);
    let rejected = fs::read_to_string(rejects).expect("the rejects");
    assert!(rejected.contains("status") && rejected.contains("nonsense"), "{rejected}");
    assert_eq!(rejected.lines().count(), 3, "a header and two rows: {rejected}");
}

async fn what_the_sample_writes_can_be_read_back(database: Database) {
    let world = World::new(database).await;
    let folder = world.folder().join("csv");
    let sample = cli::arguments::Sample {
        accounts: 5,
        seed: 3,
        effect: 0.15,
        as_of: "2026-03-01".parse().ok(),
        out: Some(folder.clone()),
        truth: None,
    };
    let today = world.app.today();
    command::sample::to_files(world.app.out, &sample, today).expect("the files");
    command::import::run(&world.app, import(&[&folder])).await.expect("the import");
    assert_eq!(accounts(&world).await, 5);
    let trail = cli::audit::stream(&*world.app.ledger, "import").await.expect("the trail");
    let event: serde_json::Value = serde_json::from_str(&trail[0].data).expect("an event");
    assert_eq!(event["rejected"], 0, "{event}");
    assert_eq!(event["read"], event["inserted"], "{event}");
}
