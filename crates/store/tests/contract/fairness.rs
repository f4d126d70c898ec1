//! Whose turn it is when more is due than there are hands for, and who may have how many.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{
    id::AccountId,
    limit::Limits,
    page::PageRequest,
    port::{AccountFilter, Catalogue, Customers, Intake, Journal, PlaybookVersion},
    record::Row,
    run::{Claimed, Intervened, Intervention, NewRun, Priority, RunStatus},
    turn::Committed,
};
use jiff::SignedDuration;
use tokio::sync::Barrier;

use crate::{
    backend::Backend,
    stage::{LONG, SOURCE, Stage, account_row, record},
};

contract! {
    a_flood_of_one_playbook_leaves_turns_to_another,
    hands_are_shared_by_priority_and_playbook,
    what_one_leaves_the_others_get,
    one_pair_of_hands_starves_nobody,
    no_account_has_more_runs_in_hand_than_its_bound,
    accounts_may_have_several_runs_in_hand,
    no_playbook_has_more_runs_in_hand_than_it_says,
    a_run_that_loses_its_workers_is_given_up,
    a_run_that_is_put_to_rest_in_between_is_not_given_up,
    an_older_program_claims_beside_this_one,
}

const DIED: SignedDuration = SignedDuration::from_secs(-1);

/// Accounts beside the one on stage.
async fn accounts(backend: &Backend, count: usize) -> Vec<AccountId> {
    let records = (0..count)
        .map(|n| record(&format!("B-{n}"), Row::Account(account_row(&format!("Account {n}")))))
        .collect();
    backend.store.absorb(SOURCE, records, backend.now(), false).await.unwrap();
    let request = PageRequest { cursor: None, limit: 200 };
    let page = backend.store.accounts(&AccountFilter::default(), &request).await.unwrap();
    let accounts: Vec<_> = page.items.into_iter().map(|account| account.id).collect();
    assert!(accounts.len() >= count);
    accounts
}

/// So many runs of a playbook, each for the next of the accounts.
async fn due(
    stage: &Stage<'_>,
    playbook: &str,
    priority: Priority,
    accounts: &[AccountId],
    count: usize,
) {
    let runs = (0..count)
        .map(|n| NewRun {
            playbook: playbook.to_owned(),
            priority,
            account: accounts[n % accounts.len()],
            ..stage.new_run(&format!("{playbook} {n}"))
        })
        .collect();
    stage.backend.store.start(runs, stage.backend.now()).await.unwrap();
}

/// How many of each playbook.
fn count(claimed: &[Claimed]) -> BTreeMap<&str, usize> {
    let mut count = BTreeMap::new();
    for claimed in claimed {
        *count.entry(claimed.run.playbook.as_str()).or_default() += 1;
    }
    count
}

fn at_once(runs_per_account: u32) -> Limits {
    Limits { runs_per_account: Some(runs_per_account), ..Limits::default() }
}

async fn a_flood_of_one_playbook_leaves_turns_to_another(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let accounts = [stage.account];
    due(&stage, "flood", Priority::Normal, &accounts, 1).await;
    let flood = if backend.is_postgres() {
        "INSERT INTO runs (id, request_key, playbook, version, account, cause, status, step, \
         progress, wake_at, wakes, lease_token, started_at, changed_at) \
         SELECT 'run_' || lpad(to_hex(n), 32, '0'), 'n' || n, playbook, version, account, cause, \
         status, step, progress, wake_at - n, wakes, lease_token, started_at, changed_at \
         FROM runs, generate_series(1, 100000) AS n"
    } else {
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
         WHERE n < 100000) INSERT INTO runs (id, request_key, playbook, version, account, cause, \
         status, step, progress, wake_at, wakes, lease_token, started_at, changed_at) \
         SELECT 'run_' || printf('%032x', n), 'n' || n, playbook, version, account, cause, status, \
         step, progress, wake_at - n, wakes, lease_token, started_at, changed_at \
         FROM runs, numbers"
    };
    backend.behind_the_back(flood).await.unwrap();
    due(&stage, "renewal", Priority::Normal, &accounts, 10).await;
    let first = backend.store.claim(backend.now(), 32, LONG).await.unwrap();
    assert_eq!(count(&first), BTreeMap::from([("flood", 22), ("renewal", 10)]));

    // And where hands become free one by one, with many in hand already.
    due(&stage, "onboarding", Priority::Normal, &accounts, 3).await;
    for _ in 0..3 {
        let next = backend.store.claim(backend.now(), 1, LONG).await.unwrap();
        assert_eq!(count(&next), BTreeMap::from([("onboarding", 1)]));
    }
}

async fn hands_are_shared_by_priority_and_playbook(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for (playbook, priority) in [
        ("saves", Priority::Urgent),
        ("renewal", Priority::Normal),
        ("reviews", Priority::Normal),
        ("news", Priority::Bulk),
    ] {
        due(&stage, playbook, priority, &[stage.account], 100).await;
        // Whoever has waited longer has no more of the hands for it.
        backend.clock.advance(SignedDuration::from_secs(1));
    }
    let claimed = backend.store.claim(backend.now(), 85, LONG).await.unwrap();
    let shares = count(&claimed);
    for (playbook, share) in [("saves", 40_usize), ("renewal", 20), ("reviews", 20), ("news", 5)] {
        // One may be ahead of its share by one, and another behind.
        let got = shares.get(playbook).copied().unwrap_or_default();
        assert!(share.abs_diff(got) <= 1, "{playbook}: {shares:?}");
    }
}

async fn what_one_leaves_the_others_get(backend: &Backend) {
    let stage = Stage::new(backend).await;
    due(&stage, "news", Priority::Bulk, &[stage.account], 50).await;
    due(&stage, "saves", Priority::Urgent, &[stage.account], 3).await;
    let claimed = backend.store.claim(backend.now(), 40, LONG).await.unwrap();
    assert_eq!(count(&claimed), BTreeMap::from([("news", 37), ("saves", 3)]));
}

async fn one_pair_of_hands_starves_nobody(backend: &Backend) {
    let stage = Stage::new(backend).await;
    for (playbook, priority) in [
        ("saves", Priority::Urgent),
        ("renewal", Priority::Normal),
        ("reviews", Priority::Normal),
        ("news", Priority::Bulk),
    ] {
        due(&stage, playbook, priority, &[stage.account], 200).await;
    }
    let mut done = BTreeMap::new();
    for n in 0..200 {
        let claimed = backend.store.claim(backend.now(), 1, LONG).await.unwrap();
        *done.entry(claimed[0].run.playbook.clone()).or_insert(0) += 1;
        stage.commit(stage.turn(&claimed[0])).await;
        // As irregular as work is.
        backend.clock.advance(SignedDuration::from_micros(1_000 + n * n * 37 % 9_973));
    }
    let at_least = |playbook: &str, least| {
        assert!(done.get(playbook).is_some_and(|n| *n >= least), "{playbook}: {done:?}");
    };
    at_least("saves", 60);
    at_least("renewal", 10);
    at_least("reviews", 10);
    at_least("news", 4);
}

/// Claims from several processes at once until nothing more is to be had.
async fn race(backend: &Backend, limits: &Limits) -> Vec<Claimed> {
    const PROCESSES: usize = 4;
    let begin = Arc::new(Barrier::new(PROCESSES));
    let mut claimers = Vec::new();
    for number in 0..PROCESSES {
        let (store, limits) = (backend.another().await, limits.clone());
        // Their clocks differ, and so do their ideas of whose turn it is.
        let micros = i64::try_from(7 * number).unwrap();
        let now = backend.now() + SignedDuration::from_micros(micros);
        let begin = Arc::clone(&begin);
        claimers.push(tokio::spawn(async move {
            // Connected, they begin at the same moment.
            store.ping().await.unwrap();
            begin.wait().await;
            let mut mine = Vec::new();
            loop {
                let claimed = store.claim_within(now, 2, LONG, &limits).await.unwrap();
                if claimed.is_empty() {
                    store.close().await;
                    return mine;
                }
                mine.extend(claimed);
            }
        }));
    }
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    all
}

async fn no_account_has_more_runs_in_hand_than_its_bound(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let accounts = accounts(backend, 20).await;
    for playbook in ["renewal", "reviews", "news"] {
        due(&stage, playbook, Priority::Normal, &accounts, 2 * accounts.len()).await;
    }
    let limits = at_once(1);
    let mut turns = 0;
    loop {
        let claimed = race(backend, &limits).await;
        if claimed.is_empty() {
            break;
        }
        let of: BTreeSet<_> = claimed.iter().map(|claimed| claimed.run.account).collect();
        assert_eq!(of.len(), claimed.len(), "each account once");
        assert_eq!(of.len(), accounts.len(), "and every account that has something due");
        turns += claimed.len();
        let done = claimed.iter().map(|claimed| stage.turn(claimed)).collect();
        let answers = backend.store.commit(done).await.unwrap();
        assert!(answers.iter().all(|answer| *answer == Committed::Applied));
    }
    assert_eq!(turns, 6 * accounts.len());
}

async fn accounts_may_have_several_runs_in_hand(backend: &Backend) {
    let stage = Stage::new(backend).await;
    due(&stage, "renewal", Priority::Normal, &[stage.account], 5).await;
    let claimed = race(backend, &at_once(3)).await;
    assert_eq!(claimed.len(), 3);
    // A lease that has ended is nobody's hand.
    let leases: Vec<_> = claimed.iter().map(|claimed| claimed.lease).collect();
    backend.store.renew(&leases[..1], DIED).await.unwrap();
    let next = backend.store.claim_within(backend.now(), 9, LONG, &at_once(3)).await.unwrap();
    assert_eq!(next.len(), 1);
}

async fn no_playbook_has_more_runs_in_hand_than_it_says(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let version = |concurrency| PlaybookVersion {
        name: "reviews".to_owned(),
        version: format!("{concurrency:?}"),
        files: Vec::new(),
        active: true,
        concurrency,
        loaded_at: backend.now(),
    };
    let load = async |concurrency| {
        let (by, now) = (stage.by(), backend.now());
        backend.store.load_playbooks(&[version(concurrency)], &by, now).await.unwrap();
    };
    load(Some(3)).await;
    due(&stage, "reviews", Priority::Normal, &[stage.account], 20).await;
    due(&stage, "reviews", Priority::Urgent, &[stage.account], 0).await;
    due(&stage, "renewal", Priority::Normal, &[stage.account], 20).await;
    let claimed = race(backend, &Limits::default()).await;
    assert_eq!(count(&claimed), BTreeMap::from([("renewal", 20), ("reviews", 3)]));
    let done = claimed
        .iter()
        .filter(|claimed| claimed.run.playbook == "reviews")
        .take(2)
        .map(|claimed| stage.turn(claimed))
        .collect();
    backend.store.commit(done).await.unwrap();
    assert_eq!(count(&race(backend, &Limits::default()).await), BTreeMap::from([("reviews", 2)]));
    // Another version is in force at once, also for runs of this one.
    load(Some(4)).await;
    assert_eq!(count(&race(backend, &Limits::default()).await), BTreeMap::from([("reviews", 1)]));
    load(None).await;
    assert_eq!(count(&race(backend, &Limits::default()).await), BTreeMap::from([("reviews", 14)]));
}

async fn a_run_that_loses_its_workers_is_given_up(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("poison").await;
    for _ in 0..5 {
        assert_eq!(stage.claim(DIED).await.run.id, run);
    }
    let harmless = stage.run("harmless").await;
    let last = stage.claim(LONG).await;
    assert_eq!(last.run.id, harmless, "others go on");
    let stuck = backend.store.run(run).await.unwrap().unwrap();
    assert_eq!((stuck.status, stuck.wake_at), (RunStatus::Stuck, None));
    let dead_end = stuck.progress.dead_end.unwrap();
    assert_eq!(dead_end.code, "worker-lost");
    assert!(dead_end.why.contains("5 workers") && dead_end.why.contains("retry"), "{dead_end:?}");
    assert_eq!(stage.events(run).await, ["run_started", "run_stuck"]);
    assert_eq!(backend.store.claim(backend.now(), 9, LONG).await.unwrap(), []);

    // Whoever retries it gives it as many tries as at first.
    let (by, now) = (stage.by(), backend.now());
    let retry = backend.store.intervene(run, &Intervention::Retry, &by, now).await.unwrap();
    assert_eq!(retry, Intervened::Done);
    for _ in 0..5 {
        assert_eq!(stage.claim(DIED).await.run.id, run);
    }
    assert_eq!(backend.store.claim(backend.now(), 9, LONG).await.unwrap(), []);
}

async fn a_run_that_is_put_to_rest_in_between_is_not_given_up(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let run = stage.run("slow").await;
    for _ in 0..4 {
        for _ in 0..4 {
            stage.claim(DIED).await;
        }
        let mut turn = stage.turn(&stage.claim(LONG).await);
        turn.wake_at = Some(backend.now());
        stage.commit(turn).await;
    }
    assert_eq!(backend.store.run(run).await.unwrap().unwrap().status, RunStatus::Active);
}

async fn an_older_program_claims_beside_this_one(backend: &Backend) {
    let stage = Stage::new(backend).await;
    due(&stage, "renewal", Priority::Normal, &[stage.account], 3).await;
    // Without a word of priorities, and without waiting its turn.
    let claim = if backend.is_postgres() {
        "UPDATE runs SET lease_token = lease_token + 1, lease_until = \
         CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) + 60000000 \
         WHERE id IN (SELECT id FROM runs WHERE status = 'active' AND wake_at IS NOT NULL \
         ORDER BY wake_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED)"
    } else {
        "UPDATE runs SET lease_token = lease_token + 1, lease_until = \
         CAST(unixepoch('subsec') * 1000000 AS INTEGER) + 60000000 \
         WHERE id IN (SELECT id FROM runs WHERE status = 'active' AND wake_at IS NOT NULL \
         ORDER BY wake_at, id LIMIT 1)"
    };
    backend.behind_the_back(claim).await.unwrap();
    let now = backend.now();
    assert_eq!(backend.store.claim_within(now, 9, LONG, &at_once(1)).await.unwrap(), []);
    assert_eq!(backend.store.claim_within(now, 9, LONG, &at_once(3)).await.unwrap().len(), 2);
}
