//! The approval queue: settled once, walked whole.

use std::collections::BTreeSet;

use domain::{
    action::{ActionName, Severity},
    approval::{Approval, ApprovalState, ApprovalStatus, RejectReason},
    id::{ApprovalId, UserId},
    page::{Page, PageRequest},
    port::{Inbox, Outbox, QueueFilter, QueueItem, QueueOrder, TaskFilter},
    turn::{Effect, Settled, Settlement},
};
use jiff::SignedDuration;

use crate::{
    backend::Backend,
    stage::{LONG, Stage, minutes_after},
};

contract! {
    a_settled_approval_stays_settled,
    of_two_deciders_one_wins,
    an_edit_adds_a_version,
    a_queue_item_carries_the_names_people_read,
    paging_walks_every_item_exactly_once_in_every_order,
    however_many_wait_no_more_are_counted_than_anybody_waits_for,
    a_page_goes_on_where_it_ended_while_items_leave,
    snoozed_items_stay_away_until_their_time,
    tasks_page_by_due_time,
}

async fn a_settled_approval_stays_settled(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.waiting("k").await;
    let settled = backend.store.settle(stage.approve(&approval), backend.now()).await.unwrap();
    assert_eq!(settled, Settled::Applied);
    let mut rejected = approval.clone();
    rejected.reject(stage.by(), backend.now(), RejectReason::Tone, String::new()).unwrap();
    let late = Settlement {
        approval: rejected,
        events: Vec::new(),
        contents: Vec::new(),
        outbox: None,
        wake: true,
    };
    assert_eq!(backend.store.settle(late, backend.now()).await.unwrap(), Settled::Conflict);
    let stored = backend.store.approval(approval.id).await.unwrap().unwrap().approval;
    assert_eq!(stored.state.status(), ApprovalStatus::Approved);
    assert_eq!(stored.revision, approval.revision + 1);
    assert_eq!(stage.events(approval.run).await.last().unwrap(), "approval_granted");
    assert_eq!(stage.claim(LONG).await.run.id, approval.run, "the decision wakes the run");
}

async fn of_two_deciders_one_wins(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.waiting("k").await;
    let mut deciders = Vec::new();
    for _ in 0..6 {
        let (store, now) = (backend.another().await, backend.now());
        let settlement = stage.approve(&approval);
        deciders.push(tokio::spawn(async move { store.settle(settlement, now).await.unwrap() }));
    }
    let mut applied = 0;
    for decider in deciders {
        applied += i32::from(decider.await.unwrap() == Settled::Applied);
    }
    assert_eq!(applied, 1);
    let granted = stage.events(approval.run).await;
    assert_eq!(granted.iter().filter(|event| *event == "approval_granted").count(), 1);
    let messages = backend.store.messages(None, &PageRequest::default()).await.unwrap();
    assert_eq!(messages.total, 1);
}

async fn an_edit_adds_a_version(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.waiting("k").await;
    let (version, sealed) = stage.version(2);
    let mut edited = approval.clone();
    edited.revise(version.clone()).unwrap();
    let settlement = Settlement {
        approval: edited,
        events: Vec::new(),
        contents: vec![sealed.clone()],
        outbox: None,
        wake: false,
    };
    let settled = backend.store.settle(settlement, backend.now()).await.unwrap();
    assert_eq!(settled, Settled::Applied);
    let versions = backend.store.versions(approval.id).await.unwrap();
    assert_eq!(versions, [approval.version, version]);
    assert_eq!(backend.store.content(sealed.id).await.unwrap(), Some(sealed));
}

async fn a_queue_item_carries_the_names_people_read(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approval = stage.waiting("k").await;
    let item = backend.store.approval(approval.id).await.unwrap().unwrap();
    assert_eq!(item.approval, approval);
    assert_eq!(item.account_name, "Acme");
    assert_eq!(item.contact_name, "Ann Lee");
    assert_eq!(item.assignee_name.as_deref(), Some("Maria Diaz"));
    let nobody = ApprovalId::new(&*backend.clock);
    assert_eq!(backend.store.approval(nobody).await.unwrap(), None);
}

/// A run with many approvals of mixed risk and due time, some settled.
async fn many(stage: &Stage<'_>) -> Vec<Approval> {
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    let mut approvals = Vec::new();
    for n in 0..17_i64 {
        let (mut approval, sealed) = stage.approval(run);
        approval.step = format!("s{n}");
        approval.risk =
            [Severity::Low, Severity::High, Severity::Medium][usize::try_from(n % 3).unwrap()];
        // Ties on every sort key.
        approval.due_at = minutes_after(stage.backend.now(), n % 4);
        approval.queued_at = minutes_after(stage.backend.now(), n % 5);
        if n % 6 == 5 {
            approval.state = ApprovalState::Expired { at: stage.backend.now() };
        }
        turn.contents.push(sealed);
        approvals.push(approval);
    }
    turn.approvals.clone_from(&approvals);
    stage.commit(turn).await;
    approvals
}

async fn walk(backend: &Backend, filter: &QueueFilter, limit: u32) -> Vec<Approval> {
    let mut page = PageRequest { cursor: None, limit };
    let mut seen = Vec::new();
    let mut total = None;
    loop {
        let found: Page<QueueItem> = backend.store.approvals(filter, &page).await.unwrap();
        assert_eq!(*total.get_or_insert(found.total), found.total);
        assert!(found.items.len() <= limit as usize);
        seen.extend(found.items.into_iter().map(|item| item.approval));
        let Some(next) = found.next else { break };
        page.cursor = Some(next);
    }
    assert_eq!(total, Some(seen.len() as u64));
    seen
}

async fn paging_walks_every_item_exactly_once_in_every_order(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let approvals = many(&stage).await;
    for order in [QueueOrder::Risk, QueueOrder::Due, QueueOrder::Newest] {
        for status in [None, Some(ApprovalStatus::Waiting), Some(ApprovalStatus::Expired)] {
            let mut expected: Vec<Approval> = approvals
                .iter()
                .filter(|approval| status.is_none_or(|status| approval.state.status() == status))
                .cloned()
                .collect();
            match order {
                QueueOrder::Risk => expected.sort_by_key(|approval| {
                    (std::cmp::Reverse(approval.risk), approval.due_at, approval.id)
                }),
                QueueOrder::Due => expected.sort_by_key(|approval| (approval.due_at, approval.id)),
                QueueOrder::Newest => expected
                    .sort_by_key(|approval| std::cmp::Reverse((approval.queued_at, approval.id))),
            }
            let filter = QueueFilter {
                status,
                assignee: Some(stage.csm),
                playbook: Some("renewal".to_owned()),
                action: Some(ActionName::SendEmail),
                account: Some(stage.account),
                order,
                ..QueueFilter::all()
            };
            for limit in [1, 3, 5, 200] {
                assert_eq!(walk(backend, &filter, limit).await, expected, "{order} {status:?}");
            }
        }
    }
    let nothing = QueueFilter { playbook: Some("other".to_owned()), ..QueueFilter::all() };
    assert_eq!(walk(backend, &nothing, 5).await, []);
    let nothing = QueueFilter { action: Some(ActionName::CreateTask), ..QueueFilter::all() };
    assert_eq!(walk(backend, &nothing, 5).await, []);
}

async fn however_many_wait_no_more_are_counted_than_anybody_waits_for(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.waiting("k").await;
    let (filter, one) =
        (QueueFilter::waiting(backend.now()), PageRequest { cursor: None, limit: 1 });
    let total = async |filter: &QueueFilter| {
        let page = backend.store.approvals(filter, &one).await.unwrap();
        (page.total, page.exact)
    };
    let more = |from: u32, to: u32| {
        let more = format!(
            "WITH RECURSIVE n(n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM n WHERE n < {to}) \
             INSERT INTO approvals (id, run, step, playbook, account, contact, action, risk_order, \
             assignee, queued_at, due_at, status, revision, data) SELECT 'apv_' || n, run, step, \
             playbook, account, contact, action, risk_order, assignee, queued_at, due_at + n, \
             status, revision, data FROM approvals, n WHERE length(approvals.id) > 20"
        );
        backend.behind_the_back(more.leak())
    };
    more(2, 10_000).await.unwrap();
    assert_eq!(total(&filter).await, (10_000, true));
    more(10_001, 10_001).await.unwrap();
    let page = backend.store.approvals(&filter, &one).await.unwrap();
    assert_eq!((page.total, page.exact), (10_000, false));
    assert_eq!(page.total_in_words(), "10,000+");
    let snoozed = "UPDATE approvals SET snoozed_until = 9000000000000000 WHERE length(id) < 10";
    backend.behind_the_back(snoozed).await.unwrap();
    let (awake, exact) = total(&filter).await;
    assert!(awake >= 1 && !exact, "of those that are looked at: {awake}");
    let other = QueueFilter { playbook: Some("other".to_owned()), ..filter.clone() };
    assert_eq!(total(&other).await, (0, false));
    let nobody = QueueFilter { assignee: Some(UserId::new(&*backend.clock)), ..filter };
    assert_eq!(total(&nobody).await, (0, true), "an index finds what a person has");
}

async fn a_page_goes_on_where_it_ended_while_items_leave(backend: &Backend) {
    let stage = Stage::new(backend).await;
    many(&stage).await;
    let filter = QueueFilter::waiting(backend.now());
    let page = PageRequest { cursor: None, limit: 4 };
    let first = backend.store.approvals(&filter, &page).await.unwrap();
    let settled = stage.approve(&first.items[1].approval);
    backend.store.settle(settled, backend.now()).await.unwrap();
    let page = PageRequest { cursor: first.next, limit: 200 };
    let rest = backend.store.approvals(&filter, &page).await.unwrap();
    assert_eq!(rest.total, first.total - 1);
    let ids: BTreeSet<_> =
        first.items.iter().chain(&rest.items).map(|item| item.approval.id).collect();
    assert_eq!(ids.len() as u64, first.total);
}

async fn snoozed_items_stay_away_until_their_time(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let mut approval = stage.waiting("k").await;
    let until = minutes_after(backend.now(), 30);
    approval.snooze(until).unwrap();
    let settlement = Settlement {
        approval,
        events: Vec::new(),
        contents: Vec::new(),
        outbox: None,
        wake: false,
    };
    backend.store.settle(settlement, backend.now()).await.unwrap();
    assert_eq!(walk(backend, &QueueFilter::waiting(backend.now()), 5).await, []);
    backend.clock.advance(SignedDuration::from_mins(30));
    assert_eq!(walk(backend, &QueueFilter::waiting(backend.now()), 5).await.len(), 1);
}

async fn tasks_page_by_due_time(backend: &Backend) {
    use domain::{
        action::Team,
        id::TaskId,
        task::{Task, TaskKind, TaskStatus},
    };
    let stage = Stage::new(backend).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    let mut tasks = Vec::new();
    for n in 0..9_i64 {
        tasks.push(Task {
            id: TaskId::new(&*backend.clock),
            kind: TaskKind::Notice,
            account: stage.account,
            run,
            step: format!("s{n}"),
            team: Team::Csm,
            assignee: Some(stage.csm),
            title: "t".to_owned(),
            body: String::new(),
            created_at: backend.now(),
            due_at: minutes_after(backend.now(), (n * 7) % 4),
            status: TaskStatus::Open,
            outcome: None,
        });
    }
    turn.effects.extend(tasks.iter().cloned().map(Effect::Task));
    stage.commit(turn).await;
    tasks.sort_by_key(|task| (task.due_at, task.id));
    let filter = TaskFilter {
        status: Some(TaskStatus::Open),
        assignee: Some(stage.csm),
        account: Some(stage.account),
        run: Some(run),
    };
    let mut page = PageRequest { cursor: None, limit: 2 };
    let mut seen = Vec::new();
    loop {
        let found = backend.store.tasks(&filter, &page).await.unwrap();
        assert_eq!(found.total, 9);
        seen.extend(found.items);
        let Some(next) = found.next else { break };
        page.cursor = Some(next);
    }
    assert_eq!(seen, tasks);
}
