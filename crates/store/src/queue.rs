//! The approval queue and the task list, as people see them.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::{
    approval::{Approval, ApprovalStatus},
    draft::Version,
    id::{ApprovalId, TaskId},
    page::{Page, PageRequest},
    port::{Inbox, QueueFilter, QueueItem, QueueOrder, StoreError, TaskFilter},
    task::Task,
    turn::{Settled, Settlement},
    user::Actor,
};
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::{
    approval,
    connection::Tx,
    gather,
    open::Store,
    page,
    row::Row,
    sql::{Assembled, Value, sql},
    task,
};

/// Names are looked up for the page's rows only, by primary key.
const LIST: &str = "SELECT approvals.data AS data, accounts.name AS account_name, \
    contacts.given_name AS given_name, contacts.family_name AS family_name, \
    users.name AS assignee_name FROM approvals \
    LEFT JOIN accounts ON accounts.id = approvals.account \
    LEFT JOIN contacts ON contacts.id = approvals.contact \
    LEFT JOIN users ON users.id = approvals.assignee WHERE 1 = 1";

fn read(row: &Row) -> Result<QueueItem, StoreError> {
    let approval: Approval = row.json("data")?;
    let given: Option<String> = row.get("given_name")?;
    let family: Option<String> = row.get("family_name")?;
    let contact_name = format!("{} {}", given.unwrap_or_default(), family.unwrap_or_default());
    Ok(QueueItem {
        approval,
        account_name: row.get::<Option<String>>("account_name")?.unwrap_or_default(),
        contact_name: contact_name.trim().to_owned(),
        assignee_name: row.get("assignee_name")?,
    })
}

/// The approvals of all who ask.
pub(crate) fn find_each(
    tx: &mut Tx,
    ids: Vec<ApprovalId>,
) -> BoxFuture<'_, Result<Vec<Option<QueueItem>>, StoreError>> {
    Box::pin(async move {
        let found: HashMap<ApprovalId, QueueItem> = tx
            .fetch(
                sql!("SELECT approvals.data AS data, accounts.name AS account_name, "
                    "contacts.given_name AS given_name, contacts.family_name AS family_name, "
                    "users.name AS assignee_name FROM approvals "
                    "LEFT JOIN accounts ON accounts.id = approvals.account "
                    "LEFT JOIN contacts ON contacts.id = approvals.contact "
                    "LEFT JOIN users ON users.id = approvals.assignee "
                    "WHERE approvals.id" {among "$1"}),
                vec![Value::json(&ids)],
            )
            .await?
            .iter()
            .map(|row| read(row).map(|item| (item.approval.id, item)))
            .collect::<Result<_, _>>()?;
        Ok(gather::in_order(&ids, &found))
    })
}

/// Leaves what an index finds.
fn find(filter: &QueueFilter, query: &mut Assembled) {
    match filter.status {
        // The index of what waits for whom has nothing else in it, and must see that.
        Some(ApprovalStatus::Waiting) => query.clause(" AND approvals.status = 'waiting'"),
        Some(status) => query.clause_with(" AND approvals.status = ?", [Value::word(status)]),
        None => {}
    }
    if let Some(assignee) = filter.assignee {
        query.clause_with(" AND approvals.assignee = ?", [Value::word(assignee)]);
    }
    if let Some(account) = filter.account {
        query.clause_with(" AND approvals.account = ?", [Value::word(account)]);
    }
}

/// Leaves what has to be looked at one by one.
fn sift(filter: &QueueFilter, query: &mut Assembled) {
    if let Some(playbook) = &filter.playbook {
        query.clause_with(" AND approvals.playbook = ?", [Value::from(playbook.as_str())]);
    }
    if let Some(action) = filter.action {
        query.clause_with(" AND approvals.action = ?", [Value::word(action)]);
    }
    if let Some(now) = filter.awake_at {
        query.clause_with(
            " AND (approvals.snoozed_until IS NULL OR approvals.snoozed_until <= ?)",
            [Value::from(now)],
        );
    }
}

/// The statement that counts what matches, of those it looks at: the first in the order of the list.
pub(crate) fn count(filter: &QueueFilter) -> Assembled {
    let mut query = Assembled::new("SELECT COUNT(*) AS looked, COUNT(CASE WHEN 1 = 1");
    sift(filter, &mut query);
    // What an index has is not looked up in the table.
    query.clause(if filter.playbook.is_some() || filter.action.is_some() {
        " THEN 1 END) AS n FROM (SELECT playbook, action, snoozed_until FROM approvals WHERE 1 = 1"
    } else {
        " THEN 1 END) AS n FROM (SELECT snoozed_until FROM approvals WHERE 1 = 1"
    });
    find(filter, &mut query);
    query.clause(order(filter.order));
    query.clause_with(" LIMIT +?) AS approvals", [Value::from(page::LOOKED_AT)]);
    query
}

const fn order(order: QueueOrder) -> &'static str {
    match order {
        QueueOrder::Risk => " ORDER BY approvals.risk_order, approvals.due_at, approvals.id",
        QueueOrder::Due => " ORDER BY approvals.due_at, approvals.id",
        QueueOrder::Newest => " ORDER BY approvals.queued_at DESC, approvals.id DESC",
    }
}

/// Where a page ended, in each order.
type RiskKey = (i64, Timestamp, ApprovalId);
type TimeKey = (Timestamp, ApprovalId);

/// The statement that reads a page.
pub(crate) fn select(filter: &QueueFilter, request: &PageRequest) -> Result<Assembled, StoreError> {
    let mut query = Assembled::new(LIST);
    find(filter, &mut query);
    sift(filter, &mut query);
    match filter.order {
        QueueOrder::Risk => {
            if let Some((risk, due, id)) = page::after::<RiskKey>(request)? {
                query.clause_with(
                    " AND (approvals.risk_order, approvals.due_at, approvals.id) > (?, ?, ?)",
                    [Value::from(risk), Value::from(due), Value::word(id)],
                );
            }
        }
        QueueOrder::Due => {
            if let Some((due, id)) = page::after::<TimeKey>(request)? {
                query.clause_with(
                    " AND (approvals.due_at, approvals.id) > (?, ?)",
                    [Value::from(due), Value::word(id)],
                );
            }
        }
        QueueOrder::Newest => {
            if let Some((queued, id)) = page::after::<TimeKey>(request)? {
                query.clause_with(
                    " AND (approvals.queued_at, approvals.id) < (?, ?)",
                    [Value::from(queued), Value::word(id)],
                );
            }
        }
    }
    query.clause(order(filter.order));
    query.clause_with(" LIMIT +?", [Value::from(page::rows(request))]);
    Ok(query)
}

#[async_trait]
impl Inbox for Store {
    async fn approvals(
        &self,
        filter: &QueueFilter,
        page: &PageRequest,
    ) -> Result<Page<QueueItem>, StoreError> {
        let (count, list) = (count(filter), select(filter, page)?);
        let (items, total) = self.list(list, count, read).await?;
        Ok(match filter.order {
            QueueOrder::Risk => {
                page::of(page, items, total, |last| approval::risk_key(&last.approval))
            }
            QueueOrder::Due => {
                page::of(page, items, total, |last| (last.approval.due_at, last.approval.id))
            }
            QueueOrder::Newest => {
                page::of(page, items, total, |last| (last.approval.queued_at, last.approval.id))
            }
        })
    }

    async fn approval(&self, id: ApprovalId) -> Result<Option<QueueItem>, StoreError> {
        self.gatherers().approvals.ask(self, id).await
    }

    async fn versions(&self, id: ApprovalId) -> Result<Vec<Version>, StoreError> {
        self.read(move |tx| Box::pin(approval::versions(tx, id))).await
    }

    async fn settle(&self, settlement: Settlement, now: Timestamp) -> Result<Settled, StoreError> {
        self.settle_approval(settlement, now).await
    }

    async fn tasks(
        &self,
        filter: &TaskFilter,
        page: &PageRequest,
    ) -> Result<Page<Task>, StoreError> {
        self.list_tasks(filter, page).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read_task(id).await
    }

    async fn finish_task(
        &self,
        id: TaskId,
        outcome: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (outcome, by) = (outcome.to_owned(), by.clone());
        self.close_task(task::Finish { task: id, outcome, by, now }).await
    }
}
