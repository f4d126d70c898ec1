//! The company: its team, and its accounts one after the other.

use domain::{
    account::Money,
    record::{AccountRow, ChurnRow, Record, Row},
    user::Role,
};

use crate::{
    calendar::Calendar,
    chance::{Chance, Spread},
    contact::People,
    conversation,
    destiny::{Decline, Destiny, Fate},
    meeting,
    profile::Profile,
    settings::{Settings, SettingsError},
    sheet::Sheet,
    signal::{self, Signal},
    subscription, survey,
    team::{Member, team},
    ticket, usage,
};

/// The source the company's records come from.
pub const SOURCE: &str = "sample";

/// A fictional company: settings, and what all accounts share.
#[derive(Clone, Debug)]
pub struct Company {
    settings: Settings,
    calendar: Calendar,
    team: Vec<Member>,
    csms: usize,
    spread: Spread,
    /// Where in the list of company names the first account starts.
    shift: u64,
}

/// Everything about one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// Rows in an order in which each refers only to earlier ones: the account first.
    pub records: Vec<Record>,
    /// The truth the rows follow.
    pub destiny: Destiny,
    /// Recent events for whoever lets triggers fire.
    pub signals: Vec<Signal>,
}

impl Company {
    /// The company these settings describe.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        let calendar = Calendar::new(settings.as_of);
        let mut chance = Chance::company(settings.seed);
        let spread = Spread::new(&mut chance);
        let shift = chance.bits();
        let team = team(&mut chance, calendar, settings.accounts);
        let csms = team.iter().filter(|member| member.role == Role::Csm).count();
        Ok(Self { settings, calendar, team, csms, spread, shift })
    }

    /// What it was made from.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The company's own people: CSMs, managers, CS ops, a leader.
    pub fn team(&self) -> &[Member] {
        &self.team
    }

    /// The accounts in order, each made when asked for and held by nobody.
    pub fn bundles(&self) -> impl Iterator<Item = Bundle> + '_ {
        (0..self.settings.accounts).map(|index| self.account(index))
    }

    /// One account, the same whenever and in whatever order it is asked for.
    pub fn account(&self, index: u64) -> Bundle {
        let Settings { seed, effect, .. } = self.settings;
        let calendar = self.calendar;
        let profile = Profile::of(seed, self.shift, &self.spread, calendar, index);
        let destiny = Destiny::of(seed, effect, calendar, &profile);
        let decline = Decline::of(&destiny, calendar);
        let csm = self.csm(index);
        let mut sheet = Sheet::new();
        sheet.push(profile.id(), Row::Account(self.row(&profile, csm)));
        let (people, contacts) = People::of(seed, calendar, &profile, decline);
        people.record(contacts, &mut sheet);
        subscription::record(seed, calendar, &profile, &mut sheet);
        usage::record(seed, calendar, &profile, decline, &mut sheet);
        let tickets = ticket::record(seed, calendar, &profile, &people, decline, &mut sheet);
        survey::record(seed, calendar, &profile, &people, decline, &mut sheet);
        meeting::record(seed, calendar, &profile, &people, csm, decline, &mut sheet);
        conversation::record(seed, calendar, &profile, &people, csm, decline, &mut sheet);
        if profile.fate == Fate::Churned {
            sheet.push(format!("X-{index:06}"), Row::Churn(churn(&profile, &destiny)));
        }
        let signals = signal::of(calendar, &profile, &tickets);
        Bundle { records: sheet.records(), destiny, signals }
    }

    /// The truth of one account alone, without the work of making its rows.
    pub fn destiny(&self, index: u64) -> Destiny {
        let Settings { seed, effect, .. } = self.settings;
        let profile = Profile::of(seed, self.shift, &self.spread, self.calendar, index);
        Destiny::of(seed, effect, self.calendar, &profile)
    }

    fn csm(&self, index: u64) -> &Member {
        let place = usize::try_from(index % self.csms as u64).unwrap_or(0);
        &self.team[place]
    }

    fn row(&self, profile: &Profile, csm: &Member) -> AccountRow {
        // One account in fifty has nobody yet: somebody has to notice.
        let owned = profile.index % 50 != 37;
        AccountRow {
            name: profile.name.clone(),
            domain: Some(profile.firm.domain.clone()),
            industry: Some(profile.firm.industry.to_owned()),
            employees: Some(profile.employees),
            segment: Some(profile.segment),
            tier: Some(profile.tier),
            lifecycle: Some(profile.lifecycle()),
            status: Some(profile.status()),
            csm_email: owned.then(|| csm.email.clone()),
            csm_name: owned.then(|| csm.name.clone()),
            csm_since: owned.then_some(csm.since),
            region: Some(profile.place.country.to_owned()),
            time_zone: Some(profile.zone.to_owned()),
            arr: Some(Money {
                minor: profile.arr * 100,
                currency: subscription::CURRENCY.to_owned(),
            }),
            contract_start: Some(self.calendar.date(profile.starts)),
            renewal_date: Some(self.calendar.date(profile.decides)),
            health: None,
        }
    }
}

fn churn(profile: &Profile, destiny: &Destiny) -> ChurnRow {
    let cause = destiny.cause.unwrap_or(crate::destiny::Cause::Price);
    ChurnRow {
        account: profile.id(),
        day: destiny.decides_on,
        reason: cause.code().to_owned(),
        reactivation: false,
        feedback: (!profile.index.is_multiple_of(3)).then(|| cause.farewell().to_owned()),
    }
}
