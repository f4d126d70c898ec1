//! A ticket's text in a line of a log, an error or another text.

use domain::snapshot::TicketBrief;

fn line(ticket: &TicketBrief) -> String {
    format!("customer wrote: {}", ticket.body)
}

fn main() {}
