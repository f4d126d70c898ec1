//! A company worth demonstrating with.

use std::collections::HashSet;

use domain::{
    account::{AccountStatus, Lifecycle, Segment},
    record::{Priority, Row},
    user::Role,
};
use jiff::ToSpan;
use sample::Fate;

use crate::view::{AS_OF, account, activity, company};

#[test]
fn a_small_company_is_interesting_on_any_seed() {
    let mut fires = 0;
    for (seed, accounts) in (0..7).map(|seed| (seed, 120)).chain([(42, 200)]) {
        let company = company(accounts, seed);
        let (mut smb, mut enterprise, mut renewing, mut falling, mut urgent) = (0, 0, 0, 0, 0);
        for bundle in company.bundles() {
            let row = account(&bundle);
            let age = AS_OF.duration_since(row.contract_start.unwrap()).as_hours() / 24;
            let ahead = bundle.destiny.decides_on.duration_since(AS_OF).as_hours() / 24;
            let active = row.status == Some(AccountStatus::Active);
            if age < 14 {
                assert_eq!(row.lifecycle, Some(Lifecycle::Onboarding));
                assert!(!bundle.signals.is_empty());
                smb += u32::from(row.segment == Some(Segment::Smb));
                enterprise += u32::from(row.segment == Some(Segment::Enterprise));
            }
            renewing += u32::from(active && (30..=110).contains(&ahead));
            let now = activity(&bundle, AS_OF, 28).events;
            let before = activity(&bundle, AS_OF.saturating_sub(28.days()), 28).events;
            falling += u32::from(
                bundle.destiny.fate == Fate::Declining && before > 0.0 && now < 0.75 * before,
            );
            urgent += bundle
                .records
                .iter()
                .filter(|record| match &record.row {
                    Row::Ticket(row) => row.closed_at.is_none() && row.priority == Priority::P1,
                    _ => false,
                })
                .count();
        }
        let mix = format!(
            "seed {seed}, {accounts}: {smb} smb, {enterprise} enterprise, {renewing} renewing, \
                 {falling} falling, {urgent} urgent"
        );
        assert!(smb >= 2 && enterprise >= 1 && renewing >= 12 && falling >= 4, "{mix}");
        fires += urgent;
    }
    assert!(fires >= 4, "open P1 cases over eight companies: {fires}");
}

#[test]
fn the_team_grows_with_the_customers_and_owns_them() {
    for (accounts, csms) in [(1, 3), (120, 3), (200, 4), (6_000, 100)] {
        let company = company(accounts, 1);
        let team = company.team();
        let count = |role: Role| team.iter().filter(|member| member.role == role).count();
        assert_eq!(count(Role::Csm), csms, "for {accounts} accounts");
        assert!(
            count(Role::CsmManager) >= 1 && count(Role::CsOps) == 1 && count(Role::Leader) == 1
        );
        let addresses: HashSet<_> = team.iter().map(|member| &member.email).collect();
        assert_eq!(addresses.len(), team.len());
        assert!(team.iter().all(|member| member.since < AS_OF));
        let new = team.iter().filter(|m| m.since > AS_OF.saturating_sub(180.days())).count();
        assert!(new >= 1, "ME-20 needs new CSMs beside tenured ones");
    }
    let company = company(200, 1);
    let mut unowned = 0;
    for bundle in company.bundles() {
        let row = account(&bundle);
        match &row.csm_email {
            Some(email) => {
                let member = company.team().iter().find(|member| member.email == *email).unwrap();
                assert_eq!(row.csm_name.as_ref(), Some(&member.name));
                assert_eq!(row.csm_since, Some(member.since));
                assert_eq!(member.role, Role::Csm);
            }
            None => unowned += 1,
        }
    }
    assert_eq!(unowned, 4, "one in fifty has nobody yet");
}
