//! Moving runs to another version of their playbook: looked at first, then in small batches.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{
    port::{BATCH, Changed, KnownVersion, Move, RunFilter, StoreError},
    run::{Phase, Run, RunStatus},
    user::Actor,
};
use playbook::{Landing, Names, NamesError, Plan, check_names, land};
use serde::Serialize;

use crate::{active::ActiveError, steward::Steward};

/// How often runs that moved on while they were looked at are looked at again.
const PASSES: usize = 5;

/// How long to let them settle before that.
const PAUSE: Duration = Duration::from_millis(300);

/// Why runs cannot be moved at all.
#[derive(Debug, thiserror::Error)]
pub enum MigrateRunsError {
    /// Nothing of this name was ever loaded.
    #[error("no version of a playbook `{0}` was ever loaded; `playgate playbook list` shows them")]
    NoPlaybook(String),
    /// No version begins like this.
    #[error("playbook `{playbook}` has no version `{given}`; it has {known}")]
    NoVersion {
        /// The playbook.
        playbook: String,
        /// What was given.
        given: String,
        /// Versions there are.
        known: String,
    },
    /// Several versions begin like this.
    #[error("several versions begin with `{given}`: {known}; give more digits")]
    Ambiguous {
        /// What was given.
        given: String,
        /// Those that begin like it.
        known: String,
    },
    /// Neither a playbook nor a version of it was named.
    #[error(
        "say which playbook: give its name, or the first digits of one of its versions with \
         `--from` or `--to`"
    )]
    NoneNamed,
    /// No playbook has a version that begins like this.
    #[error(
        "no version of any playbook begins with `{0}`; `playgate playbook list` shows the active \
         ones, `playgate run show` the one a run is pinned to"
    )]
    UnknownVersion(String),
    /// The version is one of another playbook.
    #[error("version `{given}` is one of {}, not of `{playbook}`", list(of))]
    OtherPlaybook {
        /// The playbook that was named.
        playbook: String,
        /// The version that was given.
        given: String,
        /// Those that have such a version.
        of: Vec<String>,
    },
    /// The versions have no playbook in common.
    #[error(
        "version `{from}` is one of {}, version `{to}` of {}; runs move between versions of one \
         playbook",
        list(of_from),
        list(of_to)
    )]
    Strangers {
        /// Given as the one to move from.
        from: String,
        /// Those that have such a version.
        of_from: Vec<String>,
        /// Given as the one to move to.
        to: String,
        /// Those that have such a version.
        of_to: Vec<String>,
    },
    /// Several playbooks are meant by what was given.
    #[error(
        "`{given}` begins versions of {}; give more digits, or the name of the playbook",
        list(of)
    )]
    SeveralPlaybooks {
        /// What was given.
        given: String,
        /// Those that have such a version.
        of: Vec<String>,
    },
    /// No version is active and none was named.
    #[error("no version of `{0}` is active; say which one with --to")]
    NoneActive(String),
    /// Both are the same.
    #[error("`--from` and `--to` are the same version `{0}`")]
    Same(String),
    /// The mapping makes no sense.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// The version runs should move to cannot be read.
    #[error(transparent)]
    Active(#[from] ActiveError),
    /// The database failed. Runs that were moved before stay moved.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs that are alike in where they are and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MovedGroup {
    /// The version they are pinned to.
    pub from: String,
    /// Their step.
    pub step: String,
    /// Where they stand.
    pub status: RunStatus,
    /// What they wait for, in a word or two.
    pub waits_for: &'static str,
    /// Their step in the other version; none when they cannot move.
    pub lands_at: Option<String>,
    /// Why they cannot move.
    pub why_not: Option<String>,
}

/// What moving runs would do, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MovedRuns {
    /// The version they move to.
    pub to: String,
    /// The versions they move from.
    pub from: Vec<String>,
    /// Runs that can move, or did.
    pub moved: u64,
    /// Runs that cannot.
    pub cannot: u64,
    /// Runs that kept moving by themselves while they were looked at; ask again.
    pub busy: u64,
    /// Counts by where they are and what becomes of them.
    #[serde(serialize_with = "as_list")]
    pub groups: BTreeMap<MovedGroup, u64>,
}

fn as_list<S: serde::Serializer>(
    groups: &BTreeMap<MovedGroup, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Counted<'a> {
        #[serde(flatten)]
        group: &'a MovedGroup,
        count: u64,
    }
    serializer.collect_seq(groups.iter().map(|(group, count)| Counted { group, count: *count }))
}

/// Runs to be moved: which, whither, and what their steps are called there.
pub struct Migration {
    playbook: String,
    to: Arc<Plan>,
    /// By version; none where this program cannot read it any more.
    from: BTreeMap<String, Option<Arc<Plan>>>,
    names: Names,
}

impl Steward {
    /// Finds the versions that are meant. They may be given by the first digits of their hash;
    /// `to` is the active one when not given, `from` all others but the active one. The playbook
    /// is the one the versions are of when it is not named.
    pub async fn migration(
        &self,
        playbook: Option<&str>,
        from: Option<&str>,
        to: Option<&str>,
        names: Names,
    ) -> Result<Migration, MigrateRunsError> {
        let found;
        let playbook = if let Some(name) = playbook {
            name
        } else {
            found = self.playbook_of(from, to).await?;
            &found
        };
        let known = self.steering.versions_of(playbook).await?;
        if known.is_empty() {
            return Err(MigrateRunsError::NoPlaybook(playbook.to_owned()));
        }
        let to = match to {
            Some(given) => self.find(playbook, &known, given).await?,
            None => known
                .iter()
                .find(|version| version.active)
                .ok_or_else(|| MigrateRunsError::NoneActive(playbook.to_owned()))?
                .version
                .clone(),
        };
        let from = match from {
            Some(given) => vec![self.find(playbook, &known, given).await?],
            None => known
                .into_iter()
                .filter(|version| !version.active && version.version != to)
                .map(|version| version.version)
                .collect(),
        };
        if from.contains(&to) {
            return Err(MigrateRunsError::Same(short(&to).to_owned()));
        }
        let target = self.active.plan(&to).await?;
        let mut plans = BTreeMap::new();
        for version in from {
            let plan = match self.active.plan(&version).await {
                Ok(plan) => Some(plan),
                Err(ActiveError::Store(err)) => return Err(err.into()),
                // Leaving it behind is what runs of it need most.
                Err(_) => None,
            };
            plans.insert(version, plan);
        }
        let readable: Vec<&Plan> = plans.values().flatten().map(|plan| &**plan).collect();
        if plans.values().all(Option::is_some) || names.is_empty() {
            check_names(&readable, &target, &names)?;
        }
        Ok(Migration { playbook: playbook.to_owned(), to: target, from: plans, names })
    }

    /// The one playbook that has the versions that were given.
    async fn playbook_of(
        &self,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<String, MigrateRunsError> {
        let (given, found) = match (from, to) {
            (None, None) => return Err(MigrateRunsError::NoneNamed),
            (Some(given), None) | (None, Some(given)) => {
                (given.to_owned(), self.playbooks_with(given).await?)
            }
            (Some(from), Some(to)) => {
                let of_from = self.playbooks_with(from).await?;
                let of_to = self.playbooks_with(to).await?;
                let both: Vec<String> =
                    of_from.iter().filter(|name| of_to.contains(name)).cloned().collect();
                if both.is_empty() {
                    let (from, to) = (from.to_owned(), to.to_owned());
                    return Err(MigrateRunsError::Strangers { from, of_from, to, of_to });
                }
                (format!("{from}` and `{to}"), both)
            }
        };
        match <[String; 1]>::try_from(found) {
            Ok([one]) => Ok(one),
            Err(of) => Err(MigrateRunsError::SeveralPlaybooks { given, of }),
        }
    }

    /// Playbooks with a version that begins like this; there is one at least.
    async fn playbooks_with(&self, given: &str) -> Result<Vec<String>, MigrateRunsError> {
        let found = match given {
            "" => Vec::new(),
            given => self.steering.playbooks_with(given).await?,
        };
        if found.is_empty() {
            return Err(MigrateRunsError::UnknownVersion(given.to_owned()));
        }
        Ok(found)
    }

    /// The one version of a playbook that begins like this.
    async fn find(
        &self,
        playbook: &str,
        known: &[KnownVersion],
        given: &str,
    ) -> Result<String, MigrateRunsError> {
        match find(playbook, known, given) {
            Err(MigrateRunsError::NoVersion { .. }) if !given.is_empty() => {
                let of = self.steering.playbooks_with(given).await?;
                if of.is_empty() {
                    return find(playbook, known, given);
                }
                let (playbook, given) = (playbook.to_owned(), given.to_owned());
                Err(MigrateRunsError::OtherPlaybook { playbook, given, of })
            }
            found => found,
        }
    }

    /// Looks at every run that would be moved; changes nothing.
    pub async fn look_at_migration(&self, of: &Migration) -> Result<MovedRuns, StoreError> {
        let mut seen = of.begin();
        for (version, status) in of.walks() {
            let mut after = None;
            loop {
                let runs = self.runs_of(of, version, status, after).await?;
                let Some(last) = runs.last() else { break };
                after = Some((last.started_at, last.id));
                for run in &runs {
                    match of.land(run) {
                        Ok(landing) => seen.count(run, Ok(&landing.progress.step), 1),
                        Err(why) => seen.count(run, Err(why), 1),
                    }
                }
            }
        }
        Ok(seen)
    }

    /// Moves the runs that can move. `tell` hears how many have moved so far.
    pub async fn migrate(
        &self,
        of: &Migration,
        by: &Actor,
        tell: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<MovedRuns, StoreError> {
        let mut done = of.begin();
        for (version, status) in of.walks() {
            for pass in 1..=PASSES {
                let (left, busy) = self.pass(of, version, status, by, &mut done, tell).await?;
                if busy == 0 || pass == PASSES {
                    done.busy += busy;
                    for (group, count) in left {
                        done.cannot += count;
                        *done.groups.entry(group).or_default() += count;
                    }
                    break;
                }
                self.ports.timer.sleep(PAUSE).await;
            }
        }
        Ok(done)
    }

    /// Moves what can move of one version and status; tells what cannot, and how many moved on
    /// meanwhile.
    async fn pass(
        &self,
        of: &Migration,
        version: &str,
        status: RunStatus,
        by: &Actor,
        done: &mut MovedRuns,
        tell: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(BTreeMap<MovedGroup, u64>, u64), StoreError> {
        let (mut after, mut busy) = (None, 0);
        let mut left = of.begin();
        loop {
            let runs = self.runs_of(of, version, status, after).await?;
            let Some(last) = runs.last() else { return Ok((left.groups, busy)) };
            after = Some((last.started_at, last.id));
            let mut moves = Vec::with_capacity(runs.len());
            for run in runs {
                match of.land(&run) {
                    Ok(Landing { progress, renamed }) => {
                        let (to, priority) = (of.to.version.clone(), of.to.priority);
                        moves.push(Move { run, to, priority, progress, renamed });
                    }
                    Err(why) => left.count(&run, Err(why), 1),
                }
            }
            let now = self.ports.clock.now();
            let answers = self.steering.migrate_runs(moves.clone(), by, now).await?;
            for (one, answer) in moves.iter().zip(answers) {
                match answer {
                    Changed::Done => done.count(&one.run, Ok(&one.progress.step), 1),
                    Changed::MovedOn | Changed::Sending => busy += 1,
                    Changed::NotFound => {}
                }
            }
            tell(done.moved);
        }
    }

    async fn runs_of(
        &self,
        of: &Migration,
        version: &str,
        status: RunStatus,
        after: Option<(jiff::Timestamp, domain::id::RunId)>,
    ) -> Result<Vec<Run>, StoreError> {
        let filter = RunFilter {
            status: Some(status),
            playbook: Some(of.playbook.clone()),
            version: Some(version.to_owned()),
            ..RunFilter::default()
        };
        let limit = u32::try_from(BATCH).unwrap_or(u32::MAX);
        self.steering.longest_started(&filter, after, limit).await
    }
}

impl Migration {
    /// The playbook whose runs move.
    pub fn playbook(&self) -> &str {
        &self.playbook
    }

    fn begin(&self) -> MovedRuns {
        MovedRuns {
            to: self.to.version.clone(),
            from: self.from.keys().cloned().collect(),
            moved: 0,
            cannot: 0,
            busy: 0,
            groups: BTreeMap::new(),
        }
    }

    /// What is walked through, one after the other.
    fn walks(&self) -> impl Iterator<Item = (&str, RunStatus)> {
        self.from.keys().flat_map(|version| {
            let live = RunStatus::ALL.iter().filter(|status| !status.is_over());
            live.map(move |status| (version.as_str(), *status))
        })
    }

    fn land(&self, run: &Run) -> Result<Landing, String> {
        let from = self.from.get(&run.version).and_then(Option::as_deref);
        land(from, &self.to, &self.names, &run.progress).map_err(|misfit| misfit.to_string())
    }
}

impl MovedRuns {
    fn count(&mut self, run: &Run, landing: Result<&String, String>, count: u64) {
        let (lands_at, why_not) = match landing {
            Ok(step) => {
                self.moved += count;
                (Some(step.clone()), None)
            }
            Err(why) => {
                self.cannot += count;
                (None, Some(why))
            }
        };
        let group = MovedGroup {
            from: run.version.clone(),
            step: run.progress.step.clone(),
            status: run.status,
            waits_for: waits_for(&run.progress.phase),
            lands_at,
            why_not,
        };
        *self.groups.entry(group).or_default() += count;
    }
}

const fn waits_for(phase: &Phase) -> &'static str {
    match phase {
        Phase::Ready => "its turn",
        Phase::Drafting { .. } => "the writer",
        Phase::AwaitingApproval { .. } => "a decision",
        Phase::AwaitingDelivery { .. } => "delivery",
        Phase::AwaitingTask { .. } => "a task",
        Phase::AwaitingSignal { .. } => "a signal",
        Phase::Sleeping { .. } => "its time",
    }
}

/// The one version that begins like this.
fn find(playbook: &str, known: &[KnownVersion], given: &str) -> Result<String, MigrateRunsError> {
    let list = |versions: &[&KnownVersion]| {
        versions.iter().map(|version| short(&version.version)).collect::<Vec<_>>().join(", ")
    };
    let found: Vec<&KnownVersion> = known
        .iter()
        .filter(|version| !given.is_empty() && version.version.starts_with(given))
        .collect();
    match found.as_slice() {
        [one] => Ok(one.version.clone()),
        [] => Err(MigrateRunsError::NoVersion {
            playbook: playbook.to_owned(),
            given: given.to_owned(),
            known: list(&known.iter().collect::<Vec<_>>()),
        }),
        several => {
            Err(MigrateRunsError::Ambiguous { given: given.to_owned(), known: list(several) })
        }
    }
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}
