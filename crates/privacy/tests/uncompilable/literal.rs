//! Put together by hand.

fn main() {
    let _ = privacy::Redacted("ann@acme.example".to_owned());
}
