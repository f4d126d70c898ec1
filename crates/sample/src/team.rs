//! The people who look after the customers.

use std::collections::HashMap;

use domain::user::Role;
use jiff::civil::Date;

use crate::{VENDOR_DOMAIN, calendar::Calendar, chance::Chance, name::Person};

/// One of the fictional company's own people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their address; no two have the same.
    pub email: String,
    /// Full name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// First working day.
    pub since: Date,
}

/// Accounts a CSM looks after.
const BOOK: u64 = 60;
/// The smallest team that can show one CSM helping another.
const FEWEST: u64 = 3;

/// The CSMs, one for about sixty accounts, then a manager for each ten of them, one of CS ops and
/// one leader.
pub(crate) fn team(chance: &mut Chance, calendar: Calendar, accounts: u64) -> Vec<Member> {
    let csms = accounts.div_ceil(BOOK).max(FEWEST);
    let mut taken: HashMap<String, u32> = HashMap::new();
    let mut member = |role: Role, days: u64| {
        let person = Person::anyone(chance);
        let mailbox = person.mailbox();
        let times = taken.entry(mailbox.clone()).or_default();
        *times += 1;
        let number = if *times == 1 { String::new() } else { times.to_string() };
        Member {
            email: format!("{mailbox}{number}@{VENDOR_DOMAIN}"),
            name: person.full(),
            role,
            since: calendar.date(calendar.working_day(-days.cast_signed())),
        }
    };
    let mut team = Vec::new();
    for csm in 0..csms {
        // Every third CSM is new, so that new and tenured can be told apart in any team (ME-20).
        let days = match csm % 3 {
            1 => 20 + csm * 37 % 140,
            _ => 400 + csm * 113 % 1_600,
        };
        team.push(member(Role::Csm, days));
    }
    for manager in 0..csms.div_ceil(10) {
        team.push(member(Role::CsmManager, 900 + manager * 71 % 900));
    }
    team.push(member(Role::CsOps, 640));
    team.push(member(Role::Leader, 1_410));
    team
}
