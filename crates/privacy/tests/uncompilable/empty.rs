//! Begun empty, to be filled later.

fn main() {
    let mut text = privacy::Redacted::default();
    text.0.push_str("ann@acme.example");
}
