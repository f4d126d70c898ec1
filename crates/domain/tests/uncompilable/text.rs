//! A ticket's text as a text like any other.

use domain::snapshot::TicketBrief;

fn text(ticket: &TicketBrief) -> &str {
    &ticket.body
}

fn main() {}
