//! Many runs at once: which are meant, what is to be done to them, and that nobody is surprised.

use axum::http::StatusCode;
use domain::{
    id::AccountId,
    port::{Forecast, Measure, RunFilter, Tally},
    run::{Intervention, RunStatus},
};
use jiff::{Span, Timestamp, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{app::App, extract::blank, guard::Caller, problem::Problem};

/// Which runs are meant. What is left out narrows nothing.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RunSelection")]
pub(crate) struct Selection {
    /// Only these.
    #[serde(deserialize_with = "blank")]
    pub(crate) status: Option<RunStatus>,
    /// Only of this playbook.
    #[serde(deserialize_with = "blank")]
    pub(crate) playbook: Option<String>,
    /// Only for this account.
    #[serde(deserialize_with = "blank")]
    pub(crate) account: Option<AccountId>,
    /// Only at this step; without `status`, only runs that are not over.
    #[serde(deserialize_with = "blank")]
    pub(crate) step: Option<String>,
    /// Only pinned to this version of their playbook (the whole hash); without `status`, only runs
    /// that are not over.
    #[serde(deserialize_with = "blank")]
    pub(crate) version: Option<String>,
    /// Only stuck with this code, for example `model-unreachable`.
    #[serde(deserialize_with = "blank")]
    pub(crate) code: Option<String>,
    /// Only started longer ago than this, for example `3d`.
    #[serde(deserialize_with = "blank")]
    pub(crate) older_than: Option<String>,
}

impl Selection {
    /// The filter it stands for.
    pub(crate) fn filter(&self, now: Timestamp) -> Result<RunFilter, Problem> {
        let older = self.older_than.as_deref().map(|length| before(now, length)).transpose()?;
        Ok(RunFilter {
            status: self.status,
            playbook: self.playbook.clone(),
            account: self.account,
            step: self.step.clone(),
            version: self.version.clone(),
            code: self.code.clone(),
            started_before: older,
        })
    }

    /// The same as the parameters of an address, or the fields of a form; without those left out.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        [
            ("status", self.status.map(|status| status.to_string())),
            ("playbook", self.playbook.clone()),
            ("account", self.account.map(|account| account.to_string())),
            ("step", self.step.clone()),
            ("version", self.version.clone()),
            ("code", self.code.clone()),
            ("older_than", self.older_than.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// The time this long ago.
fn before(now: Timestamp, length: &str) -> Result<Timestamp, Problem> {
    let wrong =
        || Problem::invalid("older_than", "is no length of time; write for example `3d` or `12h`");
    let span: Span = length.trim().parse().map_err(|_| wrong())?;
    if span.is_negative() {
        return Err(wrong());
    }
    let then = now.to_zoned(TimeZone::UTC).checked_sub(span).map_err(|_| wrong())?;
    Ok(then.timestamp())
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkAction {
    /// Stop for a while.
    Pause,
    /// Go on after a pause.
    Resume,
    /// End for good; what waits for people is withdrawn.
    Cancel,
    /// Try the current step again after a dead end.
    Retry,
}

impl BulkAction {
    /// Every action, in the order people are offered them.
    pub(crate) const ALL: [Self; 4] = [Self::Retry, Self::Pause, Self::Resume, Self::Cancel];

    /// As an address says it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }

    /// As a button says it.
    pub(crate) const fn verb(self) -> &'static str {
        match self {
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Cancel => "Cancel",
            Self::Retry => "Retry",
        }
    }

    /// As what is done to each run. Ending runs for good needs a reason; only a retry has a step to
    /// go back to.
    pub(crate) fn measure(
        self,
        from: Option<&str>,
        reason: Option<&str>,
    ) -> Result<Measure, Problem> {
        let what = match self {
            Self::Retry if from.is_some() => return self.looked_at(from),
            Self::Pause => Intervention::Pause,
            Self::Resume => Intervention::Resume,
            Self::Retry => Intervention::Retry,
            Self::Cancel => {
                let reason = reason.map(str::trim).unwrap_or_default();
                if reason.is_empty() {
                    return Err(Problem::invalid("reason", "must say why the runs are cancelled"));
                }
                crate::decide::note("reason", reason)?;
                Intervention::Cancel { reason: reason.to_owned() }
            }
        };
        self.looked_at(from)?;
        Ok(what.into())
    }

    /// The same, for looking only.
    pub(crate) fn looked_at(self, from: Option<&str>) -> Result<Measure, Problem> {
        match (self, from.map(str::trim)) {
            (_, None) => Ok(self.intervention().into()),
            (Self::Retry, Some(step)) if !step.is_empty() => {
                Ok(Measure::RetryFrom(step.to_owned()))
            }
            (Self::Retry, Some(_)) => Err(Problem::invalid("from", "must name a step")),
            (_, Some(_)) => Err(Problem::invalid("from", "goes with the action `retry` only")),
        }
    }

    /// What it is to one run, with no reason yet.
    pub(crate) fn intervention(self) -> Intervention {
        match self {
            Self::Pause => Intervention::Pause,
            Self::Resume => Intervention::Resume,
            Self::Retry => Intervention::Retry,
            Self::Cancel => Intervention::Cancel { reason: String::new() },
        }
    }
}

impl App {
    /// Does it to all runs that match, if exactly as many would be changed as were seen.
    pub(crate) async fn intervene_all(
        &self,
        selection: &Selection,
        what: &Measure,
        expect: u64,
        caller: &Caller,
    ) -> Result<Tally, Problem> {
        let filter = selection.filter(self.now())?;
        let operator = &self.services.operator;
        Ok(operator.intervene_all(&filter, what, expect, &caller.actor()).await?)
    }
}

/// What `POST /v1/runs/bulk` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BulkIntervention")]
pub(crate) struct Ask {
    /// Which runs are meant; all that are not over when empty.
    #[serde(default)]
    pub(crate) filter: Selection,
    /// What is to be done to them.
    pub(crate) action: BulkAction,
    /// The step to do again, with all that come after it; goes with `retry` only.
    #[serde(default)]
    pub(crate) from: Option<String>,
    /// Why; needed to cancel.
    #[serde(default)]
    pub(crate) reason: Option<String>,
    /// Do it. Without this, the answer says what would be done.
    #[serde(default)]
    pub(crate) apply: bool,
    /// As many runs as an answer before said would be changed; needed with `apply`.
    #[serde(default)]
    pub(crate) expect: Option<u64>,
}

/// What `POST /v1/runs/bulk` answers.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BulkReport")]
pub(crate) struct Report {
    /// Whether anything was changed.
    pub(crate) applied: bool,
    /// What would be done, as of the moment before.
    pub(crate) forecast: Forecast,
    /// What was done.
    pub(crate) tally: Option<Tally>,
}

impl App {
    /// Looks, and does it when told to.
    pub(crate) async fn bulk(&self, ask: &Ask, caller: &Caller) -> Result<Report, Problem> {
        let (filter, from) = (ask.filter.filter(self.now())?, ask.from.as_deref());
        let forecast = self.reads().forecast(&filter, &ask.action.looked_at(from)?).await?;
        if !ask.apply {
            return Ok(Report { applied: false, forecast, tally: None });
        }
        let Some(expect) = ask.expect else {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-field",
                "`expect` must say how many runs you saw; ask without `apply` first",
            )
            .field("expect"));
        };
        let what = ask.action.measure(from, ask.reason.as_deref())?;
        let tally = self.intervene_all(&ask.filter, &what, expect, caller).await?;
        Ok(Report { applied: true, forecast, tally: Some(tally) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_ago_is_a_length_of_time_and_nothing_else() {
        let now: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
        assert_eq!(before(now, "3d").unwrap().to_string(), "2026-11-19T07:00:00Z");
        for wrong in ["", "soon", "-3d", "99999999d"] {
            let problem = before(now, wrong).unwrap_err();
            assert_eq!((problem.status, problem.field.as_deref()), (422, Some("older_than")));
        }
    }

    #[test]
    fn cancelling_needs_a_reason() {
        assert!(BulkAction::Pause.measure(None, None).is_ok());
        for blank in [None, Some(" ")] {
            let problem = BulkAction::Cancel.measure(None, blank).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some("reason"));
        }
    }

    #[test]
    fn only_a_retry_goes_back_to_a_step() {
        let back = BulkAction::Retry.measure(Some(" reply "), None).unwrap();
        assert_eq!(back, Measure::RetryFrom("reply".to_owned()));
        for (action, from) in
            [(BulkAction::Pause, "reply"), (BulkAction::Cancel, "reply"), (BulkAction::Retry, " ")]
        {
            let problem = action.measure(Some(from), Some("why")).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some("from"));
        }
    }
}
