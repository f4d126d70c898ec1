//! The playbooks and the policy in force, compiled once per version.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::port::{Catalogue, PlaybookVersion, PolicyVersion, StoreError};
use playbook::Plan;
use policy::Policy;
use tracing::warn;

use crate::ports::Ports;

/// Why a playbook or policy version cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum ActiveError {
    /// A stored version does not compile with this program.
    #[error("{what} version `{version}` does not compile with this program: {why}")]
    Broken {
        /// `playbook` or `policy`.
        what: &'static str,
        /// The version.
        version: String,
        /// The first error.
        why: String,
    },
    /// A version a run is pinned to is gone.
    #[error("playbook version `{0}` is not in the database")]
    Missing(String),
    /// No policy was ever activated.
    #[error("no policy is active; run `playgate policy activate`")]
    NoPolicy,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Compiled versions, by content hash: one for everything in a process. A version never changes, so
/// nothing here expires. Cheap to clone.
#[derive(Clone, Default)]
pub struct Compiled {
    plans: Arc<Mutex<HashMap<String, Arc<Plan>>>>,
    policies: Arc<Mutex<HashMap<String, Arc<Policy>>>>,
}

impl Compiled {
    /// The plan of a stored version, compiled if that was not done before.
    pub fn plan_of(&self, stored: &PlaybookVersion) -> Result<Arc<Plan>, ActiveError> {
        if let Some(plan) = get(&self.plans, &stored.version) {
            return Ok(plan);
        }
        let plan = Plan::compile(&stored.files).map_err(|errors| ActiveError::Broken {
            what: "playbook",
            version: stored.version.clone(),
            why: errors.to_string(),
        })?;
        Ok(put(&self.plans, &stored.version, plan))
    }

    /// The policy of a stored version, compiled if that was not done before.
    pub fn policy_of(&self, stored: &PolicyVersion) -> Result<Arc<Policy>, ActiveError> {
        if let Some(policy) = get(&self.policies, &stored.version) {
            return Ok(policy);
        }
        let policy = Policy::compile(&stored.files).map_err(|errors| ActiveError::Broken {
            what: "policy",
            version: stored.version.clone(),
            why: errors.to_string(),
        })?;
        Ok(put(&self.policies, &stored.version, policy))
    }
}

/// The versions in force, and those that runs are pinned to.
#[derive(Clone)]
pub(crate) struct Active {
    catalogue: Arc<dyn Catalogue>,
    compiled: Compiled,
}

impl Active {
    pub(crate) fn new(ports: &Ports) -> Self {
        Self { catalogue: Arc::clone(&ports.catalogue), compiled: ports.compiled.clone() }
    }

    /// The plan a run is pinned to.
    pub(crate) async fn plan(&self, version: &str) -> Result<Arc<Plan>, ActiveError> {
        if let Some(plan) = get(&self.compiled.plans, version) {
            return Ok(plan);
        }
        let stored = self
            .catalogue
            .playbook_version(version)
            .await?
            .ok_or_else(|| ActiveError::Missing(version.to_owned()))?;
        self.compiled.plan_of(&stored)
    }

    /// The plans that triggers start.
    pub(crate) async fn plans(&self) -> Result<Vec<Arc<Plan>>, ActiveError> {
        let stored = self.catalogue.active_playbooks().await?;
        Ok(stored
            .iter()
            .filter_map(|version| match self.compiled.plan_of(version) {
                Ok(plan) => Some(plan),
                Err(err) => {
                    // One that this program cannot read must not stop the others.
                    warn!(playbook = version.name, error = %err, "playbook is left out");
                    None
                }
            })
            .collect())
    }

    /// The policy in force at this moment.
    pub(crate) async fn policy(&self) -> Result<Arc<Policy>, ActiveError> {
        // The files travel once a version; which is in force is asked every time.
        let version = self.catalogue.active_policy_version().await?.ok_or(ActiveError::NoPolicy)?;
        if let Some(policy) = get(&self.compiled.policies, &version) {
            return Ok(policy);
        }
        let stored = self.catalogue.active_policy().await?.ok_or(ActiveError::NoPolicy)?;
        self.compiled.policy_of(&stored)
    }
}

fn get<T>(cache: &Mutex<HashMap<String, Arc<T>>>, version: &str) -> Option<Arc<T>> {
    cache.lock().unwrap_or_else(PoisonError::into_inner).get(version).cloned()
}

fn put<T>(cache: &Mutex<HashMap<String, Arc<T>>>, version: &str, value: T) -> Arc<T> {
    let value = Arc::new(value);
    cache
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(version.to_owned(), Arc::clone(&value));
    value
}
