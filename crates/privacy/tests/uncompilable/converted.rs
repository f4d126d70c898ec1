//! Converted from a text.

fn main() {
    let _: privacy::Redacted = "ann@acme.example".to_owned().into();
}
