//! Parsed from a text.

fn main() {
    let _ = "ann@acme.example".parse::<privacy::Redacted>();
}
