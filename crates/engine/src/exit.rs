//! Has letters looked at on their way out: after they are written or edited, and before they leave.

use domain::{
    approval::{Approval, ApprovalState},
    draft::{Finding, Version},
    port::Parcel,
    user::Actor,
};
use tracing::warn;

use crate::ports::Ports;

/// What the exit finds in a letter that is put forward. If it cannot look, that is a finding, which
/// no grant but a person's overcomes.
pub(crate) async fn findings(ports: &Ports, parcel: Parcel<'_>) -> Vec<Finding> {
    match ports.exit.inspect(parcel).await {
        Ok(findings) => findings,
        Err(unchecked) => {
            warn!(error = %unchecked, "a letter could not be checked; a person must look at it");
            vec![Finding {
                code: Finding::UNCHECKED.to_owned(),
                detail: unchecked.to_string(),
                blocking: false,
                place: None,
            }]
        }
    }
}

/// What there is against a letter that is about to be sent: what was found when it was written,
/// and what is found now. The error says why it has to wait.
pub(crate) async fn again(
    ports: &Ports,
    parcel: Parcel<'_>,
    approval: &Approval,
    version: &Version,
) -> Result<Vec<Finding>, String> {
    let known = version.findings.clone();
    match ports.exit.inspect(parcel).await {
        Ok(found) => {
            // What is found now counts, and what other checks found then.
            let others = known
                .into_iter()
                .filter(|finding| finding.place.is_none() && finding.code != Finding::UNCHECKED);
            Ok(others.chain(found).collect())
        }
        // A person who knew that it could not be checked has let it go.
        Err(_)
            if known.iter().any(|finding| finding.code == Finding::UNCHECKED)
                && by_person(approval) =>
        {
            Ok(known)
        }
        Err(unchecked) => {
            warn!(error = %unchecked, "a letter is held back until it can be checked");
            Err(unchecked.to_string())
        }
    }
}

fn by_person(approval: &Approval) -> bool {
    matches!(&approval.state, ApprovalState::Approved { by: Actor::User { .. }, .. })
}
