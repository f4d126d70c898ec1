//! Internal effects of a turn.

use domain::{
    account::Lifecycle,
    action::{FieldUpdate, Team},
    event::Event,
    id::{RunId, TaskId},
    page::PageRequest,
    port::{Customers, Inbox, Journal, TaskFilter},
    task::{Task, TaskKind, TaskStatus},
    turn::Effect,
    user::Role,
};
use serde_json::json;

use crate::{
    backend::Backend,
    stage::{LONG, Stage, minutes_after},
};

contract! {
    tasks_find_their_person_and_are_made_once,
    an_owner_is_assigned_by_role,
    a_field_that_changes_announces_the_new_phase,
}

pub(crate) fn task(stage: &Stage<'_>, run: RunId, step: &str, team: Team) -> Task {
    Task {
        id: TaskId::new(&*stage.backend.clock),
        kind: TaskKind::Work,
        account: stage.account,
        run,
        step: step.to_owned(),
        team,
        assignee: None,
        title: "Call Ann".to_owned(),
        body: "Ask `how` it \u{1F600} goes".to_owned(),
        created_at: stage.backend.now(),
        due_at: minutes_after(stage.backend.now(), 60),
        status: TaskStatus::Open,
        outcome: None,
    }
}

async fn tasks_find_their_person_and_are_made_once(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let manager = stage.add_user("manager@example.com", Role::CsmManager).await;
    stage.add_user("second@example.com", Role::CsmManager).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    turn.keep = true;
    for (step, team) in [("a", Team::Csm), ("b", Team::CsmManager), ("c", Team::Support)] {
        turn.effects.push(Effect::Task(task(&stage, run, step, team)));
    }
    stage.commit(turn).await;
    // After a crash before the answer, the same step makes its task again.
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::Task(task(&stage, run, "a", Team::Csm)));
    stage.commit(turn).await;

    let all = TaskFilter::default();
    let tasks = backend.store.tasks(&all, &PageRequest::default()).await.unwrap();
    assert_eq!(tasks.total, 3);
    let people: Vec<_> = tasks.items.iter().map(|task| task.assignee).collect();
    assert_eq!(people, [Some(stage.csm), Some(manager.id), Some(stage.csm)]);
    assert_eq!(tasks.items[0].body, "Ask `how` it \u{1F600} goes");

    let id = tasks.items[0].id;
    let (by, now) = (stage.by(), backend.now());
    assert!(backend.store.finish_task(id, "called", &by, now).await.unwrap());
    assert!(!backend.store.finish_task(id, "called", &by, now).await.unwrap());
    let done = backend.store.task(id).await.unwrap().unwrap();
    assert_eq!((done.status, done.outcome.as_deref()), (TaskStatus::Done, Some("called")));
    assert_eq!(stage.claim(LONG).await.run.id, run, "finishing it wakes the run");
    assert_eq!(stage.events(run).await.last().unwrap(), "task_finished");
}

async fn an_owner_is_assigned_by_role(backend: &Backend) {
    let stage = Stage::new(backend).await;
    let lead = stage.add_user("lead@example.com", Role::Leader).await;
    let run = stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let mut turn = stage.turn(&claimed);
    let account = stage.account;
    turn.events = vec![stage.event(
        run,
        Event::OwnerAssigned {
            step: "own".to_owned(),
            account,
            to: None,
            reason: "sponsor".to_owned(),
        },
    )];
    turn.effects.push(Effect::AssignOwner { account, to: Team::Leader });
    // Nobody is in sales here: the account stays with whom it is.
    turn.effects.push(Effect::AssignOwner { account, to: Team::Sales });
    stage.commit(turn).await;
    let account = backend.store.account(account).await.unwrap().unwrap();
    assert_eq!(account.csm, Some(lead.id));
    let events = domain::port::Ledger::events(&backend.store, &run.to_string(), 1, 10).await;
    assert!(events.unwrap()[0].data.contains(&lead.id.to_string()), "the trail says to whom");
}

async fn a_field_that_changes_announces_the_new_phase(backend: &Backend) {
    let stage = Stage::new(backend).await;
    stage.run("k").await;
    let claimed = stage.claim(LONG).await;
    let account = stage.account;
    let update = FieldUpdate::Lifecycle(Lifecycle::Growth);
    let mut turn = stage.turn(&claimed);
    turn.effects.push(Effect::SetField { account, update: update.clone() });
    turn.effects.push(Effect::SetField { account, update });
    stage.commit(turn).await;
    let stored = backend.store.account(account).await.unwrap().unwrap();
    assert_eq!(stored.lifecycle, Lifecycle::Growth);
    let signals = backend.store.untriggered(10).await.unwrap();
    assert_eq!(signals.len(), 1);
    assert_eq!(signals[0].kind, "lifecycle.entered");
    assert_eq!(signals[0].data, json!({ "stage": "growth", "from": "adoption" }));
}
