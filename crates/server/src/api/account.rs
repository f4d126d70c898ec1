//! `/v1/accounts`: customer companies.

use axum::{Json, extract::State};
use domain::{
    account::Account,
    id::AccountId,
    page::{Page, PageRequest},
    port::{AccountFilter, RunFilter},
    run::Run,
    signal::Signal,
    snapshot::Snapshot,
};
use insight::health::Health;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    app::Reads,
    cursor::{self, page},
    extract::{Id, Params, blank},
    problem::Problem,
};

/// Which accounts to list.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Filter {
    /// Part of a name, domain or source id; any case.
    #[serde(deserialize_with = "blank")]
    text: Option<String>,
    /// Where the last page ended.
    #[serde(deserialize_with = "blank")]
    cursor: Option<String>,
    /// At most this many, 1 to 200; 50 without it.
    #[serde(deserialize_with = "blank")]
    limit: Option<u32>,
}

pub(crate) async fn list(
    State(reads): State<Reads>,
    Params(Filter { text, cursor, limit }): Params<Filter>,
) -> Result<Json<Page<Account>>, Problem> {
    let page = page("accounts", cursor.as_deref(), limit)?;
    let accounts = reads.accounts(&AccountFilter { text }, &page).await?;
    Ok(Json(cursor::hand_out("accounts", accounts)))
}

/// Everything known of one account.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccountView")]
pub(crate) struct View {
    /// The account now: company, people, usage, tickets, surveys, contract.
    pub(crate) snapshot: Snapshot,
    /// Health as computed from it now, part by part; none when too little is known.
    pub(crate) health: Option<Health>,
    /// Its latest runs, newest first, at most twenty.
    pub(crate) runs: Vec<Run>,
    /// Its latest signals, newest first, at most twenty.
    pub(crate) signals: Vec<Signal>,
}

impl Reads {
    /// Everything known of one account.
    pub(crate) async fn account_view(&self, id: AccountId) -> Result<View, Problem> {
        let snapshot = self.snapshot(id).await?;
        let filter = RunFilter { account: Some(id), ..RunFilter::default() };
        let runs = self.runs(&filter, &PageRequest { cursor: None, limit: 20 }).await?.items;
        let signals = self.signals_of(id).await?;
        let health = insight::health::assess(&snapshot);
        Ok(View { snapshot, health, runs, signals })
    }
}

pub(crate) async fn show(
    State(reads): State<Reads>,
    Id(id): Id<AccountId>,
) -> Result<Json<View>, Problem> {
    Ok(Json(reads.account_view(id).await?))
}
