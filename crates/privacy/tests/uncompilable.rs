//! What must not compile: text that passes for redacted without a redactor.

#[test]
fn only_a_redactor_makes_redacted_text() {
    trybuild::TestCases::new().compile_fail("tests/uncompilable/*.rs");
}
