//! `/accounts`: customer companies.

use axum::{
    extract::State,
    response::{Html, Redirect},
};
use domain::{
    account::{Account, Band},
    contact::Contact,
    id::AccountId,
    port::AccountFilter,
    snapshot::Snapshot,
};
use insight::health::Health;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    api::account::View as Everything,
    app::{App, Reads},
    cursor,
    extract::{Fields, Id, Params, blank},
    guard::Caller,
    moment::{self, Moment},
    page::{
        Choice, Done, Total,
        approval::{Pair, evidence},
        done,
        line::RunLine,
        link, today,
    },
    problem::Problem,
    timeline::Names,
};

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ask {
    #[serde(deserialize_with = "blank")]
    text: Option<String>,
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
}

/// An account in a list.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) segment: String,
    pub(crate) lifecycle: &'static str,
    pub(crate) status: &'static str,
    pub(crate) arr: String,
    pub(crate) renewal: Option<String>,
    pub(crate) health: Option<String>,
    pub(crate) band: Option<&'static str>,
    pub(crate) csm: Option<String>,
}

impl Line {
    pub(crate) fn new(account: &Account, names: &Names) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.clone(),
            segment: account.segment.as_str().replace('_', " "),
            lifecycle: account.lifecycle.as_str(),
            status: account.status.as_str(),
            arr: moment::money(&account.arr),
            renewal: account.renewal_date.map(moment::day),
            health: today::in_words(account.health, account.previous_health),
            band: account.health.map(|health| Band::of(health).as_str()),
            csm: account.csm.map(|id| names.user(id)),
        }
    }
}

/// The list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct List {
    pub(crate) lines: Vec<Line>,
    pub(crate) total: Total,
    pub(crate) text: String,
    pub(crate) more: Option<String>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    caller: Caller,
    Params(ask): Params<Ask>,
) -> Result<Html<String>, Problem> {
    let page = cursor::page("accounts", ask.cursor.as_deref(), None)?;
    let accounts = cursor::hand_out(
        "accounts",
        reads.accounts(&AccountFilter { text: ask.text.clone() }, &page).await?,
    );
    let names = reads.names(Vec::new()).await?;
    let view = List {
        lines: accounts.items.iter().map(|account| Line::new(account, &names)).collect(),
        total: Total::of(&accounts),
        more: accounts.next.as_deref().map(|cursor| {
            link("/accounts", &[("text", ask.text.as_deref()), ("cursor", Some(cursor))])
        }),
        text: ask.text.unwrap_or_default(),
    };
    let frame = reads.frame(&caller, "Accounts", "accounts").await?;
    reads.screens().render("accounts.html", &frame, &view)
}

/// A person at the account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ContactLine {
    pub(crate) name: String,
    pub(crate) title: Option<String>,
    pub(crate) role: String,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) consent: String,
    pub(crate) warning: Option<&'static str>,
}

impl ContactLine {
    fn new(contact: &Contact) -> Self {
        Self {
            name: contact.full_name(),
            title: contact.title.clone(),
            role: contact.role.as_str().replace('_', " "),
            email: contact.email.clone(),
            phone: contact.phone.clone(),
            consent: contact.consent.as_str().replace('_', " "),
            warning: if contact.bounced_at.is_some() {
                Some("mail bounces")
            } else if contact.email.is_none() {
                Some("no address")
            } else {
                None
            },
        }
    }
}

/// A signal about the account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignalLine {
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) at: Moment,
    pub(crate) data: Vec<Pair>,
}

/// A ticket of the account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TicketLine {
    pub(crate) id: String,
    pub(crate) subject: String,
    pub(crate) priority: &'static str,
    pub(crate) open: bool,
    pub(crate) opened: Moment,
}

/// Why an account's health is what it is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HealthView {
    pub(crate) score: String,
    pub(crate) band: &'static str,
    pub(crate) confidence: String,
    pub(crate) parts: Vec<Pair>,
}

impl HealthView {
    pub(crate) fn new(health: &Health) -> Self {
        let parts = health.parts.iter().map(|part| Pair {
            label: part.name.replace('_', " "),
            value: match part.value {
                // Adding zero turns a minus zero into a plain one.
                Some(_) => {
                    format!("{:.0} of {:.0}: {}", part.points + 0.0, part.weight, part.words)
                }
                None => part.words.clone(),
            },
        });
        Self {
            score: format!("{:.0}", health.score),
            band: health.band.as_str(),
            confidence: format!("{:.0} %", health.confidence * 100.0),
            parts: parts.collect(),
        }
    }
}

/// One account.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) account: Line,
    pub(crate) as_of: Moment,
    pub(crate) source: String,
    pub(crate) facts: Vec<Pair>,
    pub(crate) contacts: Vec<ContactLine>,
    pub(crate) health: Option<HealthView>,
    pub(crate) tickets: Vec<TicketLine>,
    pub(crate) runs: Vec<RunLine>,
    pub(crate) signals: Vec<SignalLine>,
    pub(crate) playbooks: Vec<Choice>,
}

fn facts(snapshot: &Snapshot) -> Vec<Pair> {
    let Snapshot { account, usage, tickets, survey, contract, .. } = snapshot;
    let optional = |label: &str, value: Option<String>| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(Pair { label: label.to_owned(), value })
    };
    let pair = |label: &str, value: String| optional(label, Some(value));
    let last = match usage.days_since_last {
        9999 => "never used".to_owned(),
        0 => "used today".to_owned(),
        days => format!("last used {days} d ago"),
    };
    [
        optional("Industry", account.industry.clone()),
        optional("Employees", account.employees.map(|count| count.to_string())),
        optional("Region", account.region.clone()),
        optional("Time zone", account.time_zone.clone()),
        optional("Customer since", account.contract_start.map(moment::day)),
        pair("Plan", contract.plan.clone()),
        pair("Seats", contract.seats.to_string()),
        pair("Renews by itself", if contract.auto_renew { "yes" } else { "no" }.to_owned()),
        pair(
            "Usage, 28 days",
            format!(
                "{} events on {} days, {:+.0} % against the 28 before; {last}",
                usage.events_28,
                usage.active_days_28,
                usage.trend_28 * 100.0
            ),
        ),
        pair(
            "Tickets",
            format!(
                "{} open ({} of priority 1), {} opened in 28 days against {} before",
                tickets.open, tickets.open_p1, tickets.opened_28, tickets.opened_prior_28
            ),
        ),
        optional(
            "CSAT, 90 days",
            (tickets.csat_90 > 0.0).then(|| format!("{:.1} of 5", tickets.csat_90)),
        ),
        optional(
            "Latest NPS answer",
            (survey.nps >= 0)
                .then(|| format!("{} of 10, {} d ago", survey.nps, survey.days_since_nps)),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The page of one account, without the playbooks that may be started.
pub(crate) fn view(everything: &Everything, names: &Names, now: Timestamp) -> View {
    let Everything { snapshot, health, runs, signals } = everything;
    let mut account = Line::new(&snapshot.account, names);
    if let Some(csm) = &snapshot.csm {
        account.csm = Some(csm.name.clone());
    }
    View {
        account,
        as_of: Moment::of(snapshot.account.as_of, now),
        source: format!("{} {}", snapshot.account.source, snapshot.account.source_id),
        facts: facts(snapshot),
        contacts: snapshot.contacts.iter().map(ContactLine::new).collect(),
        health: health.as_ref().map(HealthView::new),
        tickets: snapshot
            .recent_tickets
            .iter()
            .map(|ticket| TicketLine {
                id: ticket.source_id.clone(),
                subject: ticket.subject.for_a_person().clone(),
                priority: ticket.priority.as_str(),
                open: ticket.open,
                opened: Moment::of(ticket.opened_at, now),
            })
            .collect(),
        runs: runs.iter().map(|run| RunLine::new(run, names, now)).collect(),
        signals: signals
            .iter()
            .map(|signal| SignalLine {
                kind: signal.kind.clone(),
                source: signal.source.clone(),
                at: Moment::of(signal.at, now),
                data: evidence(&signal.data),
            })
            .collect(),
        playbooks: Vec::new(),
    }
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    caller: Caller,
    Id(id): Id<AccountId>,
    Params(ask): Params<Done>,
) -> Result<Html<String>, Problem> {
    let everything = reads.account_view(id).await?;
    let names = reads.names(vec![id]).await?;
    let mut view = view(&everything, &names, reads.now());
    view.playbooks = reads
        .playbooks()
        .await?
        .iter()
        .map(|each| Choice::new(&each.name, &*each.name, None))
        .collect();
    let title = view.account.name.clone();
    let frame = reads.frame(&caller, title, "accounts").await?.done(ask.done.as_deref());
    reads.screens().render("account.html", &frame, &view)
}

/// The form that starts a run.
#[derive(Debug, Deserialize)]
pub(crate) struct Start {
    playbook: String,
}

pub(crate) async fn start(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<AccountId>,
    Fields(Start { playbook }): Fields<Start>,
) -> Result<Redirect, Problem> {
    let run = app.start(&playbook, id, &caller).await?;
    Ok(done(&format!("/runs/{run}"), "started"))
}
