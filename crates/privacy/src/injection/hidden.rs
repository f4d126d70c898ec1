//! Text that a person does not see and a model reads: invisible characters, hidden markup.

/// Characters that come in numbers only where somebody hides something.
const MANY: usize = 6;

/// What is hidden in a text, with what each counts.
pub(super) fn signs(text: &str) -> Vec<(&'static str, u32)> {
    let mut found = Vec::new();
    let (mut tags, mut turned, mut between) = (0, 0, 0);
    let mut last = ' ';
    let mut flag = false;
    for c in text.chars() {
        match c {
            // The flags of Scotland, Wales and England are a black flag and tags.
            '\u{1f3f4}' => flag = true,
            '\u{e0000}'..='\u{e007f}' if flag => flag = c != '\u{e007f}',
            '\u{e0000}'..='\u{e0fff}' => tags += 1,
            '\u{202d}' | '\u{202e}' => turned += 1,
            '\u{200b}' | '\u{200c}' | '\u{200d}' | '\u{2060}' | '\u{feff}'
                if last.is_ascii_alphanumeric() =>
            {
                between += 1;
            }
            _ => flag = false,
        }
        last = c;
    }
    if tags > 0 || turned > 0 || between >= MANY {
        found.push(("hides text in invisible characters", 2));
    }
    found
}
