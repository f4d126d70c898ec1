//! A ticket's text as what a team is told.

use domain::{
    action::{Action, Team},
    snapshot::TicketBrief,
};

fn tell(ticket: TicketBrief) -> Action {
    Action::NotifyTeam { team: Team::Csm, text: ticket.body }
}

fn main() {}
