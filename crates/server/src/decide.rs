//! Acting in a person's name: what the API and the forms do alike.

use axum::http::StatusCode;
use domain::{
    approval::DecideError,
    id::{AccountId, ApprovalId, MessageId, RunId, TaskId, UserId},
    intent::is_address,
    killswitch::{Kill, Scope},
    message::Message,
    port::{DeskError, Reviewed, Ruling},
    run::{Intervened, Intervention, Run},
    task::{Task, TaskStatus},
};
use jiff::{Span, Timestamp, tz::TimeZone};

use crate::{app::App, guard::Caller, problem::Problem};

/// The longest text a person may note with a decision, in characters.
const NOTE: usize = 2000;

impl App {
    /// Takes a decision on an approval.
    pub(crate) async fn rule(
        &self,
        id: ApprovalId,
        caller: &Caller,
        ruling: Ruling,
    ) -> Result<Reviewed, Problem> {
        match self.services.desk.rule(id, &caller.actor(), ruling).await {
            Ok(reviewed) => Ok(reviewed),
            Err(DeskError::Decide(DecideError::Settled { id, status, by, at })) => {
                let names = self.reads().names(Vec::new()).await?;
                let by = by.map(|by| names.actor(&by));
                let mut detail = format!("approval `{id}` is {status} already");
                if let Some(by) = &by {
                    detail = format!("{detail}, by {by}");
                }
                if let Some(at) = at {
                    detail = format!("{detail} at {}", at.strftime("%-d %b %Y, %H:%M UTC"));
                }
                Err(Problem::new(StatusCode::CONFLICT, "already-settled", detail).settled(by, at))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The active person meant by an id or an address.
    pub(crate) async fn person(&self, text: &str) -> Result<UserId, Problem> {
        let text = text.trim();
        let found = match text.parse::<UserId>() {
            Ok(id) => self.services.access.user(id).await?,
            Err(_) if is_address(text) => self.services.access.user_by_email(text).await?,
            Err(_) => {
                return Err(Problem::invalid(
                    "to",
                    "is neither an id `usr_…` nor an e-mail address",
                ));
            }
        };
        match found {
            Some(user) if user.disabled_at.is_none() => Ok(user.id),
            Some(_) => Err(Problem::invalid("to", "is switched off; choose somebody else")),
            None => Err(Problem::invalid("to", "is nobody we know")),
        }
    }

    /// Changes a run from outside.
    pub(crate) async fn intervene(
        &self,
        id: RunId,
        caller: &Caller,
        what: Intervention,
    ) -> Result<Run, Problem> {
        if let Intervention::Cancel { reason } = &what {
            note("reason", reason)?;
        }
        let verb = match what {
            Intervention::Pause => "paused",
            Intervention::Resume => "resumed",
            Intervention::Cancel { .. } => "cancelled",
            Intervention::Retry => "retried",
        };
        let done = self.services.journal.intervene(id, &what, &caller.actor(), self.now()).await?;
        match done {
            Intervened::Done => self.reads().run(id).await,
            Intervened::NotFound => Err(Problem::missing("run", id)),
            Intervened::NotPossible { status } => Err(Problem::new(
                StatusCode::CONFLICT,
                "not-possible",
                format!("run `{id}` is {status} and cannot be {verb}"),
            )),
        }
    }

    /// Has a run do its steps again from an earlier one.
    pub(crate) async fn retry_from(
        &self,
        id: RunId,
        step: &str,
        caller: &Caller,
    ) -> Result<Run, Problem> {
        // Whoever mistypes the id hears of that first.
        self.reads().run(id).await?;
        self.services.operator.retry_from(id, step.trim(), &caller.actor()).await?;
        self.reads().run(id).await
    }

    /// Starts a run by hand.
    pub(crate) async fn start(
        &self,
        playbook: &str,
        account: AccountId,
        caller: &Caller,
    ) -> Result<RunId, Problem> {
        Ok(self.services.operator.start(playbook, account, &caller.actor()).await?)
    }

    /// Finishes a task.
    pub(crate) async fn finish(
        &self,
        id: TaskId,
        outcome: &str,
        caller: &Caller,
    ) -> Result<Task, Problem> {
        note("outcome", outcome)?;
        let inbox = &self.services.inbox;
        let done = inbox.finish_task(id, outcome.trim(), &caller.actor(), self.now()).await?;
        let task = inbox.task(id).await?.ok_or_else(|| Problem::missing("task", id))?;
        if done {
            return Ok(task);
        }
        let how = match task.status {
            TaskStatus::Open => "changed while you finished it; try again",
            TaskStatus::Done => "is done already",
            TaskStatus::Cancelled => "was cancelled with its run",
        };
        let detail = format!("task `{id}` {how}");
        Err(Problem::new(StatusCode::CONFLICT, "not-open", detail))
    }

    /// Says what became of an uncertain or failed message.
    pub(crate) async fn resolve(
        &self,
        id: MessageId,
        arrived: bool,
        caller: &Caller,
    ) -> Result<Message, Problem> {
        let outbox = &self.services.outbox;
        let done = outbox.resolve(id, arrived, &caller.actor(), self.now()).await?;
        let message = self.reads().message(id).await?;
        if done {
            Ok(message)
        } else {
            Err(Problem::new(
                StatusCode::CONFLICT,
                "not-possible",
                format!(
                    "message `{id}` is {}; only an uncertain or failed one can be resolved",
                    message.status
                ),
            ))
        }
    }

    /// Stops sending within a scope.
    pub(crate) async fn kill(
        &self,
        scope: &str,
        reason: &str,
        caller: &Caller,
    ) -> Result<(), Problem> {
        let scope = self.scope(scope).await?;
        note("reason", reason)?;
        if reason.trim().is_empty() {
            return Err(Problem::invalid("reason", "must say why sending is stopped"));
        }
        let kill =
            Kill { scope, by: caller.actor(), at: self.now(), reason: reason.trim().to_owned() };
        Ok(self.services.outbox.kill(&kill).await?)
    }

    /// Starts sending again within a scope.
    pub(crate) async fn unkill(&self, scope: &str, caller: &Caller) -> Result<(), Problem> {
        let scope = parse_scope(scope)?;
        if self.services.outbox.unkill(&scope, &caller.actor(), self.now()).await? {
            Ok(())
        } else {
            Err(Problem::new(
                StatusCode::CONFLICT,
                "not-stopped",
                format!("sending is not stopped for `{scope}`"),
            ))
        }
    }

    /// A scope whose playbook or account exists: a stop that stops nothing is worse than none.
    async fn scope(&self, text: &str) -> Result<Scope, Problem> {
        let scope = parse_scope(text)?;
        match &scope {
            Scope::Playbook(name) => {
                let playbooks = self.services.catalogue.active_playbooks().await?;
                if !playbooks.iter().any(|playbook| playbook.name == *name) {
                    return Err(Problem::invalid("scope", "names a playbook that is not active"));
                }
            }
            Scope::Account(id) => {
                if self.services.customers.account(*id).await?.is_none() {
                    return Err(Problem::invalid("scope", "names an account that does not exist"));
                }
            }
            Scope::All | Scope::Action(_) => {}
        }
        Ok(scope)
    }
}

fn parse_scope(text: &str) -> Result<Scope, Problem> {
    text.trim().parse().map_err(|why| Problem::invalid("scope", &format!("is wrong: {why}")))
}

pub(crate) fn note(field: &'static str, text: &str) -> Result<(), Problem> {
    match text.chars().count() {
        n if n > NOTE => {
            Err(Problem::invalid(field, &format!("is {n} characters long, at most {NOTE}")))
        }
        _ => Ok(()),
    }
}

/// The end of a snooze: a time, or how long from now (`4h`, `2d`).
pub(crate) fn until(
    now: Timestamp,
    until: Option<Timestamp>,
    length: Option<&str>,
) -> Result<Timestamp, Problem> {
    let (field, end) = match (until, length) {
        (Some(until), None) => ("until", until),
        (None, Some(length)) => {
            let wrong =
                || Problem::invalid("for", "is no length of time; write for example `4h` or `2d`");
            let span: Span = length.trim().parse().map_err(|_| wrong())?;
            let end = now.to_zoned(TimeZone::UTC).checked_add(span).map_err(|_| wrong())?;
            ("for", end.timestamp())
        }
        _ => return Err(Problem::invalid("until", "or `for` must be given, and not both")),
    };
    if end <= now {
        return Err(Problem::invalid(field, "must end in the future"));
    }
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snooze_ends_at_a_time_or_after_a_while_in_the_future() {
        let now: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-11-22T11:00:00Z".parse().unwrap();
        assert_eq!(until(now, Some(later), None).unwrap(), later);
        assert_eq!(until(now, None, Some("4h")).unwrap(), later);
        assert_eq!(until(now, None, Some("2d")).unwrap().to_string(), "2026-11-24T07:00:00Z");
        for (at, length, field) in [
            (None, None, "until"),
            (Some(later), Some("4h"), "until"),
            (Some(now), None, "until"),
            (None, Some("soon"), "for"),
            (None, Some("-4h"), "for"),
            (None, Some("99999999999d"), "for"),
        ] {
            let problem = until(now, at, length).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(field), "{at:?} {length:?}");
            assert_eq!(problem.status, 422);
        }
    }
}
