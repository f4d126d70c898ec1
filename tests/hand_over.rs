//! Does a hand-over that takes its time keep its message, and leave room for the others?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use cli::app::App;
use connectors::{
    outlet::{Mail, Outlets, Security, Sender, Smtp, SmtpSettings, Timeouts, Webhook},
    signature::Secret,
};
use domain::{clock::Clock, message::MessageStatus, page::PageRequest, port::Outbox as _};
use engine::{Ports, Settings, Worker};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;
use world::{
    Database, World,
    model::{ModelEndpoint, Reply},
    smtp::{Act, SmtpSink, Stage},
};

use crate::{
    limits::{LETTER, another, approve, customers, start, world},
    on_both,
};

on_both! {
    a_relay_that_stalls_keeps_neither_other_mail_nor_webhooks_waiting,
    a_hand_over_that_takes_longer_than_its_lease_keeps_its_message,
}

const POST: &str = "send_email: { to: [champion], class: relationship, channel: webhook, \
                    asset: hello, prompt: outreach }";

/// A worker whose mail goes to this relay and whose webhook is this one, with leases so long.
fn worker(app: &App, relay: &SmtpSink, hook: &str, lease: SignedDuration) -> Worker {
    let patience = Duration::from_mins(10);
    let settings = SmtpSettings {
        host: relay.address().ip().to_string(),
        port: relay.address().port(),
        security: Security::Plain,
        login: None,
        authority: None,
        timeouts: Timeouts { connect: patience, command: patience, message: patience },
    };
    let sender = Sender::new("Vendor", "team@vendor.example").expect("a sender");
    let mail = Mail::Smtp(Smtp::new(settings, sender).expect("a relay"));
    let secret = Secret::parse("whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0").expect("a secret");
    let hook =
        Webhook::new(hook.parse().expect("an address"), secret, patience).expect("a webhook");
    let clock = Arc::<dyn Clock>::clone(&app.clock);
    let channels = Arc::new(Outlets::new(mail, Some(hook), clock));
    let ports = Ports { channels, ..app.ports().clone() };
    let settings = Settings { delivery_lease: lease, ..Settings::default() };
    Worker::new(ports, Arc::clone(&app.ledger), settings)
}

/// Waits for something that a worker is about to do.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many messages stand so.
async fn count(world: &World, status: MessageStatus) -> u64 {
    let page = PageRequest { cursor: None, limit: 1 };
    world.app.store.messages(Some(status), &page).await.expect("messages").total
}

async fn a_relay_that_stalls_keeps_neither_other_mail_nor_webhooks_waiting(database: Database) {
    let world = world(database, &[("write", "", LETTER), ("post", "", POST)], |_| {}).await;
    let accounts = customers(&world, 36).await;
    let relay = SmtpSink::start().await.expect("a relay");
    let hook = ModelEndpoint::start((0..20).map(|_| Reply::Says("{}".to_owned()))).await;
    let hook = hook.expect("a webhook");
    let lease = SignedDuration::from_mins(5);
    let worker = worker(&world.app, &relay, &hook.url(), lease);

    // One conversation stalls; the others take turns in the slots it leaves.
    relay.next([Some((Stage::Greeting, Act::Stall))]);
    start(&world, "write", &accounts[..13]).await;
    world.app.worker().settle_runs().await;
    approve(&world).await;
    let stop = CancellationToken::new();
    let working = tokio::spawn({
        let (worker, stop) = (worker.clone(), stop.clone());
        async move { worker.run(stop).await }
    });
    until("twelve letters pass the one that stalls", async || {
        count(&world, MessageStatus::Delivered).await == 12
    })
    .await;

    // All stall: more mail than there are slots, and all slots taken.
    relay.always(Some((Stage::Greeting, Act::Stall)));
    start(&world, "write", &accounts[13..26]).await;
    until("the letters are written", async || world.waiting().await.len() == 13).await;
    approve(&world).await;
    until("every slot for mail is taken", async || relay.connections() == 12 + 8).await;
    start(&world, "post", &accounts[26..]).await;
    until("the drafts are written", async || world.waiting().await.len() == 10).await;
    approve(&world).await;
    until("ten webhooks pass all mail", async || {
        count(&world, MessageStatus::Delivered).await == 22
    })
    .await;
    assert_eq!(hook.requests().len(), 10);
    assert_eq!(relay.connections(), 20, "no mail beyond its slots was tried");
    assert_eq!(count(&world, MessageStatus::Queued).await, 6, "the rest waits where others see it");
    stop.cancel();
    working.abort();
}

async fn a_hand_over_that_takes_longer_than_its_lease_keeps_its_message(database: Database) {
    let world = world(database, &[("write", "", LETTER)], |_| {}).await;
    let accounts = customers(&world, 1).await;
    let relay = SmtpSink::start().await.expect("a relay");
    relay.always(Some((Stage::Dot, Act::Wait(Duration::from_secs(8)))));
    start(&world, "write", &accounts).await;
    world.app.worker().settle_runs().await;
    approve(&world).await;

    let lease = SignedDuration::from_secs(3);
    let second = another(&world).await;
    let (slow, eager) = (
        worker(&world.app, &relay, "http://127.0.0.1:1/", lease),
        worker(&second, &relay, "http://127.0.0.1:1/", lease),
    );
    let delivering = tokio::spawn(async move { slow.settle().await });
    assert!(relay.reached(Stage::Dot, Duration::from_secs(30)).await, "it is handed over");
    // Another worker looks all the while, and would call it uncertain once the lease is over.
    while !delivering.is_finished() {
        eager.settle().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    delivering.await.expect("it works");
    assert_eq!(relay.received().len(), 1);
    let delivered = count(&world, MessageStatus::Delivered).await;
    assert_eq!((delivered, count(&world, MessageStatus::Uncertain).await), (1, 0));
    second.store.close().await;
}
