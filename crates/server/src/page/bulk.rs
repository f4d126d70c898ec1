//! `/runs/bulk`: what would be done to many runs, and doing it once somebody has seen how many.

use axum::{
    extract::State,
    response::{Html, Redirect},
};
use domain::port::{Hindered, Measure, RunGroup, Tally};
use serde::{Deserialize, Serialize};

use crate::{
    app::{App, Reads},
    bulk::{BulkAction, Selection},
    extract::{Fields, Params, blank},
    guard::Caller,
    page::{line::RunLine, link, stop::typed},
    problem::Problem,
    timeline::Names,
};

/// What the address or the form says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chosen {
    #[serde(flatten)]
    selection: Selection,
    #[serde(deserialize_with = "blank")]
    action: Option<String>,
    #[serde(deserialize_with = "blank")]
    from: Option<String>,
    #[serde(deserialize_with = "blank")]
    reason: Option<String>,
    #[serde(deserialize_with = "blank")]
    expect: Option<u64>,
    #[serde(deserialize_with = "blank")]
    confirm: Option<String>,
}

impl Chosen {
    fn action(&self) -> Result<BulkAction, Problem> {
        let asked = self.action.as_deref().unwrap_or_default();
        BulkAction::ALL
            .into_iter()
            .find(|action| action.as_str() == asked)
            .ok_or_else(|| Problem::invalid("action", "is not one of pause, resume, cancel, retry"))
    }
}

/// A field that travels along.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Hidden {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

impl Hidden {
    pub(crate) fn all(selection: &Selection) -> Vec<Self> {
        selection.fields().into_iter().map(|(name, value)| Self { name, value }).collect()
    }
}

/// Runs that stay as they are, and why.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Kept {
    pub(crate) playbook: String,
    pub(crate) step: String,
    pub(crate) why: String,
    pub(crate) count: u64,
}

impl Kept {
    pub(crate) fn new(hindered: Hindered) -> Self {
        let Hindered { playbook, step, why, count } = hindered;
        Self { playbook, step, why, count }
    }
}

/// Runs that are alike.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) playbook: String,
    pub(crate) status: &'static str,
    pub(crate) step: String,
    pub(crate) count: u64,
}

impl Group {
    pub(crate) fn new(group: RunGroup) -> Self {
        let RunGroup { playbook, status, step, count } = group;
        Self { playbook, status: status.as_str(), step, count }
    }
}

/// The page that asks.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    pub(crate) action: &'static str,
    pub(crate) verb: &'static str,
    pub(crate) cancels: bool,
    /// The step they would do again, with all after it.
    pub(crate) from: Option<String>,
    pub(crate) count: u64,
    pub(crate) left_alone: u64,
    pub(crate) kept: Vec<Kept>,
    pub(crate) groups: Vec<Group>,
    pub(crate) first: Vec<RunLine>,
    pub(crate) fields: Vec<Hidden>,
    pub(crate) back: String,
}

/// The address of the list with a selection.
pub(crate) fn list_of(selection: &Selection, more: &[(&'static str, String)]) -> String {
    let fields = selection.fields();
    let all: Vec<(&str, Option<&str>)> =
        fields.iter().chain(more).map(|(name, value)| (*name, Some(value.as_str()))).collect();
    link("/runs", &all)
}

pub(crate) async fn ask(
    State(reads): State<Reads>,
    caller: Caller,
    Params(chosen): Params<Chosen>,
) -> Result<Html<String>, Problem> {
    let (action, selection) = (chosen.action()?, &chosen.selection);
    let what = action.looked_at(chosen.from.as_deref())?;
    let now = reads.now();
    let forecast = reads.forecast(&selection.filter(now)?, &what).await?;
    let names: Names = reads.names(forecast.first.iter().map(|run| run.account).collect()).await?;
    let view = View {
        action: action.as_str(),
        verb: action.verb(),
        cancels: action == BulkAction::Cancel,
        from: match what {
            Measure::RetryFrom(step) => Some(step),
            Measure::Intervene(_) => None,
        },
        count: forecast.count,
        left_alone: forecast.left_alone,
        kept: forecast.hindered.into_iter().map(Kept::new).collect(),
        groups: forecast.groups.into_iter().map(Group::new).collect(),
        first: forecast.first.iter().map(|run| RunLine::new(run, &names, now)).collect(),
        fields: Hidden::all(selection),
        back: list_of(selection, &[]),
    };
    let title = format!("{} runs", action.verb());
    let frame = reads.frame(&caller, title, "runs").await?;
    reads.screens().render("bulk.html", &frame, &view)
}

pub(crate) async fn act(
    State(app): State<App>,
    caller: Caller,
    Fields(chosen): Fields<Chosen>,
) -> Result<Redirect, Problem> {
    let (action, selection) = (chosen.action()?, &chosen.selection);
    if action == BulkAction::Cancel {
        typed(chosen.confirm.as_deref().unwrap_or_default(), "cancel")?;
    }
    let expect = chosen
        .expect
        .ok_or_else(|| Problem::invalid("expect", "must say how many runs you saw"))?;
    let what = action.measure(chosen.from.as_deref(), chosen.reason.as_deref())?;
    let tally = app.intervene_all(selection, &what, expect, &caller).await?;
    let did = match what {
        Measure::RetryFrom(_) => BACK,
        Measure::Intervene(_) => action.as_str(),
    };
    let done = [
        ("did", did.to_owned()),
        ("done", tally.done.to_string()),
        ("not_possible", tally.not_possible.to_string()),
        ("gone", tally.gone.to_string()),
    ];
    // The status that was chosen is the one the runs have just left.
    let there = Selection { status: None, code: None, ..selection.clone() };
    Ok(Redirect::to(&list_of(&there, &done)))
}

/// What the address says was done to runs that went back to a step.
const BACK: &str = "retry-from";

/// What was done, in a sentence. Made of counts and of words of ours: nothing else from the
/// address is shown.
pub(crate) fn sentence(did: &str, tally: Tally) -> Option<String> {
    let what = if did == BACK {
        Measure::RetryFrom(String::new()).done()
    } else {
        let action = BulkAction::ALL.into_iter().find(|action| action.as_str() == did)?;
        action.intervention().done()
    };
    let runs = |count: u64| if count == 1 { "1 run".to_owned() } else { format!("{count} runs") };
    let were = if tally.done == 1 { "was" } else { "were" };
    let mut parts = vec![format!("{} {were} {}.", runs(tally.done), what)];
    if tally.not_possible > 0 {
        parts.push(format!("For {} it made no sense any more.", runs(tally.not_possible)));
    }
    if tally.gone > 0 {
        parts.push(format!("{} had moved on meanwhile.", runs(tally.gone)));
    }
    Some(parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_in_counts() {
        let tally = Tally { done: 12, not_possible: 1, gone: 3 };
        assert_eq!(
            sentence("pause", tally).unwrap(),
            "12 runs were paused. For 1 run it made no sense any more. 3 runs had moved on \
             meanwhile."
        );
        let one = Tally { done: 1, ..Tally::default() };
        assert_eq!(sentence("retry", one).unwrap(), "1 run was retried.");
        assert_eq!(sentence("retry-from", one).unwrap(), "1 run was taken back.");
        assert_eq!(sentence("<script>", one), None);
    }
}
