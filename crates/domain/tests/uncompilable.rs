//! What must not compile: text from outside on its way to where it would have an effect.

#[test]
fn gv_13_untrusted_text_reaches_no_sink() {
    trybuild::TestCases::new().compile_fail("tests/uncompilable/*.rs");
}
