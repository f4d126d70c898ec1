//! Makes one of hits that overlap, so that no part of any is left behind.

use crate::{
    detect::{Finding, Hit},
    fold::skeleton,
    kind::Kind,
};

/// The hits as disjoint spans in order. Overlapping hits become one span that covers them all.
pub(crate) fn resolve(text: &str, mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.retain(|hit| !hit.at.is_empty());
    hits.sort_by_key(|hit| (hit.at.start, hit.at.end));
    let mut resolved: Vec<Hit> = Vec::new();
    let mut cluster: Vec<Hit> = Vec::new();
    let mut end = 0;
    for hit in hits {
        if hit.at.start >= end && !cluster.is_empty() {
            resolved.extend(merge(text, &cluster));
            cluster.clear();
        }
        end = end.max(hit.at.end);
        cluster.push(hit);
    }
    resolved.extend(merge(text, &cluster));
    resolved
}

/// One hit for all: the strictest kind if it must never go out again, else that of the hit that
/// covers most.
fn merge(text: &str, cluster: &[Hit]) -> Option<Hit> {
    let start = cluster.iter().map(|hit| hit.at.start).min()?;
    let end = cluster.iter().map(|hit| hit.at.end).max()?;
    let best = cluster.iter().max_by_key(|hit| {
        let known = hit.person.is_some();
        (strictness(&hit.kind), hit.at.len(), known, std::cmp::Reverse(hit.kind.clone()))
    })?;
    if best.at == (start..end) {
        return Some(best.clone());
    }
    Some(Hit {
        at: start..end,
        kind: best.kind.clone(),
        canonical: format!("… {}", skeleton(&text[start..end])),
        person: None,
    })
}

/// Findings as disjoint spans in order. Where some overlap, the strictest, surest and longest says
/// what it is, and the span covers them all.
pub(crate) fn resolve_findings(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.retain(|finding| !finding.at.is_empty());
    findings.sort_by_key(|finding| (finding.at.start, finding.at.end));
    let mut resolved: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        match resolved.last_mut() {
            Some(last) if finding.at.start < last.at.end => {
                let rank = |finding: &Finding| {
                    (strictness(&finding.kind), finding.at.len(), finding.score)
                };
                let at = last.at.start..last.at.end.max(finding.at.end);
                if rank(&finding) > rank(last) {
                    *last = finding;
                }
                last.at = at;
            }
            _ => resolved.push(finding),
        }
    }
    resolved
}

/// What never goes out stays so, whatever it overlaps. A card's digits inside an account number
/// that checks out are the account number.
const fn strictness(kind: &Kind) -> u8 {
    match kind {
        Kind::Secret => 4,
        Kind::Iban => 3,
        Kind::CreditCard => 2,
        Kind::NationalId => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit(start: usize, end: usize, kind: Kind) -> Hit {
        Hit { at: start..end, kind, canonical: String::new(), person: None }
    }

    #[test]
    fn a_chain_of_overlaps_becomes_one_span_of_the_strictest_kind() {
        let text = "0123456789abcdef";
        let hits = vec![
            hit(4, 8, Kind::Secret),
            hit(0, 5, Kind::Email),
            hit(7, 12, Kind::Person),
            hit(12, 14, Kind::Phone),
        ];
        let resolved: Vec<_> =
            resolve(text, hits).into_iter().map(|hit| (hit.at, hit.kind)).collect();
        assert_eq!(resolved, [(0..12, Kind::Secret), (12..14, Kind::Phone)]);
    }

    proptest! {
        #[test]
        fn spans_are_sorted_disjoint_and_cover_every_hit(spans in proptest::collection::vec((0_usize..60, 1_usize..9), 0..12)) {
            let text = "x".repeat(80);
            let hits: Vec<_> = spans.iter().map(|(start, length)| hit(*start, start + length, Kind::Email)).collect();
            let resolved = resolve(&text, hits.clone());
            prop_assert!(resolved.windows(2).all(|pair| pair[0].at.end <= pair[1].at.start));
            for hit in hits {
                prop_assert!(resolved.iter().any(|span| span.at.start <= hit.at.start && hit.at.end <= span.at.end));
            }
        }
    }
}
